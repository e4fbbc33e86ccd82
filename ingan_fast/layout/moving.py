"""The slow differences of colour at the seams of frames, spread over what lies around them.

As in stills (`shading.py`), but nothing hops from frame to frame: cells move with the seam, a point that moves on to
the next one does so little by little, and what is added ends gradually where a seam leaves the picture.
"""

import numpy as np
from numpy.typing import NDArray

from ingan_fast.layout.cells import AROUND, Cells, Doubles, add, along, fields_of
from ingan_fast.layout.pictures import Floats
from ingan_fast.layout.seams import Places
from ingan_fast.layout.sides import sides_of

LEVELS = ((0.03, 8), (0.015, 1), (0.005, 0))  # as in `shading.py`; finer cells would take longer
FADE = 0.02  # fraction of the width; nearer than this to the picture's border less is added
MIXED = 1.0  # px on either side of a seam where both pieces are seen


def hide_moving_step(
    result: NDArray, picture: NDArray, places: NDArray, length: float, join: Doubles, borders: tuple[float, float]
) -> None:
    """Spread the slow part of a seam's step over what lies around it.

    Args:
        result: [h, Wo, channels], the pieces side by side; changed in place.
        picture: what they are pieces of.
        places: [h], the seam's in the picture; they may lie between pixels.
        length: px, the seam's.
        join: [h], where it lies in the result, or outside of it.
        borders: where the picture begins and ends in the result.
    """
    width = picture.shape[1]
    rows, columns, weights = along(places)
    sides = sides_of(picture, columns, columns + length, rows)
    at = columns + (join[0] - places[0])
    near = np.clip(np.minimum(at - borders[0], borders[1] - at) / (FADE * width), 0, 1)
    steps, opaque = sides.after - sides.before, sides.opaque * near[:, None].astype(np.float32)
    for side, power in LEVELS:
        steps -= _spread(result, join, (rows, at, weights), steps, opaque, 1 + int(side * width), power)[:, None]


def _spread(
    result: NDArray,
    join: Doubles,
    points: tuple[Places, Doubles, Doubles],
    steps: Floats,
    opaque: Floats,
    side: int,
    power: int,
) -> Floats:
    """As in stills, with weights of the points besides."""
    height, count = result.shape[:2]
    middle = float(join.mean())
    before = AROUND + int(np.ceil((middle - join.min()) / side))
    shape = max(2, -(-height // side)), before + AROUND + int(np.ceil((join.max() - middle) / side))
    start = middle - before * side
    first, end = max(0, int(np.floor(start))), min(count, int(np.ceil(start + shape[1] * side)))
    cells = Cells(side, shape, start, first, max(first, end))
    rows, at, weights = points
    beside, right = cells.columns_at(at)
    index = np.minimum(rows // side, shape[0] - 1) * shape[1] + beside
    index, shares = np.stack([index, index + 1]), np.stack([1 - right, right]) * weights
    fields = fields_of(join, cells, steps, opaque, index, shares, power)
    if first < end:
        add(result, join, cells, fields, 0.5 / MIXED)
    return cells.steps_at(fields, rows, at)
