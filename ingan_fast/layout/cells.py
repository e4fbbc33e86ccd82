"""Steps of colour at a seam, averaged over cells, and spread over what lies around it.

A seam may run along between two rows as well as between two columns. So the step there, averaged along the seam, is a
smooth field, and so is how much of what lies around each pixel is before the seam. The step times the second field,
less whether the pixel itself is before the seam, takes the step away wherever the seam runs, and little else.
"""

from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from ingan_fast.layout import compiled
from ingan_fast.layout.pictures import Floats, most_of, stored
from ingan_fast.layout.seams import Places

ALIKE = 0.02  # differences up to this have full weight in the average; larger ones have less
BLUR, TIMES = 2, 3  # cells, reach of a running mean, and how often it is taken
AROUND = TIMES * BLUR + 1  # cells beside a seam that change
MOST = 0.3  # fraction of the value range; steps that are larger are edges of objects, and are changed little
UNSEEN = 0.25  # fraction of a quantisation step that is not worth adding
NEARLY = 1e-3  # of the second field; nearer than this to 0 or 1 nothing is added

Doubles = NDArray[np.float64]
Reals = NDArray[np.floating]


@dataclass(frozen=True)
class Cells:
    """Square cells around a seam.

    Attributes:
        side: px, of each.
        shape: rows and columns of cells, two of each at least.
        start: where the first column of cells begins, px of the result; it may lie between pixels.
        first: the first column of the result that they cover.
        end: the one after the last.
    """

    side: int
    shape: tuple[int, int]
    start: float
    first: int
    end: int

    def rows_at(self, places: Reals) -> tuple[Places, Floats]:
        """The row of cells whose middle each place, px of the result, is after, and how far it is on to the next."""
        return _between(places / self.side - 0.5, self.shape[0])

    def columns_at(self, places: Reals) -> tuple[Places, Floats]:
        """The column of cells whose middle each place is after, and how far it is on to the next."""
        return _between((places - self.start) / self.side - 0.5, self.shape[1])

    def steps_at(self, fields: Floats, rows: Places, columns: Doubles) -> Floats:
        """The steps of fields [rows, columns, colours + 1] at places [p] in rows [p] of pixels: [p, colours]."""
        if compiled.available:
            result = np.empty((len(rows), fields.shape[-1] - 1), np.float32)
            compiled.loops.steps_at(fields, self.side, self.start, rows, columns, result)
            return result
        steps = fields[..., :-1]
        (above, down), (beside, right) = self.rows_at(rows + 0.5), self.columns_at(columns)
        lines = [
            steps[above, column] + down[:, None] * (steps[above + 1, column] - steps[above, column])
            for column in (beside, beside + 1)
        ]
        return np.asarray(lines[0] + right[:, None] * (lines[1] - lines[0]))


def _between(place: Reals, count: int) -> tuple[Places, Floats]:
    """The one of `count` cells that each place, in cells, is after, not the last one, and how far on it is."""
    after = np.clip(np.floor(place), 0, count - 2)
    return after.astype(np.int64), np.clip(place - after, 0, 1).astype(np.float32)


def along(places: NDArray) -> tuple[Places, Doubles, Doubles]:
    """Points along a seam: its own of each row, then those above and below it where it runs along between two rows.

    Args:
        places: [h], the column that each row is cut before; it may lie between pixels.

    Returns:
        Rows, columns, and weights, which are 1 where columns are whole: [p] each.
    """
    low, passed = np.minimum(places[:-1], places[1:]), np.abs(np.diff(places))
    counts = np.ceil(passed).astype(np.intp)
    above = np.repeat(np.arange(len(passed)), counts)
    weights = (passed / np.maximum(counts, 1))[above]
    columns = low[above] + (np.arange(len(above)) - np.repeat(np.cumsum(counts) - counts, counts)) * weights
    rows = np.concatenate([np.arange(len(places)), above, above + 1])
    return rows, np.concatenate([places, columns, columns]), np.concatenate([np.ones(len(places)), weights, weights])


