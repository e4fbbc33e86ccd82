"""The studio's page in a real browser, with a real server: shapes, painting, files."""

import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingan_fast.pictures import load_image, save_image
from layout_scenes import ball_on_grain, fence
from studio_page import choose, chromium, drag, pixels, rested, shape, stroke, studio, tool, until

POSTS = 10


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photos") / "fence.png"
    save_image(fence(posts=POSTS), path)
    return path


@pytest.fixture(scope="module")
def address(photo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with studio(tmp_path_factory.mktemp("cache"), photo) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def said() -> list[str]:
    """Errors on the console; there must be none at the end."""
    return []


@pytest.fixture
def context(browser: Any, address: str, said: list[str]) -> Iterator[Any]:
    """A browser's profile, whose pages may ask this machine only and say nothing on the console."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    context.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    context.on("weberror", lambda error: said.append(str(error.error)))
    yield context
    context.close()
    own = address.split("/?")[0]
    assert [url for url in asked if not url.startswith((own, f"blob:{own}", "data:"))] == []
    assert said == []


@pytest.fixture
def page(context: Any, address: str) -> Any:
    """The page with the fence."""
    page = context.new_page()
    page.goto(address)
    rested(page)
    return page


def posts(row: np.ndarray) -> int:
    """How many posts a row of pixels crosses."""
    dark = row[:, 0].astype(int) - row[:, 2] > 80
    return int((dark[1:] & ~dark[:-1]).sum() + dark[0])


def test_the_token_is_not_left_in_the_address(page: Any) -> None:
    assert "token" not in page.url


def test_a_file_is_opened(page: Any, tmp_path: Path) -> None:
    save_image(ball_on_grain(), tmp_path / "ball.png")
    page.set_input_files("#file", tmp_path / "ball.png")
    until(page, "document.getElementById('title').textContent.startsWith('ball.png · 150 × 90')")
    rested(page)
    assert shape(page) == (150, 90)


def test_a_text_named_png_is_refused_in_a_sentence(page: Any, said: list[str], tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    page.set_input_files("#file", tmp_path / "text.png")
    until(page, "document.querySelector('.notice.error')")
    assert "text.png" in page.inner_text("#notices")
    assert "fence.png" in page.inner_text("#title")
    assert len(said) == 1  # the browser's own line about the answer 400
    said.clear()


def test_a_dragged_edge_shows_more_of_the_same(page: Any) -> None:
    before = shape(page)[0]
    drag(page, "right", 200, 0)
    width = shape(page)[0]
    assert width > 1.3 * before
    assert page.evaluate("window.__studio.frameTimes").count(0) == 0
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
    page.click("#redo")
    assert shape(page) == (182, 60)


def test_a_corner_makes_a_quadrilateral_until_it_is_straight_again(page: Any) -> None:
    drag(page, "top-right", -60, 30)
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


def test_what_is_painted_is_there_after_a_reload(page: Any) -> None:
    tool(page, "paint")
    stroke(page, (0.2, 0.5), (0.3, 0.5))
    until(page, "window.__studio.masks.keep > 0")
    painted = pixels(page, "#keep")[..., 3] > 127
    assert painted[30, 36:54].all()
    assert not painted[30, 100:].any()
    page.reload()
    rested(page)
    assert (painted == (pixels(page, "#keep")[..., 3] > 127)).all()
    tool(page, "paint")
    page.click("#clear-keep")
    until(page, "document.getElementById('clear-keep').disabled")


def test_painting_by_keys(page: Any) -> None:
    tool(page, "paint")
    choose(page, "Remove")
    page.focus("#brush-area")
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Escape")
    painted = pixels(page, "#remove")[..., 3] > 127
    assert painted[30, 92:97].all()
    page.keyboard.press("Control+z")
    assert not pixels(page, "#remove")[..., 3].any()


def test_two_tabs_show_the_newer_painting(page: Any, context: Any, address: str) -> None:
    other = context.new_page()
    other.goto(address)
    rested(other)
    for tab in (page, other):
        tool(tab, "paint")
    before = page.evaluate("window.__studio.masks.keep")
    stroke(page, (0.5, 0.2), (0.6, 0.2))
    until(page, f"window.__studio.masks.keep > {before}")
    newest = page.evaluate("window.__studio.masks.keep")
    until(other, f"window.__studio.masks.keep === {newest}")
    assert (pixels(page, "#keep") == pixels(other, "#keep")).all()
    assert "Another tab painted" in other.inner_text("#notices")


def test_the_picture_is_downloaded_as_the_command_makes_it(page: Any, photo: Path, tmp_path: Path) -> None:
    drag(page, "right", 90, 0)
    tool(page, "save")
    with page.expect_download() as downloading:
        page.click("#download")
    downloaded = load_image(downloading.value.path())
    command = shlex.split(page.inner_text("#commands pre >> nth=0"))
    assert command[:3] == ["ingan-fast", "retarget", str(photo)]
    subprocess.run([sys.executable, "-m", "ingan_fast", *command[1:]], cwd=tmp_path, check=True, capture_output=True)
    made = load_image(tmp_path / downloading.value.suggested_filename)
    assert made.shape[1] > 180
    assert (downloaded == made).all()
