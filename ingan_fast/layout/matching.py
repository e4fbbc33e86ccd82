"""The slow differences of colour at seams of frames, spread along each row over what lies beside them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingan_fast.layout import compiled
from ingan_fast.layout.pictures import Floats, has_opacity, in_unit_range, most_of, stored

REACH = 0.05  # fraction of the width; distance from a seam over which colours are matched
ALONG = 0.02  # fraction of the height; length along a seam over which colour differences are averaged
MOST = 0.1  # fraction of the value range; larger differences are edges of objects, not shading, and are not matched
COMPARED = np.arange(-2, 2)  # px positions relative to the seam that are compared
ALIKE = 0.02  # differences up to this have full weight in the average; larger ones have less
UNSEEN = 0.5  # fraction of a quantisation step; smaller changes are lost in rounding
AT_ONCE = 1 << 16  # values processed at a time, so that they fit into the processor's cache


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


def match_colours(result: NDArray, picture: NDArray, places: NDArray, length: float, joins: NDArray, seam: int) -> None:
    """Spread the slow differences of colour at a seam over what lies on both sides of it.

    Args:
        result: [h, Wo, channels], the pieces side by side; changed in place.
        picture: what they are pieces of.
        places: [h], the seam's in the picture; they may lie between pixels, as may where it goes on.
        length: px, the seam's.
        joins: [n, h], where all seams lie in the result; they may lie between pixels.
        seam: which one it is.
    """
    width, count, at = picture.shape[1], result.shape[1], joins[seam]
    sides = sides_of(picture, places, places + length)
    reach = max(2, round(REACH * width))
    left, right = np.minimum(reach, at), np.minimum(reach, count - at)
    if seam > 0:
        left = np.minimum(left, (at - joins[seam - 1]) / 2)
    if seam + 1 < len(joins):
        right = np.minimum(right, (joins[seam + 1] - at) / 2)
    _spread(result, at, left, right, _shade(sides.after - sides.before) * sides.opaque)


def sides_of(picture: NDArray, places: NDArray, goes_on: NDArray, rows: NDArray[np.intp] | None = None) -> Sides:
    """The colours on both sides of a seam in each row, or in some of the rows."""
    rows = np.arange(len(picture)) if rows is None else rows
    before, after = (_around(picture, first, rows) for first in (places, goes_on))
    if not has_opacity(picture):
        return Sides(before, after, np.ones((len(rows), 1), np.float32))
    opaque = (before[..., -1] * after[..., -1]).min(axis=1, keepdims=True)
    return Sides(before[..., :-1], after[..., :-1], opaque)


def _around(picture: NDArray, first: NDArray, rows: NDArray[np.intp]) -> Floats:
    """The colours of the pixels around a column of each row, which may lie between pixels: [n, compared, channels]."""
    rows, last = rows[:, None], picture.shape[1] - 1
    whole = np.floor(first).astype(np.intp)
    columns = whole[:, None] + COMPARED
    shown = in_unit_range(picture[rows, np.clip(columns, 0, last)])
    part = (first - whole).astype(np.float32)[:, None, None]
    if not part.any():
        return shown
    return np.asarray(shown + part * (in_unit_range(picture[rows, np.clip(columns + 1, 0, last)]) - shown))


def _spread(result: NDArray, at: NDArray, left: NDArray, right: NDArray, steps: Floats) -> None:
    """Add half of each row's step before a seam and take half of it away after it, less and less farther away.

    Args:
        result: [h, Wo, channels], the output.
        at: [h], where the seam lies, px.
        left: [h] px before the seam, where nothing is added any more.
        right: [h], the same after it.
        steps: [h, colours], in [-1, 1].
    """
    count, channels = result.shape[1:]
    size = min(int(np.ceil(left.max() + right.max())) + 1, count)
    first = np.clip(np.floor(at - left.max()), 0, count - size).astype(np.intp)
    most = most_of(result.dtype)
    least = UNSEEN if result.dtype.kind == "u" else 0.0
    kind = result.dtype.char
    if compiled.available and kind in "BHf":
        at, left, right = (np.asarray(each, np.float64) for each in (at, left, right))
        compiled.loops.spread(result, kind, at, left, right, first.astype(np.int64), steps, size, most, least)
        return
    # All windows of the rows: indexing them copies each row's window at once.
    windows = np.lib.stride_tricks.sliding_window_view(
        result.reshape(len(result), -1), size * channels, axis=1, writeable=True
    )
    changed = np.flatnonzero(np.abs(steps).max(axis=1) * most > least)
    rows_at_once = max(1, AT_ONCE // (size * channels))
    for start in range(0, len(changed), rows_at_once):
        rows = changed[start : start + rows_at_once]
        place = np.arange(size, dtype=np.float32) + (first - at + np.float32(0.5))[rows, None].astype(np.float32)
        side = np.maximum(np.where(place < 0, left[rows, None], right[rows, None]), 1).astype(np.float32)
        fade = np.square(np.maximum(1 - np.abs(place) / side, 0))
        fade *= np.float32(most / 2) * np.clip(-2 * place, -1, 1)  # a pixel that the seam goes through has both sides
        strip = windows[rows, first[rows] * channels].reshape(len(rows), size, channels)
        for colour in range(steps.shape[1]):
            strip[..., colour] = stored(strip[..., colour] + fade * steps[rows, colour, None], result.dtype)
        windows[rows, first[rows] * channels] = strip.reshape(len(rows), -1)


def _shade(differences: Floats) -> Floats:
    """The slowly changing part of differences of colour across a seam: [h, channels] of [h, compared, channels]."""
    height = len(differences)
    error = np.square(differences).mean(axis=(1, 2))
    weight = (1 / (ALIKE**2 + error))[:, None]
    along = max(1, round(ALONG * height))
    mean = _averaged(differences.mean(axis=1) * weight, along) / _averaged(weight, along)
    most = np.abs(mean).max(axis=1, keepdims=True)
    return np.asarray(mean * np.exp(-np.square(most / MOST)), np.float32)


def _averaged(values: NDArray, along: int) -> NDArray:
    """Three running means over 2 along + 1 rows, which is nearly a Gaussian."""
    for _ in range(3):
        padded = values[np.clip(np.arange(-along - 1, len(values) + along), 0, len(values) - 1)]
        total = np.cumsum(padded, axis=0, dtype=np.float64)
        values = (total[2 * along + 1 :] - total[: -2 * along - 1]) / (2 * along + 1)
    return values
