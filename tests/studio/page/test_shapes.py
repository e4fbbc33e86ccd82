"""The page's shapes: edges, corners, keys, numbers."""

from typing import Any

import numpy as np
import pytest

from studio_page import POSTS, drag, pixels, rested, shape, until


def posts(row: np.ndarray) -> int:
    """How many posts a row of pixels crosses."""
    dark = row[:, 0].astype(int) - row[:, 2] > 80
    return int((dark[1:] & ~dark[:-1]).sum() + dark[0])


def test_a_dragged_edge_shows_more_of_the_same(page: Any) -> None:
    before = shape(page)[0]
    drag(page, "right", 200, 0)
    width = shape(page)[0]
    assert width > 1.3 * before
    until(page, f"window.__studio.size[0] === {width}")
    rested(page)
    shown = pixels(page, "#sharp")
    assert shown.shape[1] / shown.shape[0] == pytest.approx(width / 60, rel=0.03)
    assert posts(shown[len(shown) // 2]) >= round(POSTS * width / before) - 1  # a stretch has as many as before


def test_frames_follow_while_the_edge_moves(page: Any) -> None:
    drag(page, "right", 60, 0)
    until(page, "window.__studio.shown === 'solved'")
    page.evaluate("window.__studio.frameTimes.length = 0")
    drag(page, "right", 120, 0, steps=20)
    times = page.evaluate("window.__studio.frameTimes")
    assert len(times) >= 3
    assert min(times) > 0


def test_keys_move_a_handle_and_undo_brings_it_back(page: Any) -> None:
    page.focus("[data-handle=right]")
    page.keyboard.press("ArrowRight")
    assert shape(page) == (182, 60)
    page.keyboard.press("Shift+ArrowRight")
    assert shape(page) == (202, 60)
    assert page.get_attribute("[data-handle=right]", "aria-valuenow") == "202"
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    assert shape(page) == (180, 60)
    page.keyboard.press("Control+Shift+z")
    assert shape(page) == (182, 60)
    page.click("#redo")
    assert shape(page) == (202, 60)


def test_a_corner_makes_a_quadrilateral_until_it_is_straight_again(page: Any) -> None:
    drag(page, "top-right", -60, 30)
    corners = [page.locator(f"[data-handle={name}]").bounding_box() for name in ("top-left", "bottom-right")]
    (left, top), (right, bottom) = ((box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in corners)
    box = page.locator("#picture").bounding_box()  # which the browser has put into perspective
    assert page.evaluate("document.getElementById('picture').style.transform").startswith("matrix3d")
    assert [box["x"], box["y"]] == pytest.approx([left, top], abs=2)
    assert [box["x"] + box["width"], box["y"] + box["height"]] == pytest.approx([right, bottom], abs=2)
    rested(page)
    opacity = pixels(page, "#sharp")[..., 3]
    assert opacity[0, -1] == 0
    assert opacity[-1, -1] > 100
    page.click("summary")
    page.click("#straight")
    rested(page)
    assert pixels(page, "#sharp")[..., 3].min() == 255


def test_sizes_are_typed_and_preset(page: Any) -> None:
    page.click("text=16:9")
    assert shape(page) == (180, 101)
    page.fill("#width", "3")
    page.keyboard.press("Tab")
    assert "16 to 65535" in page.inner_text("#notices")
    assert shape(page) == (180, 101)
    page.click("text=Original")
    assert shape(page) == (180, 60)


def test_a_reload_shows_the_same_shape(page: Any) -> None:
    page.click("text=Twice as wide")
    rested(page)
    page.reload()
    rested(page)
    assert shape(page) == (360, 60)
