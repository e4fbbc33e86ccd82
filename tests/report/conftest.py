"""A folder like that of `make bench`, with made-up results and figures."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ingan_fast.bench.results import Results, Row
from ingan_fast.bench.timing import Spread

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
MACHINE = {
    "device": "cpu",
    "name": "A Processor @ 2.0 GHz",
    "cuda": None,
    "threads": 2,
    "versions": {"python": "3.11.9", "ingan-fast": "0.1.0", "torch": "2.13.0+cpu", "triton": None},
}
COMMIT = "0123456789"
CREATED = "2026-05-01T10:00:00+00:00"


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes `report_page` importable, which is not part of the installed package."""
    monkeypatch.syspath_prepend(BENCHMARKS)


def spread(median: float) -> Spread:
    return Spread(median, 0.95 * median, 1.1 * median, 1.01 * median)


def timed_row(case: str, name: str, median: float, baseline: tuple[str, float] | None = None, **more: Any) -> Row:
    """A row with times; `baseline` is another row's name and median."""
    ratio = {"baseline": baseline[0], "times_as_fast": baseline[1] / median} if baseline else {}
    return Row(case, name, spread(median), **ratio, **more)


def results(benchmark: str, rows: list[Row], **more: Any) -> Results:
    given: dict[str, Any] = {"machine": MACHINE, "settings": {}, "commit": COMMIT, "created": CREATED} | more
    return Results(benchmark, rows=rows, **given)


def made_row(method: str, output: str = "width x1.5", picture: str = "coins", **more: Any) -> dict[str, Any]:
    """A figure's row; measures by name, others are null."""
    row = {"picture": picture, "output": output, "method": method, "size": [288, 160], "seconds": 1.0}
    row |= {"training_seconds": None, "error": None}
    measures = dict.fromkeys(("coherence", "completeness", "swd", "kept_width", "kept_height"))
    fields = {key: more.pop(key) for key in list(more) if key in row}
    return row | fields | {"measures": measures | more}


def figure(number: str, rows: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {
        "schema": "ingan-fast/figure/1",
        "figure": number,
        "title": "Natural images",
        "caption": "Whether the coins stay round.",
        "picture": f"fig{number}.png",
        "created": CREATED,
        "commit": COMMIT,
        "machine": MACHINE,
        "budget": "2 minutes of training a picture",
        "trainings": [
            {"name": "coins", "picture": "coins", "preset": "cpu", "changes": {"crop": 96}, "iterations": 900}
            | {"seconds": 118.2}
        ],
        "rows": rows,
        "not_measured": [],
    } | more


@pytest.fixture
def machine() -> dict[str, Any]:
    return dict(MACHINE)


@pytest.fixture
def timed() -> Callable[..., Row]:
    return timed_row


@pytest.fixture
def made() -> Callable[..., dict[str, Any]]:
    return made_row


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "results").mkdir()
    (tmp_path / "figures").mkdir()
    return tmp_path


@pytest.fixture
def add_results(folder: Path) -> Callable[..., None]:
    def add(benchmark: str, rows: list[Row], **more: Any) -> None:
        results(benchmark, rows, **more).write(folder / "results" / f"{benchmark}.json")

    return add


@pytest.fixture
def add_figure(folder: Path) -> Callable[..., None]:
    def add(number: str, rows: list[dict[str, Any]], size: tuple[int, int] = (600, 300), **more: Any) -> None:
        document = figure(number, rows, **more)
        (folder / "figures" / f"fig{number}.json").write_text(json.dumps(document))
        noise = np.random.default_rng(int(number)).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / "figures" / document["picture"])

    return add
