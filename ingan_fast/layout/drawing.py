"""Drawing an output from its seams: pieces of the source side by side, their colours matched across the seams."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingan_fast.layout import compiled
from ingan_fast.layout.ends import are_crops
from ingan_fast.layout.pictures import has_opacity, in_unit_range
from ingan_fast.layout.seam_costs import Floats
from ingan_fast.layout.seams import Places, Seams

REACH = 0.05  # fraction of the width; distance from a seam over which colours are matched
ALONG = 0.02  # fraction of the height; length along a seam over which colour differences are averaged
MOST = 0.1  # fraction of the value range; larger differences are edges of objects, not shading, and are not matched
COMPARED = np.arange(-2, 2)  # px positions relative to the seam that are compared
ALIKE = 0.02  # differences up to this have full weight in the average; larger ones have less
UNSEEN = 0.5  # fraction of a quantisation step; smaller changes are lost in rounding
AT_ONCE = 1 << 16  # values processed at a time, so that they fit into the processor's cache
SHARE = 0.25  # weight of the other side in the pixels next to a seam


def copy_pieces(picture: NDArray, seams: Seams) -> NDArray:
    """The pieces of a picture [h, w, ...] side by side: [h, Wo, ...], pixels as they are."""
    height, width = picture.shape[:2]
    result = np.empty((height, width - int(seams.lengths.sum()), *picture.shape[2:]), picture.dtype)
    if compiled.available:
        places, lengths = (np.ascontiguousarray(each, np.int64) for each in (seams.places, seams.lengths))
        compiled.loops.copy_pieces(as_bytes(picture), places, lengths, as_bytes(result))
        return result
    starts, ends = _pieces(seams, height, width)
    for row in range(height):
        line, source, at = result[row], picture[row], 0
        for start, end in zip(starts[row].tolist(), ends[row].tolist(), strict=True):
            line[at : at + end - start] = source[start:end]
            at += end - start
    return result


def draw(picture: NDArray, seams: Seams) -> NDArray:
    """The pieces of a picture side by side, joined so that the seams show less.

    Args:
        picture: [h, w, channels], as for `pictures.seen`; the opacity is laid out as it is.
    """
    result = copy_pieces(picture, seams)
    joined = ~are_crops(seams.places, seams.lengths, picture.shape[1])
    joins, seams = _in_output(seams)[joined], Seams(seams.lengths[joined], seams.places[joined])
    for seam in range(len(joins)):
        sides = match_colours(result, picture, seams.places[seam], seams.lengths[seam], joins, seam)
        _mix(result, joins[seam], sides)
    return result


def as_bytes(picture: NDArray) -> NDArray[np.uint8]:
    """Pixels [h, w, ...] as their bytes: [h, w, bytes of a pixel]; a view where they are contiguous."""
    return np.ascontiguousarray(picture).reshape(*picture.shape[:2], -1).view(np.uint8)


def _pieces(seams: Seams, height: int, width: int) -> tuple[Places, Places]:
    """The first column of each piece of the source, and the one after its last, in each row: [h, n + 1] each."""
    starts = np.zeros((height, len(seams.lengths) + 1), np.intp)
    ends = np.full_like(starts, width)
    starts[:, 1:] = (seams.places + seams.lengths[:, None]).T
    ends[:, :-1] = seams.places.T
    return starts, ends


def _in_output(seams: Seams) -> Places:
    """The output column before which each seam lies, in each row: [n, h]."""
    before = np.cumsum(seams.lengths) - seams.lengths
    return np.asarray(seams.places - before[:, None])


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


def match_colours(
    result: NDArray, picture: NDArray, places: NDArray, length: float, joins: NDArray, seam: int
) -> Sides:
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
    sides = _sides(picture, places, places + length)
    reach = max(2, round(REACH * width))
    left, right = np.minimum(reach, at), np.minimum(reach, count - at)
    if seam > 0:
        left = np.minimum(left, _half(at - joins[seam - 1]))
    if seam + 1 < len(joins):
        right = np.minimum(right, _half(joins[seam + 1] - at))
    _spread(result, at, left, right, _shade(sides.after - sides.before) * sides.opaque)
    return sides


def _mix(result: NDArray, at: Places, sides: Sides) -> None:
    """Blend the two pixels beside a seam."""
    middle = len(COMPARED) // 2
    difference = SHARE * sides.opaque[..., None] * (sides.after - sides.before)
    _add(result, at - 1, difference[:, middle - 1])
    _add(result, at, -difference[:, middle])


def _half(distances: NDArray) -> NDArray:
    """Half of some distances; whole ones where these are."""
    return np.asarray(distances // 2 if distances.dtype.kind == "i" else distances / 2)


def _sides(picture: NDArray, places: NDArray, goes_on: NDArray) -> Sides:
    before, after = (_around(picture, first) for first in (places, goes_on))
    if not has_opacity(picture):
        return Sides(before, after, np.ones((len(picture), 1), np.float32))
    opaque = (before[..., -1] * after[..., -1]).min(axis=1, keepdims=True)
    return Sides(before[..., :-1], after[..., :-1], opaque)


def _around(picture: NDArray, first: NDArray) -> Floats:
    """The colours of the pixels around some columns [h], which may lie between pixels: [h, compared, channels]."""
    rows, last = np.arange(len(picture))[:, None], picture.shape[1] - 1
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
    most = _most(result.dtype)
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
            strip[..., colour] = _stored(strip[..., colour] + fade * steps[rows, colour, None], result.dtype)
        windows[rows, first[rows] * channels] = strip.reshape(len(rows), -1)


def _add(result: NDArray, at: Places, change: Floats) -> None:
    """Add a change [h, colours], in [-1, 1], to a pixel of each row."""
    rows = np.flatnonzero((at >= 0) & (at < result.shape[1]))
    columns, colours = at[rows], slice(0, change.shape[1])
    values = result[rows, columns, colours] + change[rows] * np.float32(_most(result.dtype))
    result[rows, columns, colours] = _stored(values, result.dtype)


def _most(dtype: np.dtype) -> float:
    """What a type stores for 1."""
    return float(np.iinfo(dtype).max) if dtype.kind == "u" else 1.0


def _stored(values: Floats, dtype: np.dtype) -> NDArray:
    """Values in a type's own range, as it stores them."""
    return np.rint(np.clip(values, 0, _most(dtype))).astype(dtype) if dtype.kind == "u" else values.astype(dtype)


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
