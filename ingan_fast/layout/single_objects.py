"""Single objects: parts of a picture that are unlike the rest of it."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ingan_fast.layout.pictures import seen, shrunk, widened
from ingan_fast.layout.seam_costs import Floats
from ingan_fast.layout.surrounded import surrounded
from ingan_fast.layout.things import find
from ingan_fast.layout.versions import shrinking, size_of

PIXELS = 2500  # size of the version in which single objects are searched
BLOCK = 5  # px; side of the compared blocks
# Distance to the most similar other block, in units of the picture's variance, above which a block may be single.
UNLIKE = 0.5
SURE = 0.75  # the same, above which it certainly is
TEXTURE = 1 / 3  # the same of the middle one of all blocks, above which the picture is a texture
LEAST, MOST = 0.015, 0.15  # fraction of certain blocks: below it there are no single objects, above it nothing else


def single_objects(picture: NDArray) -> NDArray[np.bool_]:
    """Where single objects are: [h, w]; nowhere in textures and in pictures of many things of a kind.

    Things on a ground (`things.py`) are single as a whole or not at all.

    Args:
        picture: [h, w, channels], as for `pictures.seen`.
    """
    height, width = picture.shape[:2]
    factor = max(1.0, (height * width / PIXELS) ** 0.5)
    size = max(1, round(width / factor)), max(1, round(height / factor))
    small = seen(shrunk(picture, size))
    nothing = np.zeros((height, width), bool)
    if min(size) <= 2 * BLOCK:
        return nothing
    unlike = _unlike(small) / max(float(small.var(axis=(0, 1)).mean()), 1e-6)
    objects = widened(surrounded(small), 1)
    if LEAST <= (unlike > SURE).mean() <= MOST and np.median(unlike) <= TEXTURE:
        for row, column in np.argwhere(unlike > UNLIKE):
            objects[row : row + BLOCK, column : column + BLOCK] = True
    larger = size_of(picture, shrinking((width, height)))
    things = find(seen(shrunk(picture, larger))) if objects.any() else None
    if things is not None:
        objects = things.whole(np.asarray(Image.fromarray(objects).resize(larger, Image.Resampling.NEAREST)))
    return np.asarray(Image.fromarray(objects).resize((width, height), Image.Resampling.NEAREST))


def _unlike(picture: Floats) -> Floats:
    """The mean squared difference of each block to the one that is most like it and does not overlap."""
    blocks = np.lib.stride_tricks.sliding_window_view(picture, (BLOCK, BLOCK), axis=(0, 1))
    rows, columns = blocks.shape[:2]
    values = blocks.reshape(rows * columns, -1)
    values = values - values.mean(axis=0)
    squares = np.square(values).sum(axis=1)
    row, column = np.divmod(np.arange(rows * columns), columns)
    best = np.empty(rows * columns, np.float32)
    for first in range(0, len(values), 256):
        some = slice(first, first + 256)
        distances = (-2 * values[some]) @ values.T
        distances += squares[some, None] + squares
        rows_near = slice(max(row[first] - BLOCK + 1, 0) * columns, (row[some][-1] + BLOCK) * columns)
        near = np.abs(row[some, None] - row[rows_near]) < BLOCK
        near &= np.abs(column[some, None] - column[rows_near]) < BLOCK
        distances[:, rows_near][near] = np.inf
        best[some] = distances.min(axis=1)
    return np.maximum(best, 0).reshape(rows, columns) / values.shape[1]
