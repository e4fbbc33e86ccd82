"""`bench layout`: parts, exponents, and methods at the same outputs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ingan_fast.bench import layout
from ingan_fast.bench.layout import LayoutRequest
from ingan_fast.bench.layout_calls import Times, measure_layout
from ingan_fast.bench.results import Results
from ingan_fast.geometry import Size
from layout_scenes import grain

NOT_ANY: tuple[Any, ...] = ()


@pytest.fixture
def picture_file(tmp_path: Path) -> Path:
    Image.fromarray(grain(48, 64)).save(tmp_path / "a.png")
    return tmp_path / "a.png"


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> list[Size]:
    """Layouts whose times are a power of the pixels; the sizes that were asked for."""
    asked: list[Size] = []

    def separately(function: Callable[..., Any], path: str, source: Size, factor: float, repeat: int) -> Times:
        assert function is measure_layout
        asked.append(source)
        if source == (32, 24):
            raise RuntimeError("its process crashed")
        pixels = source[0] * source[1]
        tables, solve, lay_out, total = ([each * pixels] * 3 for each in (3e-6, 1e-6, 2e-6, 4e-6))
        return Times(tables, solve, lay_out, [1e-9 * pixels**1.5] * 3, total, 10, pixels)

    monkeypatch.setattr(layout, "separately", separately)
    return asked


def test_the_parts_of_every_size_are_measured_and_their_exponents_fitted(
    known: list[Size], picture_file: Path, tmp_path: Path
) -> None:
    request = LayoutRequest(((160, 120), (80, 60), (320, 240)), compared=NOT_ANY)
    advanced: list[int] = []
    results = layout.measure(request, picture_file, lambda: advanced.append(1))
    assert known == [(80, 60), (160, 120), (320, 240)]
    assert len(advanced) == layout.steps(request) == 3
    assert [row.name for row in results.rows[:5]] == ["tables", "solve", "lay out", "draw", "total"]
    tables, solve = (row.milliseconds for row in results.rows[:2])
    assert tables is not None
    assert solve is not None
    assert (tables.median, solve.median) == pytest.approx((14.4, 4.8))
    exponents = {(fit.name, fit.quantity): fit.exponent for fit in results.details["fits"]}
    assert exponents["total", "time"] == pytest.approx(1)
    assert exponents["total", "memory"] == pytest.approx(1)
    assert exponents["draw", "time"] == pytest.approx(1.5)
    results.write(tmp_path / "r.json")
    assert Results.read(tmp_path / "r.json").rows == results.rows


def test_a_size_that_can_not_be_measured_is_an_error_of_its_own(known: list[Size], picture_file: Path) -> None:
    request = LayoutRequest(((32, 24), (80, 60)), compared=NOT_ANY)
    results = layout.measure(request, picture_file, lambda: None)
    assert results.errors == ["48x24 of 32x24, total: its process crashed"]
    assert len(results.rows) == 6


def test_methods_are_judged_at_the_same_output(known: list[Size], picture_file: Path) -> None:
    request = LayoutRequest(NOT_ANY, compared=(1.5, 0.6), side=56, methods=("plain resize", "seam carving"))
    advanced: list[int] = []
    results = layout.measure(request, picture_file, lambda: advanced.append(1))
    assert len(advanced) == layout.steps(request) == 6
    cases = {row.case for row in results.rows}
    assert cases == {"width x1.5 of 56x42, methods", "width x0.6 of 56x42, methods"}
    for case in cases:
        own, plain, carved = (row for row in results.rows if row.case == case)
        assert (own.name, plain.name, carved.name) == ("layout", "plain resize", "seam carving")
        assert (own.baseline, plain.baseline, carved.baseline) == (None, "layout", "layout")
        assert own.details["coherence"] < 0.5 * plain.details["coherence"]
        assert own.details["kept_width"] > 0.7 > 0.3 > plain.details["kept_width"]
        assert np.isfinite([own.details["completeness"], own.details["swd"]]).all()


def test_a_layout_is_timed_in_all_its_parts(picture_file: Path) -> None:
    times = measure_layout(str(picture_file), (64, 48), 1.5, 2)
    for part in (times.tables, times.solve, times.lay_out, times.draw, times.total):
        assert len(part) == 2
        assert min(part) > 0
    assert all(total > draw for total, draw in zip(times.total, times.draw, strict=True))
    assert times.peak > 10e6
