"""Painting on the page."""

from pathlib import Path
from typing import Any

from ingan_fast.pictures import save_image
from layout_scenes import ball_on_grain
from studio_page import begin_stroke, choose, painted, rested, stroke, tool, until


def test_what_is_painted_is_there_after_a_reload(page: Any) -> None:
    tool(page, "paint")
    stroke(page, (0.2, 0.5), (0.3, 0.5))
    until(page, "window.__studio.masks.keep > 0")
    painted_before = painted(page, "keep")
    assert painted_before[30, 36:54].all()
    assert not painted_before[30, 100:].any()
    page.reload()
    rested(page)
    assert (painted_before == painted(page, "keep")).all()
    tool(page, "paint")
    before = page.evaluate("window.__studio.masks.keep")
    page.click("#clear-keep")
    until(page, f"window.__studio.masks.keep > {before}")
    page.reload()  # which says nothing on the console
    rested(page)
    assert not painted(page, "keep").any()


def test_painting_by_keys(page: Any) -> None:
    tool(page, "paint")
    choose(page, "Remove")
    page.focus("#brush-area")
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Escape")
    assert painted(page, "remove")[30, 92:97].all()
    page.keyboard.press("Control+z")
    assert not painted(page, "remove").any()


def test_two_tabs_show_the_newer_painting(page: Any, context: Any, opened: str) -> None:
    other = context.new_page()
    other.goto(opened)
    rested(other)
    for tab in (page, other):
        tool(tab, "paint")
    before = page.evaluate("window.__studio.masks.keep")
    stroke(page, (0.5, 0.2), (0.6, 0.2))
    until(page, f"window.__studio.masks.keep > {before}")
    newest = page.evaluate("window.__studio.masks.keep")
    until(other, f"window.__studio.masks.keep === {newest}")
    assert (painted(page, "keep") == painted(other, "keep")).all()
    assert "Another tab painted" in other.inner_text("#notices")


def test_a_newer_painting_of_another_tab_is_shown_and_undo_brings_back_the_own(
    page: Any, context: Any, opened: str, said: list[str]
) -> None:
    other = context.new_page()
    other.goto(opened)
    rested(other)
    for tab in (page, other):
        tool(tab, "paint")
    before = page.evaluate("window.__studio.masks.keep")
    begin_stroke(other, (0.9, 0.5), (0.95, 0.5))
    stroke(page, (0.1, 0.2), (0.2, 0.2))
    until(page, f"window.__studio.masks.keep > {before}")
    other.mouse.up()
    until(other, "document.getElementById('notices').textContent.includes('Undo brings back yours')")
    assert (painted(page, "keep") == painted(other, "keep")).all()
    other.keyboard.press("Control+z")
    assert painted(other, "keep")[30, 164:170].all()
    assert all("409" in line for line in said)  # the browser's own line about the answer
    said.clear()


def test_erasing_what_was_found_makes_it_painted(page: Any, context: Any, tmp_path: Path) -> None:
    save_image(ball_on_grain(), tmp_path / "ball.png")
    page.set_input_files("#file", tmp_path / "ball.png")
    until(page, "document.title.startsWith('ball')")
    rested(page)
    tool(page, "paint")
    until(page, "document.getElementById('found-says').textContent.includes('Single things were found')")
    choose(page, "Erase")
    page.fill("#brush-size", "8")
    stroke(page, (0.5, 0.5), (0.5, 0.51))
    kept = painted(page, "keep")
    assert not kept[45, 75]
    assert kept[45, 66:69].any()
    assert not page.is_checked("#keep-auto")
    page.keyboard.press("Control+z")
    assert page.is_checked("#keep-auto")
    assert not painted(page, "keep").any()
