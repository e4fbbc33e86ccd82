"""Drawing pieces of a picture at places between pixels, so that they move evenly."""

import numpy as np
from numpy.typing import NDArray

from ingan_fast.layout import compiled
from ingan_fast.layout.drawing import as_bytes
from ingan_fast.layout.moving import MIXED, hide_moving_step
from ingan_fast.layout.seams import Places

TAPS = 6  # columns of the picture that one between them is made of
BARELY = 1e-3  # px; positions this close to a whole pixel are copied without resampling

Doubles = NDArray[np.float64]


def slide(picture: NDArray, places: Places | Doubles, lengths: Doubles, size: int, start: float = 0.0) -> NDArray:
    """The pieces of a picture side by side, for jumps whose lengths are no whole pixels.

    Args:
        picture: [h, w, channels], as for `pictures.seen`.
        places: [n, h], as in `Seams`, also between pixels.
        lengths: [n] px, as in `Seams`.
        size: columns of the output; what the pieces don't reach repeats the picture's border.
        start: where the first piece begins in the output.

    Returns:
        [h, size, channels].
    """
    picture = np.ascontiguousarray(picture)
    shown = np.abs(lengths) > BARELY
    places, lengths = places[shown], lengths[shown]
    offsets = start - np.concatenate([[0.0], np.cumsum(lengths)])  # of each piece in the output, beside the source
    cuts = places + offsets[:-1, None]
    borders = float(offsets[0]), float(picture.shape[1] + offsets[-1])
    result = np.empty((len(picture), size, picture.shape[2]), picture.dtype)
    for piece, offset in enumerate(offsets):
        first, last = (cuts[at] if 0 <= at < len(cuts) else None for at in (piece - 1, piece))
        low = 0 if first is None else int(np.clip(np.floor(first.min() - MIXED), 0, size))
        high = size if last is None else int(np.clip(np.ceil(last.max() + MIXED), 0, size))
        if high > low:
            _put(result, _moved(picture, low - offset, high - offset), low, first, borders)
    for seam, join in enumerate(cuts):
        hide_moving_step(result, picture, places[seam], lengths[seam], join, borders)
    return result


def places_across(
    down: Places | Doubles, places: Places | Doubles, lengths: Doubles, size: int, start: float
) -> Doubles:
    """Where seams of the other axis lie in each column of an output: [m, size].

    Args:
        down: [m, w], where they lie in each column of the picture.
        places: [n], where seams lie along it.
        lengths: [n] px, of these.
        size: columns of the output.
        start: where the first piece begins in the output.
    """
    offsets = start - np.concatenate([[0.0], np.cumsum(lengths)])
    cuts = places + offsets[:-1]
    column = np.arange(size)
    result = _places_at(down, column - offsets[np.searchsorted(cuts, column, side="right")])
    for seam, cut in enumerate(cuts):  # the column that a seam goes through lies in both pieces
        share, through = 1 - cut % 1, int(np.floor(cut))
        if share < 1 and 0 <= through < size:
            after = _places_at(down, np.array([through - offsets[seam + 1]]))[:, 0]
            result[:, through] += share * (after - result[:, through])
    return result


def _places_at(places: Places | Doubles, columns: Doubles) -> Doubles:
    """Where seams [n, w] lie at columns [size] between the picture's."""
    last = places.shape[1] - 1
    columns = np.clip(columns, 0, last)
    before = np.floor(columns).astype(np.intp)
    after = np.minimum(before + 1, last)
    return np.asarray(places[:, before] + (columns - before) * (places[:, after] - places[:, before]))


def _put(result: NDArray, piece: NDArray, low: int, first: Doubles | None, borders: tuple[float, float]) -> None:
    """Put a piece into the output from column `low` on, in each row only what lies from `first` on, if that is given.

    Beside `first` it is mixed with what is there; less far at the picture's borders, where there is nothing.
    """
    if first is None:
        result[:, low : low + piece.shape[1]] = piece
        return
    reach = np.clip(np.minimum(first - borders[0], borders[1] - first), 0.5, MIXED)[:, None]
    columns = np.floor(first - 0.5).astype(np.intp)[:, None] + (0, 1)
    shares = np.clip(0.5 + (columns + 0.5 - first[:, None]) / (2 * reach), 0, 1).astype(np.float32)
    begins = np.clip(np.ceil(first), low, result.shape[1]).astype(np.int64)
    mixed = (shares > 0) & ((shares < 1) | (columns < begins[:, None]))
    mixed &= (columns >= low) & (columns < low + piece.shape[1])
    rows, columns, shares = np.nonzero(mixed)[0], columns[mixed], shares[mixed][:, None]
    values = result[rows, columns] * (1 - shares) + piece[rows, columns - low] * shares
    if compiled.available:
        compiled.loops.put(as_bytes(result), piece.view(np.uint8), low, begins)
    else:
        part = result[:, low : low + piece.shape[1]]
        np.copyto(part, piece, where=(np.arange(low, low + piece.shape[1]) >= begins[:, None])[..., None])
    result[rows, columns] = np.rint(values) if result.dtype.kind == "u" else values


def _moved(picture: NDArray, left: float, right: float) -> NDArray:
    """The columns from `left` to `right`, a whole number of them, which may lie between the picture's."""
    count = round(right - left)
    first = int(np.floor(left))
    part = left - first
    if min(part, 1 - part) < BARELY:
        first = round(left)
        return _columns(picture, first, first + count)
    return _between(_columns(picture, first - 2, first + count + 3), part)


def _columns(picture: NDArray, first: int, end: int) -> NDArray:
    """The columns from `first` to the one before `end`; beyond the picture its border is repeated."""
    height, width, channels = picture.shape
    low = min(max(first, 0), width - 1)
    high = max(min(end, width), low + 1)
    left = max(min(low - first, end - first - 1), 0)
    inside = picture[:, low:high]
    if high - low == end - first:
        return inside
    result = np.empty((height, end - first, channels), picture.dtype)
    result[:, :left] = inside[:, :1]
    result[:, left : left + high - low] = inside
    result[:, left + high - low :] = inside[:, -1:]
    return result


def _between(around: NDArray, part: float) -> NDArray:
    """Columns that lie `part` of a pixel after those of a picture, all but its first two and its last three.

    A sharp filter (Lanczos) overshoots beside edges, by how much depends on the part of a pixel. Where edges move, that
    blinks. So no value lies outside of its two neighbours.
    """
    count, kind = around.shape[1] - TAPS + 1, around.dtype.kind
    distance = part - np.arange(-2, 4)
    weights = np.sinc(distance) * np.sinc(distance / 3)
    weights = (weights / weights.sum()).astype(np.float32)
    if compiled.available and around.dtype.char in "BHf":
        result = np.empty((len(around), count, around.shape[2]), around.dtype)
        compiled.loops.between(around, around.dtype.char, weights, result)
        return result
    columns = [around[:, tap : tap + count].astype(np.float32) for tap in range(TAPS)]
    moved = weights[0] * columns[0]
    for weight, column in zip(weights[1:], columns[1:], strict=True):
        moved += weight * column
    before, after = columns[2:4]
    moved = np.minimum(np.maximum(moved, np.minimum(before, after)), np.maximum(before, after))
    return np.asarray(np.rint(moved) if kind == "u" else moved).astype(around.dtype)
