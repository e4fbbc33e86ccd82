"""The colours on both sides of a seam."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingan_fast.layout import compiled
from ingan_fast.layout.pictures import Floats, has_opacity, in_unit_range, most_of

COMPARED = np.arange(-2, 2)  # px positions relative to the seam that are compared


@dataclass(frozen=True)
class Sides:
    """The colours on both sides of a seam.

    Attributes:
        before: [h, compared, colours], as the piece before the seam has them there.
        after: the same of the piece after it.
        opaque: [h, 1], how opaque both are.
    """

    before: Floats
    after: Floats
    opaque: Floats


def sides_of(picture: NDArray, places: NDArray, goes_on: NDArray, rows: NDArray[np.intp]) -> Sides:
    """The colours on both sides of a seam at some of its points.

    Args:
        picture: [h, w, channels].
        places: [p], the columns that the points are before; they may lie between pixels.
        goes_on: [p], the columns where the picture goes on there.
        rows: [p], of the points.
    """
    before, after = (_around(picture, first, rows) for first in (places, goes_on))
    if not has_opacity(picture):
        return Sides(before, after, np.ones((len(rows), 1), np.float32))
    opaque = (before[..., -1] * after[..., -1]).min(axis=1, keepdims=True)
    return Sides(before[..., :-1], after[..., :-1], opaque)


def _around(picture: NDArray, first: NDArray, rows: NDArray[np.intp]) -> Floats:
    """The colours of the pixels around a column of each row, which may lie between pixels: [n, compared, channels]."""
    kind = picture.dtype.char
    if compiled.available and kind in "BHf" and picture.flags.c_contiguous:
        result = np.empty((len(rows), len(COMPARED), picture.shape[2]), np.float32)
        scale = 1 / most_of(picture.dtype)
        compiled.loops.around(picture, kind, scale, np.asarray(first, np.float64), rows, int(COMPARED[0]), result)
        return result
    rows, last = rows[:, None], picture.shape[1] - 1
    whole = np.floor(first).astype(np.intp)
    columns = whole[:, None] + COMPARED
    shown = in_unit_range(picture[rows, np.clip(columns, 0, last)])
    part = (first - whole).astype(np.float32)[:, None, None]
    if not part.any():
        return shown
    return np.asarray(shown + part * (in_unit_range(picture[rows, np.clip(columns + 1, 0, last)]) - shown))
