"""The slow differences of colour at the seams of stills, spread over what lies around them.

That is done three times: over a very wide area for what is the same all along the seam, as in clear skies, over a wide
one for what is even there, and over a narrow one for the rest.
"""

import numpy as np
from numpy.typing import NDArray

from ingan_fast.layout.cells import AROUND, Cells, Doubles, add, along, fields_of
from ingan_fast.layout.pictures import Floats
from ingan_fast.layout.seams import Places
from ingan_fast.layout.sides import Sides, sides_of

# Sides of the cells, fractions of the width, and by which power of their evenness along the seam steps count there.
LEVELS = ((0.03, 8), (0.015, 1), (0.0025, 0))


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
    rows, columns, _ = along(places)
    sides = sides_of(picture, columns, columns + length, rows)
    at = columns + int(join[0] - places[0])
    steps = sides.after - sides.before
    for side, power in LEVELS:
        steps -= _spread(result, join, (rows, at), steps, sides.opaque, 1 + int(side * width), power)[:, None]
    before = sides.before[:height]
    return Sides(before, before + steps[:height], sides.opaque[:height])


def _spread(
    result: NDArray, join: Places, points: tuple[Places, Doubles], steps: Floats, opaque: Floats, side: int, power: int
) -> Floats:
    """Spread a seam's steps, averaged over cells, over what lies around it.

    Args:
        result: as for `hide_step`.
        join: the same.
        points: rows and columns of the result, [p] each, along the seam.
        steps: [p, compared, colours], what follows the seam less what is before it there.
        opaque: [p, 1].
        side: px, of the cells.
        power: see `fields_of`.

    Returns:
        The steps that were taken away: [p, colours].
    """
    height, count = result.shape[:2]
    first = max(0, int(join.min()) - AROUND * side)
    end = min(count, int(join.max()) + AROUND * side)
    shape = max(2, -(-height // side)), max(2, -(-(end - first) // side))
    cells = Cells(side, shape, first, first, end)
    rows, at = points[0], np.clip(points[1] - first, 0, end - first - 1)
    across = np.minimum(at.astype(np.intp) // side, shape[1] - 1)
    index = (np.minimum(rows // side, shape[0] - 1) * shape[1] + across)[None]
    fields = fields_of(join, cells, steps, opaque, index, np.ones(index.shape), power)
    before = fields[..., -1].astype(np.float64)
    if not first:  # a tile's border stays as it is
        before = 1 - (1 - before) * np.minimum(np.arange(shape[1]) / AROUND, 1)
    if end == count:
        before = before * np.minimum(np.arange(shape[1] - 1, -1, -1) / AROUND, 1)
    fields[..., -1] = before
    add(result, join, cells, fields)
    return cells.steps_at(fields, rows, first + at + 0.5)
