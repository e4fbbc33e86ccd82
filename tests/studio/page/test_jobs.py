"""Work that takes a while, on the page: downloads in all kinds, cancelled, compared with the command line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ingan_fast.pictures import save_image
from ingan_fast.video.reading import Clip
from layout_scenes import grain
from studio_page import choose, rested, shape, tool, until
from video_clips import frames_of

Command = Callable[..., Any]


def downloaded(page: Any, button: str, folder: Path) -> Path:
    with page.expect_download() as downloading:
        page.click(button)
    path = folder / str(downloading.value.suggested_filename)
    downloading.value.save_as(path)
    return path


def test_another_format_is_what_the_command_makes(page: Any, photo: Path, tmp_path: Path, ingan_fast: Command) -> None:
    page.click("text=Twice as wide")
    tool(page, "save")
    choose(page, "JPEG")
    made = downloaded(page, "#download", tmp_path)
    assert ingan_fast("retarget", photo, "--size", "360x60", "--out", made.name).code == 0
    assert Path(made.name).read_bytes() == made.read_bytes()


def test_a_layout_and_a_video_are_what_the_commands_make(
    page: Any, photo: Path, tmp_path: Path, ingan_fast: Command
) -> None:
    tool(page, "move")
    page.click("#key-add")
    page.click("button[data-tool=shape]")
    page.click("text=Half as wide")
    tool(page, "move")
    page.click("#key-add")
    script = downloaded(page, "#save-script", tmp_path)
    video = downloaded(page, "#save-video", tmp_path)
    assert ingan_fast("video", photo, "--script", script, "--out", "made.mp4").code == 0
    ours, theirs = (np.stack([frame.pixels for frame in frames_of(Clip(path))]) for path in (video, Path("made.mp4")))
    assert ours.shape == theirs.shape
    assert np.abs(ours.astype(int) - theirs).mean() < 0.1  # the encoder once chose otherwise in another process
    tool(page, "save")
    layout = downloaded(page, "#download-layout", tmp_path)
    assert ingan_fast("retarget", photo, "--size", "90x60", "--out", "o.png", "--save-layout", "made.npz").code == 0
    with np.load(layout) as one, np.load("made.npz") as other:
        assert one.files == other.files
        assert all((one[name] == other[name]).all() for name in one.files)


def test_a_job_is_cancelled(page: Any) -> None:
    page.fill("#width", "9000")
    page.fill("#height", "9000")
    page.keyboard.press("Tab")
    assert shape(page) == (9000, 9000)
    tool(page, "save")
    with page.expect_response(lambda answer: answer.url.endswith("/outputs")) as started:
        page.click("#download")
    job = started.value.json()["id"]
    with page.expect_response(lambda answer: answer.request.method == "DELETE") as cancelled:
        page.click("#jobs button[aria-label^=Cancel]")
    assert (cancelled.value.status, cancelled.value.url.endswith(job)) == (204, True)
    until(page, "!document.querySelector('#jobs li')")
    assert page.locator(".notice.error").count() == 0


def test_seam_carving_and_the_measures_are_shown(page: Any, tmp_path: Path) -> None:
    save_image(grain(32, 48), tmp_path / "grain.png")
    page.set_input_files("#file", tmp_path / "grain.png")
    until(page, "document.title.startsWith('grain')")
    page.click("text=Half as wide")
    rested(page)
    tool(page, "compare")
    choose(page, "Seam carving")
    until(page, "document.getElementById('carved').naturalWidth === 24 && !document.getElementById('carved').hidden")
    assert page.inner_text("#left-label") == "Seam carving"
    page.click("#measure")
    until(page, "document.querySelectorAll('#measures .words').length === 4")
    assert "how strange the output looks" in page.inner_text("#measures").lower()
    choose(page, "Strange")
    until(page, "document.getElementById('map').naturalWidth > 0 && !document.getElementById('overlay').hidden")
    assert "dark: as in the picture" in page.inner_text("#scale").lower()
    tool(page, "shape")
    page.click("text=Original")
    tool(page, "compare")
    assert page.locator("#measures table").count() == 0  # they were of another output
