"""The slow differences of colour at the seams of stills, spread over what lies around them.

A seam may run along between two rows as well as between two columns. So the step there, averaged along the seam, is a
smooth field, and so is how much of what lies around each pixel is before the seam. The step times the second field,
less whether the pixel itself is before the seam, takes the step away wherever the seam runs, and little else.
"""

import numpy as np
from numpy.typing import NDArray

from ingan_fast.layout import compiled
from ingan_fast.layout.matching import ALIKE, Sides, sides_of
from ingan_fast.layout.pictures import Floats, most_of, stored
from ingan_fast.layout.seams import Places

CELL = 0.005  # fraction of the width; side of the cells of both fields
BLUR = 2  # cells; reach of each of three running means
AROUND = 3 * BLUR + 1  # cells beside a seam that change
MOST = 0.15  # fraction of the value range; steps that are larger are edges of objects, and are changed little
UNSEEN = 0.25  # fraction of a quantisation step that is not worth adding
NEARLY = 1e-3  # of the second field; nearer than this to 0 or 1 nothing is added

Doubles = NDArray[np.float64]


def hide_step(result: NDArray, picture: NDArray, places: Places, length: int, join: Places) -> Sides:
    """Spread the slow part of a seam's step over what lies around it.

    Args:
        result: [h, Wo, channels], the pieces side by side; changed in place.
        picture: what they are pieces of.
        places: [h], the seam's in the picture.
        length: px, the seam's.
        join: [h], where it lies in the result.

    Returns:
        The colours on both sides of it in each row.
    """
    height, count = result.shape[:2]
    cell = 1 + int(CELL * picture.shape[1])
    first = max(0, int(join.min()) - AROUND * cell)
    end = min(count, int(join.max()) + AROUND * cell)
    shape = max(2, -(-height // cell)), max(2, -(-(end - first) // cell))
    rows, columns = _along(places)
    sides = sides_of(picture, columns, columns + length, rows)
    at = columns + int(join[0] - places[0]) - first
    index = np.minimum(rows // cell, shape[0] - 1) * shape[1] + np.clip(at // cell, 0, shape[1] - 1)
    before = _before(join - first, cell, shape)
    steps, before = _blurred(_steps(sides, index, shape), before)
    if not first:  # a tile's border stays as it is
        before = 1 - (1 - before) * np.minimum(np.arange(shape[1]) / AROUND, 1)
    if end == count:
        before = before * np.minimum(np.arange(shape[1] - 1, -1, -1) / AROUND, 1)
    _add(result, join, first, end, cell, steps, before)
    return Sides(sides.before[:height], sides.after[:height], sides.opaque[:height])


def _along(places: Places) -> tuple[Places, Places]:
    """The pixels after a seam: its own of each row, then those above and below it where it runs along between rows."""
    low, passed = np.minimum(places[:-1], places[1:]), np.abs(np.diff(places))
    above = np.repeat(np.arange(len(passed)), passed)
    columns = np.repeat(low - (np.cumsum(passed) - passed), passed) + np.arange(len(above))
    return np.concatenate([np.arange(len(places)), above, above + 1]), np.concatenate([places, columns, columns])


def _steps(sides: Sides, index: Places, shape: tuple[int, int]) -> Doubles:
    """Sums over each cell of the steps times their weights, and of the weights: [rows, columns, colours + 1]."""
    steps = sides.after - sides.before
    weights = 1 / (ALIKE**2 + np.square(steps).mean(axis=(1, 2)))
    steps = steps.mean(axis=1) * sides.opaque * weights[:, None]
    sums = [np.bincount(index, each, shape[0] * shape[1]) for each in (*steps.T, weights)]
    return np.asarray(np.stack(sums, axis=1), np.float64).reshape(*shape, -1)


def _before(join: Places, cell: int, shape: tuple[int, int]) -> Doubles:
    """How much of each cell is before a seam: [rows, columns]."""
    covered = np.clip((join[:, None] - np.arange(shape[1]) * cell) / cell, 0, 1)
    rows = np.minimum(np.arange(shape[0] * cell), len(join) - 1)
    return np.asarray(covered[rows].reshape(shape[0], cell, shape[1]).mean(axis=1))


def _blurred(sums: Doubles, before: Doubles) -> tuple[Doubles, Doubles]:
    """The averaged steps, less where they are large, and the cells' part before the seam, both smooth."""
    values = np.dstack([sums, before])
    for axis in (0, 1):
        length = values.shape[axis]
        near = np.clip(np.arange(-BLUR - 1, length + BLUR), 0, length - 1)
        for _ in range(3):
            total = np.cumsum(np.take(values, near, axis=axis), axis=axis)
            ends, starts = np.arange(2 * BLUR + 1, len(near)), np.arange(length)
            values = (np.take(total, ends, axis=axis) - np.take(total, starts, axis=axis)) / (2 * BLUR + 1)
    weights = np.maximum(values[..., -2:-1], 1e-9 * sums[..., -1].max())
    steps = values[..., :-2] / weights
    most = np.abs(steps).max(axis=2, keepdims=True)
    return steps * np.exp(-np.square(most / MOST)), values[..., -1]


def _add(result: NDArray, join: Places, first: int, end: int, cell: int, steps: Doubles, before: Doubles) -> None:
    """Add both fields' product, interpolated between the middles of cells, to the columns from `first` to `end`."""
    height, most = len(result), most_of(result.dtype)
    fields = np.dstack([steps, before]).astype(np.float32)
    least = UNSEEN / most if result.dtype.kind == "u" else 0.0
    changing = (before > NEARLY) & (before < 1 - NEARLY) & (np.abs(steps).max(axis=2) > least)
    above, down = _between(height, cell, len(fields))
    beside, right = _between(end - first, cell, fields.shape[1])
    # Rows between two cells change where either of these does, and columns as far as the next cell's middle.
    changing = changing[:-1] | changing[1:]
    low = np.maximum((changing.argmax(axis=1) - 1) * cell, 0)
    high = np.minimum((changing.shape[1] + 1 - changing[:, ::-1].argmax(axis=1)) * cell, end - first)
    high[~changing.any(axis=1)] = 0
    low, high = low[above], high[above]
    kind = result.dtype.char
    if compiled.available and kind in "BHf":
        at = np.asarray(join - first, np.int64)
        compiled.loops.shade(result, kind, first, at, low, high, above, down, beside, right, fields, most)
        return
    for row in np.flatnonzero(low < high):
        line = fields[above[row]] + down[row] * (fields[above[row] + 1] - fields[above[row]])
        columns = slice(low[row], high[row])
        left, part = beside[columns], right[columns, None]
        values = line[left] + part * (line[left + 1] - line[left])
        is_before = np.arange(low[row], high[row]) < join[row] - first
        change = np.float32(most) * ((is_before - values[:, -1:].T).T * values[:, :-1])
        strip = result[row, first + low[row] : first + high[row], : change.shape[1]]
        strip[:] = stored(strip + change, result.dtype)


def _between(count: int, cell: int, cells: int) -> tuple[NDArray[np.int64], Floats]:
    """The cell whose middle each pixel is after, not the last one, and how far on it is to the next: [count] each."""
    place = (np.arange(count) + 0.5) / cell - 0.5
    after = np.clip(np.floor(place), 0, cells - 2)
    return after.astype(np.int64), np.clip(place - after, 0, 1).astype(np.float32)
