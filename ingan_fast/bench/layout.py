"""`ingan-fast bench layout`: speed of layouts without training, and their quality compared with other methods."""

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from ingan_fast.baselines import BASELINES
from ingan_fast.bench.layout_calls import Times, measure_layout
from ingan_fast.bench.machine import describe
from ingan_fast.bench.power_law import Fit, fit_power_law
from ingan_fast.bench.results import Results, Row, with_speedup
from ingan_fast.bench.separate import separately
from ingan_fast.bench.timing import Spread
from ingan_fast.callbacks import Advance
from ingan_fast.errors import UserError
from ingan_fast.geometry import Size
from ingan_fast.layout import Layouts
from ingan_fast.pictures import Pixels, fit_within, load_image
from ingan_fast.quality.evaluation import has_seam_carving
from ingan_fast.quality.metrics import evaluate

LAYOUT = "layout"
METHODS = ("plain resize", "seam carving", "bidirectional similarity", "GPNN", "GPDM")
MEASURES = ("coherence", "completeness", "swd", "kept_width")


@dataclass(frozen=True)
class LayoutRequest:
    """What to measure.

    Attributes:
        sources: (width, height) of the pictures whose layouts are timed: 0.3 to 24 megapixels.
        factor: of the width, in these timings.
        repeat: timed calls of each.
        compared: factors of the width at which methods are compared.
        side: px of the picture's longer side in the comparison.
        methods: methods to compare with the layout; names of `BASELINES`.
    """

    sources: tuple[Size, ...] = ((640, 480), (1280, 960), (2560, 1920), (4000, 3000), (5656, 4242))
    factor: float = 1.5
    repeat: int = 3
    compared: tuple[float, ...] = (1.5, 0.6)
    side: int = 160
    methods: tuple[str, ...] = METHODS


def steps(request: LayoutRequest) -> int:
    return len(request.sources) + len(request.compared) * (1 + len(_able(request)))


def measure(request: LayoutRequest, image: Path, advance: Advance) -> Results:
    """Rows of the layout's parts for each size of the picture, and of each method for the compared outputs.

    Raises:
        UserError: a picture that can't be read.
    """
    picture = load_image(image)
    rows: list[Row] = []
    for source in sorted(request.sources, key=lambda size: size[0] * size[1]):
        rows += _growth(request, image, source)
        advance()
    small = fit_within(picture, request.side)
    for factor in request.compared:
        rows += _compared(request, small, factor, advance)
    notes = ["coherence, completeness, swd: x1000, 0 is best", *_notes(rows)]
    if not has_seam_carving() and "seam carving" in request.methods:
        notes.append("left out: seam carving, whose package is not installed (pip install seam-carving)")
    return Results(
        "layout",
        describe(torch.device("cpu")),
        asdict(request),
        rows,
        details={"fits": _fits(rows), "notes": notes},
    )


def _able(request: LayoutRequest) -> list[str]:
    return [name for name in request.methods if name != "seam carving" or has_seam_carving()]


def _growth(request: LayoutRequest, image: Path, source: Size) -> list[Row]:
    """Rows of one picture's layout, by part."""
    case = f"{round(request.factor * source[0])}x{source[1]} of {source[0]}x{source[1]}"
    try:
        times: Times = separately(measure_layout, str(image), source, request.factor, request.repeat)
    except RuntimeError as error:
        return [Row(case, "total", error=str(error))]
    pixels = source[0] * source[1]
    rows = [
        Row(case, name, Spread.of(seconds), details={"part": name, "pixels": pixels})
        for name, seconds in (
            ("tables", times.tables),
            ("solve", times.solve),
            ("lay out", times.lay_out),
            ("draw", times.draw),
        )
    ]
    details = {"part": "total", "pixels": pixels, "memory_for_outputs": times.for_outputs}
    return [*rows, Row(case, "total", Spread.of(times.total), peak_memory_bytes=times.peak, details=details)]


def _compared(request: LayoutRequest, picture: Pixels, factor: float, advance: Advance) -> list[Row]:
    """Run each method once for the same output: time and measures."""
    height, width = picture.shape[:2]
    size = round(factor * width), height
    case = f"width x{factor:g} of {width}x{height}, methods"
    actions: dict[str, Any] = {LAYOUT: lambda: Layouts(picture).retarget(size)}
    actions |= {name: (lambda name=name: BASELINES[name](picture, size)) for name in _able(request)}
    seconds: dict[str, float] = {}
    rows: list[Row] = []
    for name, action in actions.items():
        try:
            start = time.perf_counter()
            output = action()
            seconds[name] = time.perf_counter() - start
        except UserError as error:  # the picture is too small for a method
            rows.append(Row(case, name, error=str(error)))
            advance()
            continue
        measures = evaluate(output, picture)
        row = Row(case, name, Spread.of([seconds[name]]), details={name: measures.get(name) for name in MEASURES})
        rows.append(row if name == LAYOUT else with_speedup(row, LAYOUT, [seconds[LAYOUT]], [seconds[name]]))
        advance()
    return rows


def _fits(rows: list[Row]) -> list[Fit]:
    """Exponents of the parts' times (seconds) and of the memory (bytes) over the picture's pixels."""
    parts: dict[str, list[Row]] = {}
    for row in rows:
        if "part" in row.details:
            parts.setdefault(row.details["part"], []).append(row)
    fits = []
    for part, members in parts.items():
        points = {
            "time": [(row.details["pixels"], row.milliseconds.median / 1e3) for row in members if row.milliseconds]
        }
        if part == "total":
            points["memory"] = [(row.details["pixels"], row.details["memory_for_outputs"]) for row in members]
        for quantity, values in points.items():
            positive = [(x, y) for x, y in values if y > 0]
            fits.append(fit_power_law(positive, LAYOUT, part, quantity, "source pixels"))
    return [fit for fit in fits if fit is not None]


def _notes(rows: list[Row]) -> list[str]:
    """The fits as text."""
    return [
        f"{fit.quantity} of {fit.name} grows with pixels to the power {fit.exponent:.2f}"
        for fit in _fits(rows)
        if fit.name == "total"
    ]
