"""The slow differences of colour at the seams of stills, spread over what lies around them.

A seam may run along between two rows as well as between two columns. So the step there, averaged along the seam, is a
smooth field, and so is how much of what lies around each pixel is before the seam. The step times the second field,
less whether the pixel itself is before the seam, takes the step away wherever the seam runs, and little else. That is
done twice: over a wide area for what is even along the seam, as in skies, and over a narrow one for the rest.
"""

from functools import reduce

import numpy as np
from numpy.typing import NDArray

from ingan_fast.layout import compiled
from ingan_fast.layout.matching import ALIKE, Sides, sides_of
from ingan_fast.layout.pictures import Floats, most_of, stored
from ingan_fast.layout.seams import Places

# Sides of the wide and the narrow cells of both fields, fractions of the width.
WIDE, NARROW = 0.015, 0.0025
BLUR, TIMES = 2, 3  # cells, reach of a running mean, and how often it is taken
AROUND = TIMES * BLUR + 1  # cells beside a seam that change
MOST = 0.3  # fraction of the value range; steps that are larger are edges of objects, and are changed little
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
        The colours on both sides of it in each row; those after it as if they had all of the step's slow part.
    """
    height, width = picture.shape[:2]
    rows, columns = _along(places)
    sides = sides_of(picture, columns, columns + length, rows)
    at = columns + int(join[0] - places[0])
    steps = sides.after - sides.before
    even = _spread(result, join, (rows, at), steps, sides.opaque, 1 + int(WIDE * width), even=True)
    steps -= even[:, None]
    rest = _spread(result, join, (rows, at), steps, sides.opaque, 1 + int(NARROW * width), even=False)
    steps -= rest[:, None]
    before = sides.before[:height]
    return Sides(before, before + steps[:height], sides.opaque[:height])


def _spread(
    result: NDArray, join: Places, points: tuple[Places, Places], steps: Floats, opaque: Floats, cell: int, even: bool
) -> Floats:
    """Spread a seam's steps, averaged over cells, over what lies around it.

    Args:
        result: as for `hide_step`.
        join: the same.
        points: rows and columns of the result, [p] each, along the seam.
        steps: [p, compared, colours], what follows the seam less what is before it there.
        opaque: [p, 1].
        cell: px, side of the cells.
        even: whether steps count less where they differ from each other.

    Returns:
        The steps that were taken away: [p, colours].
    """
    height, count = result.shape[:2]
    first = max(0, int(join.min()) - AROUND * cell)
    end = min(count, int(join.max()) + AROUND * cell)
    shape = max(2, -(-height // cell)), max(2, -(-(end - first) // cell))
    rows, at = points[0], np.clip(points[1] - first, 0, end - first - 1)
    index = np.minimum(rows // cell, shape[0] - 1) * shape[1] + np.minimum(at // cell, shape[1] - 1)
    means, smooth = _blurred(_sums(steps, opaque, index, shape), _before(join - first, cell, shape), even)
    before = np.asarray(smooth, np.float64)
    if not first:  # a tile's border stays as it is
        before = 1 - (1 - before) * np.minimum(np.arange(shape[1]) / AROUND, 1)
    if end == count:
        before = before * np.minimum(np.arange(shape[1] - 1, -1, -1) / AROUND, 1)
    fields = np.dstack([means, before]).astype(np.float32)
    down, across = _between(height, cell, shape[0]), _between(end - first, cell, shape[1])
    _add(result, join - first, slice(first, end), cell, fields, down, across)
    return _at(fields[..., :-1], (down[0][rows], down[1][rows]), (across[0][at], across[1][at]))


def _at(fields: Floats, between_rows: tuple[Places, Floats], between_columns: tuple[Places, Floats]) -> Floats:
    """Fields [rows, columns, values] between cells: [p, values] for [p] each."""
    (above, down), (beside, right) = between_rows, between_columns
    lines = [
        fields[above, column] + down[:, None] * (fields[above + 1, column] - fields[above, column])
        for column in (beside, beside + 1)
    ]
    return np.asarray(lines[0] + right[:, None] * (lines[1] - lines[0]))


def _along(places: Places) -> tuple[Places, Places]:
    """The pixels after a seam: its own of each row, then those above and below it where it runs along between rows."""
    low, passed = np.minimum(places[:-1], places[1:]), np.abs(np.diff(places))
    above = np.repeat(np.arange(len(passed)), passed)
    columns = np.repeat(low - (np.cumsum(passed) - passed), passed) + np.arange(len(above))
    return np.concatenate([np.arange(len(places)), above, above + 1]), np.concatenate([places, columns, columns])


def _sums(steps: Floats, opaque: Floats, index: Places, shape: tuple[int, int]) -> Doubles:
    """Sums over each cell of the steps and their squares, times weights, and of the weights: [.., .., colours + 2]."""
    squares = np.square(steps).mean(axis=(1, 2))
    weights = 1 / (ALIKE**2 + squares)
    steps = steps.mean(axis=1) * opaque * weights[:, None]
    sums = [np.bincount(index, each, shape[0] * shape[1]) for each in (*steps.T, squares * weights, weights)]
    return np.asarray(np.stack(sums, axis=1), np.float64).reshape(*shape, -1)


def _before(join: Places, cell: int, shape: tuple[int, int]) -> Doubles:
    """How much of each cell is before a seam: [rows, columns]."""
    covered = np.clip((join[:, None] - np.arange(shape[1]) * cell) / cell, 0, 1)
    firsts = np.minimum(np.arange(shape[0]) * cell, len(join) - 1)
    counts = np.maximum(np.diff(np.append(firsts, len(join))), 1)
    return np.asarray(np.add.reduceat(covered, firsts) / counts[:, None])


def softened(values: Floats) -> Floats:
    """Running means over `BLUR` cells to each side, three times down and across, of [rows, columns, values]."""
    if compiled.available:
        compiled.loops.soften(values, BLUR, TIMES)
        return values
    for axis in (0, 1):
        length = values.shape[axis]
        near = np.clip(np.arange(-BLUR, length + BLUR), 0, length - 1)
        for _ in range(TIMES):
            padded = np.take(values, near, axis=axis)
            values = np.take(padded, np.arange(length), axis=axis)
            for step in range(1, 2 * BLUR + 1):
                values += np.take(padded, np.arange(step, step + length), axis=axis)
            values /= np.float32(2 * BLUR + 1)
    return values


def _blurred(sums: Doubles, before: Doubles, even: bool) -> tuple[Floats, Floats]:
    """The averaged steps, less where they are large, or not even, and the cells' part before the seam, both smooth."""
    values = softened(np.dstack([sums, before]).astype(np.float32))
    weights = np.maximum(values[..., -2], 1e-9 * float(sums[..., -1].max()))
    steps = values[..., :-3] / weights[..., None]
    # In float64: processors differ in the last digit of an exponential.
    part = np.exp(-np.square(_largest(steps).astype(np.float64) / MOST))
    if even:
        squares = reduce(np.add, np.moveaxis(np.square(steps), -1, 0)) / steps.shape[2]
        part *= squares / np.maximum(values[..., -3] / weights, 1e-12)
    return (steps * part[..., None]).astype(np.float32), values[..., -1]


