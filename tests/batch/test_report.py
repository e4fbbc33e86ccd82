"""The report of a batch."""

import csv
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote_to_bytes

import numpy as np
import pytest
from PIL import Image

from batch_runs import Failing, dots, reported
from ingan_fast.batch.report import CSV, FAILED, HTML, KEPT, MADE, write_report

NASTY = "a<b>&\"'é図#?%.png"


class Page(HTMLParser):
    """Collects the links, pictures and texts of a page."""

    def __init__(self, text: str):
        super().__init__()
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value for name, value in attrs if name in ("href", "src") and value]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An output folder with its report: a picture with an unusual name, a plain one, one that fails."""
    for seed, name in enumerate((NASTY, "plain.jpg")):
        dots(tmp_path / "photos" / name, seed)
    (tmp_path / "photos" / "z<script>.png").write_bytes(b"no picture")
    _, found = reported(tmp_path / "photos", tmp_path / "out", ("48x36", "32x40"))
    write_report(tmp_path / "out", found)
    return tmp_path / "out"


def test_names_are_shown_as_they_are_and_links_lead_to_the_outputs(folder: Path) -> None:
    page = Page((folder / HTML).read_text())
    assert NASTY in page.texts
    assert "b" not in page.tags  # of a name
    files = {os.fsdecode(unquote_to_bytes(link)) for link in page.links}
    assert {f"{NASTY.removesuffix('.png')}_48x36.png", "plain_32x40.jpg"} <= files
    assert len(files) == 4 + 4 + 2  # outputs, their thumbnails, those of the pictures
    assert all((folder / file).is_file() for file in files)


def test_the_page_needs_nothing_from_elsewhere(folder: Path) -> None:
    text = (folder / HTML).read_text()
    assert not re.search(r"https?:|//[a-z]", text)


def test_failures_come_first_and_the_worst_measures_next(tmp_path: Path) -> None:
    for seed in range(3):
        dots(tmp_path / "photos" / f"{seed}.png", seed)
        noise = np.random.default_rng(seed).integers(0, 255, (36, 40, 3), dtype=np.uint8)  # no seam is without a trace
        Image.fromarray(noise).save(tmp_path / "photos" / f"{seed} of noise.png")
    (tmp_path / "photos" / "z.png").write_bytes(b"no picture")
    _, found = reported(tmp_path / "photos", tmp_path / "out", ("60x36",))
    assert found[0].picture.name == "z.png"
    worst = [section.rows[0].measures["visible_cuts"] for section in found[1:]]
    assert worst == sorted(worst, reverse=True)
    assert worst[0] > worst[-1]


def test_the_table_has_a_line_per_output(folder: Path) -> None:
    with open(folder / CSV, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["state"] for row in rows] == [FAILED] * 2 + [MADE] * 4
    assert "is not a picture" in rows[0]["error"]
    made = next(row for row in rows if row["output"] == "plain_32x40.jpg")
    assert (made["width"], made["height"]) == ("32", "40")
    assert 0 < float(made["shown"]) <= 1
    assert float(made["seconds"]) > 0


def test_what_was_there_is_in_the_report_with_its_measures(folder: Path) -> None:
    outcome, found = reported(folder.parent / "photos", folder, ("48x36", "32x40"))
    states = [row.state for section in found for row in section.rows]
    assert states == [FAILED] * 2 + [KEPT] * 4
    assert not outcome.made
    assert all(row.measures for section in found[1:] for row in section.rows)


def test_an_error_that_holds_for_all_outputs_is_told_once(tmp_path: Path) -> None:
    dots(tmp_path / "photos" / "a.png")
    pool = Failing(lambda task: RuntimeError("a <strange> error"))
    _, (section,) = reported(tmp_path / "photos", tmp_path / "out", ("48x36", "32x40"), pool=pool)
    assert section.errors() == [("48x36, 32x40", "unexpected RuntimeError: a <strange> error")]
    write_report(tmp_path / "out", [section])
    assert "a &lt;strange&gt; error" in (tmp_path / "out" / HTML).read_text()


@pytest.mark.skipif(os.name == "nt", reason="names are text on Windows")
def test_a_name_that_is_no_text_does_not_break_the_report(tmp_path: Path) -> None:
    dots(tmp_path / "photos" / "a.png").rename(tmp_path / "photos" / os.fsdecode(b"\xff.png"))
    _, found = reported(tmp_path / "photos", tmp_path / "out")
    write_report(tmp_path / "out", found)
    page = Page((tmp_path / "out" / HTML).read_text())
    assert all((tmp_path / "out" / os.fsdecode(unquote_to_bytes(link))).is_file() for link in page.links)
