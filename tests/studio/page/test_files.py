"""Pictures that are opened on the page, and files that it makes."""

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from ingan_fast.pictures import load_image, save_image
from layout_scenes import ball_on_grain
from studio_page import drag, rested, shape, stroke, tool, until

PASTE = """(bytes) => {
    const carried = new DataTransfer();
    carried.items.add(new File([new Uint8Array(bytes)], "copied.png", { type: "image/png" }));
    document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: carried, bubbles: true }));
}"""


def test_a_file_is_opened_and_the_token_is_not_left_in_the_address(page: Any, tmp_path: Path) -> None:
    assert "token" not in page.url
    save_image(ball_on_grain(), tmp_path / "ball.png")
    page.set_input_files("#file", tmp_path / "ball.png")
    until(page, "document.getElementById('title').textContent.startsWith('ball.png · 150 × 90')")
    rested(page)
    assert shape(page) == (150, 90)


def test_a_picture_is_pasted(page: Any, tmp_path: Path) -> None:
    save_image(ball_on_grain()[:, ::-1], tmp_path / "copied.png")
    page.evaluate(PASTE, list((tmp_path / "copied.png").read_bytes()))
    until(page, "document.getElementById('title').textContent.startsWith('copied.png · 150 × 90')")


def test_a_text_named_png_is_refused_in_a_sentence(page: Any, said: list[str], tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    page.set_input_files("#file", tmp_path / "text.png")
    until(page, "document.querySelector('.notice.error')")
    assert "text.png" in page.inner_text("#notices")
    assert "fence.png" in page.inner_text("#title")
    assert len(said) == 1  # the browser's own line about the answer 400
    said.clear()


def test_the_picture_is_downloaded_as_the_command_makes_it(page: Any, photo: Path, tmp_path: Path) -> None:
    tool(page, "paint")
    stroke(page, (0.1, 0.3), (0.15, 0.3))
    until(page, "window.__studio.masks.keep > 0 && !document.getElementById('clear-keep').disabled")
    tool(page, "shape")
    drag(page, "right", 90, 0)
    rested(page)
    tool(page, "save")
    until(page, "document.querySelectorAll('#commands a').length === 1")
    with page.expect_download() as downloading:
        page.click("#download")
    downloaded = load_image(downloading.value.path())
    for link in page.locator("#commands a").all():  # masks
        with page.expect_download() as needed:
            link.click()
        needed.value.save_as(tmp_path / needed.value.suggested_filename)
    command = shlex.split(page.inner_text("#commands pre >> nth=0"))
    assert command[:3] == ["ingan-fast", "retarget", photo.name]
    subprocess.run([sys.executable, "-m", "ingan_fast", *command[1:]], cwd=tmp_path, check=True, capture_output=True)
    made = load_image(tmp_path / downloading.value.suggested_filename)
    assert made.shape[1] > 180
    assert (downloaded == made).all()