def _largest(values: NDArray) -> NDArray:
    """The largest magnitude of [.., values]: numpy's own maximum over a short last axis takes ten times as long."""
    return np.asarray(reduce(np.maximum, np.moveaxis(np.abs(values), -1, 0)))


def _add(
    result: NDArray,
    join: Places,
    columns: slice,
    cell: int,
    fields: Floats,
    between_rows: tuple[Places, Floats],
    between_columns: tuple[Places, Floats],
) -> None:
    """Add the product of both fields, interpolated between the middles of cells, to some columns of the result."""
    first, count, most = columns.start, columns.stop - columns.start, most_of(result.dtype)
    least = UNSEEN / most if result.dtype.kind == "u" else 0.0
    steps, before = fields[..., :-1], fields[..., -1]
    changing = (before > NEARLY) & (before < 1 - NEARLY) & (_largest(steps) > least)
    (above, down), (beside, right) = between_rows, between_columns
    # Rows between two cells change where either of these does, and columns as far as the next cell's middle.
    changing = changing[:-1] | changing[1:]
    low = np.maximum((changing.argmax(axis=1) - 1) * cell, 0)
    high = np.minimum((changing.shape[1] + 1 - changing[:, ::-1].argmax(axis=1)) * cell, count)
    high[~changing.any(axis=1)] = 0
    low, high = low[above], high[above]
    kind = result.dtype.char
    if compiled.available and kind in "BHf":
        at = np.asarray(join, np.int64)
        compiled.loops.shade(result, kind, first, at, low, high, above, down, beside, right, fields, most)
        return
    for row in np.flatnonzero(low < high):
        line = fields[above[row]] + down[row] * (fields[above[row] + 1] - fields[above[row]])
        part_of_row = slice(low[row], high[row])
        left, part = beside[part_of_row], right[part_of_row, None]
        values = line[left] + part * (line[left + 1] - line[left])
        is_before = np.arange(low[row], high[row]) < join[row]
        change = np.float32(most) * ((is_before - values[:, -1:].T).T * values[:, :-1])
        strip = result[row, first + low[row] : first + high[row], : change.shape[1]]
        strip[:] = stored(strip + change, result.dtype)


def _between(count: int, cell: int, cells: int) -> tuple[NDArray[np.int64], Floats]:
    """The cell whose middle each pixel is after, not the last one, and how far on it is to the next: [count] each."""
    place = (np.arange(count) + 0.5) / cell - 0.5
    after = np.clip(np.floor(place), 0, cells - 2)
    return after.astype(np.int64), np.clip(place - after, 0, 1).astype(np.float32)
