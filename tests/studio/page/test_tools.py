"""The page's other tools: tiles, comparison, variations, companions, motion, training, and labels."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from ingan_fast.pictures import save_image
from layout_scenes import grain
from studio_page import choose, drag, pixels, rested, shape, tool, until

DROP = """([name, bytes, type]) => {
    const carried = new DataTransfer();
    carried.items.add(new File([new Uint8Array(bytes)], name, { type }));
    const options = { dataTransfer: carried, bubbles: true, cancelable: true };
    document.body.dispatchEvent(new DragEvent("dragenter", options));
    const zone = document.querySelector('[data-drop="companion"]');
    zone.dispatchEvent(new DragEvent("drop", options));
}"""


def test_tiles_are_repeated(page: Any) -> None:
    tool(page, "tile")
    choose(page, "Both")
    rested(page)
    tiles, one = pixels(page, "#tiles"), pixels(page, "#sharp")
    height, width = one.shape[:2]
    assert tiles.shape[:2] == (3 * height, 3 * width)
    assert (tiles == np.tile(one, (3, 3, 1))).all()
    page.reload()
    until(page, "document.querySelector('[name=tile][value=both]')?.checked")


def test_the_slider_compares_with_a_plain_resize(page: Any) -> None:
    page.click("text=Twice as wide")
    rested(page)
    tool(page, "compare")
    page.focus("#divider")
    page.keyboard.press("End")
    until(
        page,
        """(() => {
            const [box, plain] = ["comparison", "plain"].map(id => document.getElementById(id).getBoundingClientRect());
            return ["x", "y", "width", "height"].every(side => Math.abs(box[side] - plain[side]) <= 1);
        })()""",
    )
    page.keyboard.press("ArrowLeft")
    assert page.get_attribute("#divider", "aria-valuenow") == "98"


def test_a_variation_is_chosen(page: Any, tmp_path: Path) -> None:
    save_image(grain(32, 40), tmp_path / "grain.png")
    page.set_input_files("#file", tmp_path / "grain.png")
    until(page, "document.title.startsWith('grain')")
    page.click("text=Twice as wide")
    rested(page)
    tool(page, "vary")
    page.click("#vary")
    until(page, "document.querySelectorAll('.variation').length === 8")
    rested(page)
    best = pixels(page, "#sharp")
    page.click(".variation >> nth=2")
    rested(page)
    assert (pixels(page, "#sharp") != best).any()
    assert page.get_attribute(".variation >> nth=2", "aria-pressed") == "true"
    page.click("#undo")
    rested(page)
    assert (pixels(page, "#sharp") == best).all()


def test_a_dropped_companion_follows_the_picture(page: Any, tmp_path: Path) -> None:
    save_image(grain(60, 180), tmp_path / "normals.png")
    page.evaluate(DROP, ["normals.png", list((tmp_path / "normals.png").read_bytes()), "image/png"])
    until(page, "document.querySelector('#companions img')?.src.includes('/api/jobs/')")
    drag(page, "right", 150, 0)
    width = shape(page)[0]
    image = "document.querySelector('#companions img')"
    until(page, f"Math.abs({image}.naturalWidth / {image}.naturalHeight - {width / 60}) < 0.1")


def test_keyframes_are_played_kept_and_saved_as_a_script(page: Any) -> None:
    tool(page, "move")
    page.click("#key-add")
    drag(page, "right", 200, 0)
    width = shape(page)[0]
    rested(page)
    page.click("#key-add")
    page.click("#play")
    until(page, f"180 < document.getElementById('width').value && document.getElementById('width').value < {width}")
    page.click("#play")
    assert shape(page)[0] == width
    page.reload()
    rested(page)
    tool(page, "move")
    with page.expect_download() as downloading:
        page.click("#save-script")
    script = yaml.safe_load(Path(downloading.value.path()).read_text())
    assert [key["time"] for key in script["keyframes"]] == [0, 2]
    assert [key["size"] for key in script["keyframes"]] == ["180x60", f"{width}x60"]


@pytest.mark.slow
def test_a_training_is_stopped_and_is_compared_with(page: Any) -> None:
    tool(page, "train")
    page.evaluate("document.getElementById('budget').append(new Option('All of it', 'preset:learned', true, true))")
    page.click("#train-start")
    until(page, "document.getElementById('train-preview').naturalWidth > 0")
    page.click("#train-stop")
    until(page, "document.getElementById('train-state').textContent === 'Stopped'")
    page.reload()
    tool(page, "train")
    until(page, "document.getElementById('train-state').textContent === 'Stopped'")
    page.route("**/training", lambda route: route.fulfill(response=page.request.get(route.request.url)))
    with page.expect_request("**/training") as asked:
        page.click("#train-resume")
    assert (asked.value.method, asked.value.post_data_json) == ("POST", {"resume": True})
    page.click("#train-compare")
    until(page, "document.getElementById('trained').dataset.shown")
    assert len(np.unique(pixels(page, "#trained")[..., :3])) > 10
    assert page.inner_text("#left-label") == "Trained network"
