"""Timed calls of `bench layout`, run in a separate process without torch, so that its memory is the layout's alone."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingan_fast.bench.memory import forget_peak, process_peak
from ingan_fast.geometry import Size
from ingan_fast.layout import Layouts
from ingan_fast.layout.axis import Axis
from ingan_fast.layout.solver import cheapest_seams
from ingan_fast.layout.steps import MaskedPicture, table_of
from ingan_fast.layout.versions import shrinking, size_of
from ingan_fast.pictures import MARKET, load_image
from ingan_fast.quality.resampling import plain_resize


@dataclass(frozen=True)
class Times:
    """Seconds and memory of one picture's layout.

    Attributes:
        tables: preparation for a picture's first layout: single objects, seam costs.
        solve: the seams that cost least, in the version that is solved.
        lay_out: each further layout, at another size: the best one of some, at full resolution.
        draw: drawing a layout.
        total: from the picture to the output.
        peak: peak memory of the process, in bytes.
        for_outputs: the part of it above the memory with the picture loaded.
    """

    tables: list[float]
    solve: list[float]
    lay_out: list[float]
    draw: list[float]
    total: list[float]
    peak: int
    for_outputs: int


def measure_layout(path: str | None, source: Size, factor: float, repeat: int) -> Times:
    """Lay a picture out at `factor` times its width, once to warm up and `repeat` times.

    Args:
        path: of the picture, which is resized to `source`; None: the market stand.
        source: (width, height).
        factor: of the width.
        repeat: timed calls.
    """
    picture = np.ascontiguousarray(plain_resize(load_image(path or MARKET), source))
    size = round(factor * source[0]), source[1]
    near = size[0] + max(1, source[0] // 50), size[1]  # another size, so that no cached layout is used
    Layouts(picture).lay_out(size).draw(picture)
    resident = forget_peak()
    tables, solve, lay_out, draw, total = [], [], [], [], []
    for _ in range(repeat):
        layouts = Layouts(picture)
        seconds, layout = _timed(partial(layouts.lay_out, size))
        drawn, _ = _timed(partial(layout.draw, picture))
        again, _ = _timed(partial(layouts.lay_out, near))
        prepared, axis = _timed(partial(_tables, picture, factor < 1))
        tables.append(prepared)
        solve.append(_timed(partial(cheapest_seams, axis, round(factor * axis.costs.width)))[0])
        lay_out.append(again)
        draw.append(drawn)
        total.append(seconds + drawn)
    peak = process_peak()
    return Times(tables, solve, lay_out, draw, total, peak, max(0, peak - resident))


def _tables(picture: NDArray, smaller: bool) -> Axis:
    """What `Layouts` computes for a picture before it solves, for smaller or larger outputs."""
    layouts = Layouts(picture)
    masked = MaskedPicture(picture, None, None, layouts.spared())
    return table_of(masked, 0, size_of(picture, shrinking(layouts.size)), smaller=smaller)


def _timed(action: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = action()
    return time.perf_counter() - start, result