def fields_of(
    join: NDArray, cells: Cells, steps: Floats, opaque: Floats, index: Places, shares: Doubles, power: int
) -> Floats:
    """Two smooth fields of cells: a seam's steps, and how much lies before it.

    Args:
        join: [h], where the seam lies in the result.
        cells: around it.
        steps: [p, compared, colours], what follows the seam less what is before it, at points along it.
        opaque: [p, 1], what the steps are multiplied by.
        index: [k, p], the cells that each of the points is in.
        shares: [k, p], how much of it is there.
        power: of the steps' evenness, in [0, 1], that they are multiplied by.

    Returns:
        [rows, columns, colours + 1]: the steps, less where they are large, and how much is before the seam.
    """
    squares = np.square(steps).mean(axis=(1, 2))
    weights = 1 / (ALIKE**2 + squares)
    weighted = steps.mean(axis=1) * opaque * weights[:, None]
    each = np.concatenate([weighted, (squares * weights)[:, None], weights[:, None]], axis=1)
    join = np.asarray(join, np.float64)
    fields = np.empty((*cells.shape, each.shape[1] - 1), np.float32)
    if compiled.available:
        low, high = np.empty((2, cells.shape[0]), np.int64)
        largest, evenness = np.empty(fields[..., 0].size), np.empty(fields[..., 0].size, np.float32)
        changed = compiled.loops.mean_fields(
            join, cells.side, cells.start, index, shares, each, fields, low, high, largest, evenness
        )
        part = _part(largest[:changed], evenness[:changed], power)
        compiled.loops.scale_fields(fields, low, high, part)
        return fields
    values = np.empty((*cells.shape, each.shape[1] + 1), np.float32)
    for at, one in enumerate(each.T):
        sums = np.bincount(index.ravel(), (one * shares).ravel(), cells.shape[0] * cells.shape[1])
        values[..., at] = sums.reshape(cells.shape)
    values[..., -1] = _part_before(join, cells)
    values = softened(values)
    weights = np.maximum(values[..., -2], 1e-9 * float(sums.max()))
    means = values[..., :-3] / weights[..., None]
    squares = reduce(np.add, np.moveaxis(np.square(means), -1, 0)) / np.float32(means.shape[-1])
    evenness = squares / np.maximum(values[..., -3] / weights, 1e-12)
    part = _part(np.abs(means).max(axis=-1).astype(np.float64), evenness, power)
    fields[..., :-1] = means * part[..., None]
    fields[..., -1] = values[..., -1]
    return fields


def _part(largest: Doubles, evenness: Floats, power: int) -> Doubles:
    """How much of each cell's steps is taken away, less where the largest of them is large or they are not even."""
    # In float64: processors differ in the last digit of an exponential.
    part = np.exp(-np.square(largest / MOST))
    return reduce(np.multiply, [evenness] * power, part)  # powers differ in the last digit, too


def _part_before(join: Doubles, cells: Cells) -> Doubles:
    """How much of each cell is before a seam, which lies at `join` [h] in the result: [rows, columns]."""
    covered = np.clip(((join - cells.start)[:, None] - np.arange(cells.shape[1]) * cells.side) / cells.side, 0, 1)
    firsts = np.minimum(np.arange(cells.shape[0]) * cells.side, len(join) - 1)
    counts = np.maximum(np.diff(np.append(firsts, len(join))), 1)
    sums = covered[firsts]
    for row in range(1, cells.side):  # in order, as in C
        more = row < counts
        sums[more] += covered[firsts[more] + row]
    return np.asarray(sums / counts[:, None])


def softened(values: Floats) -> Floats:
    """Running means over `BLUR` cells to each side, three times down and across, of [rows, columns, values]."""
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


def add(result: NDArray, join: NDArray, cells: Cells, fields: Floats, slope: float = 1.0) -> None:
    """Add the product of both fields, interpolated between the middles of cells, to what the cells cover.

    Args:
        result: [h, Wo, channels], changed in place.
        join: [h], where the seam lies in it.
        cells: around the seam.
        fields: [rows, columns, colours + 1], of the cells: the steps, and how much is before the seam.
        slope: by how much less a pixel is before the seam than the one before it, where the seam goes through it.
    """
    most = most_of(result.dtype)
    least = UNSEEN / most if result.dtype.kind == "u" else 0.0
    kind = result.dtype.char
    if compiled.available and kind in "BHf":
        compiled.loops.shade(
            result,
            kind,
            np.asarray(join, np.float64),
            slope,
            fields,
            cells.side,
            cells.start,
            cells.first,
            cells.end,
            most,
            least,
            NEARLY,
        )
        return
    *steps, before = np.moveaxis(fields, -1, 0)
    seen = reduce(np.logical_or, [np.abs(step) > least for step in steps])
    changing = (before > NEARLY) & (before < 1 - NEARLY) & seen
    above, down = cells.rows_at(np.arange(len(result)) + 0.5)
    beside, right = cells.columns_at(np.arange(cells.first, cells.end) + 0.5)
    # Rows between two cells change where either of these does, and columns as far as the next cell's middle.
    changing = changing[:-1] | changing[1:]
    low = np.floor(cells.start - cells.first + (changing.argmax(axis=1) - 1) * cells.side)
    high = np.ceil(cells.start - cells.first + (cells.shape[1] + 1 - changing[:, ::-1].argmax(axis=1)) * cells.side)
    high[~changing.any(axis=1)] = 0
    low, high = (np.clip(each, 0, len(beside)).astype(np.int64)[above] for each in (low, high))
    at = np.asarray(join - cells.first, np.float64)
    for row in np.flatnonzero(low < high):
        line = fields[above[row]] + down[row] * (fields[above[row] + 1] - fields[above[row]])
        part_of_row = slice(low[row], high[row])
        left, part = beside[part_of_row], right[part_of_row, None]
        values = line[left] + part * (line[left + 1] - line[left])
        nearer = np.float32(at[row] - low[row]) - np.arange(len(left), dtype=np.float32) - np.float32(0.5)
        is_before = np.clip(np.float32(0.5) + nearer * np.float32(slope), 0, 1)
        change = np.float32(most) * ((is_before - values[:, -1])[:, None] * values[:, :-1])
        strip = result[row, cells.first + low[row] : cells.first + high[row], : change.shape[1]]
        strip[:] = stored(strip + change, result.dtype)
