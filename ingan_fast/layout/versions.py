"""The small version of a picture that seams are found in, and the versions through which they are carried from it."""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ingan_fast.geometry import Size
from ingan_fast.layout.pictures import shrunk
from ingan_fast.layout.refining import STEP

SOLVED_PIXELS = 48_000  # size of the small version in which jumps are found
SOLVED_WIDTH = 400  # px; its maximum side along the axis that changes


def shrinking(size: Size) -> float:
    """How much smaller the version is in which a side of a picture (width, height) is solved."""
    return max(1.0, (size[0] * size[1] / SOLVED_PIXELS) ** 0.5, size[0] / SOLVED_WIDTH)


def versions(picture: NDArray, factor: float) -> list[NDArray]:
    """Versions of a picture up to the picture itself, each up to about `STEP` times as large as the one before.

    Those between the first one and the picture are smaller by whole numbers, and each is made from the next larger one:
    from a large picture, anything else takes longer than all the rest.

    Args:
        picture: [h, w, channels].
        factor: how much smaller the version is that comes before the first one.
    """
    if factor == 1:
        return []
    found = [picture]
    rest = first = factor / STEP
    while rest > STEP:
        by = math.floor(rest ** (1 / math.ceil(math.log(rest, STEP))))
        found.insert(0, _reduced(found[0], by))
        rest /= by
    return [shrunk(found[0], size_of(picture, first)), *found] if first > 1 else found


def size_of(picture: NDArray, factor: float) -> Size:
    """(width, height) of the version that is smaller by `factor`."""
    return max(2, round(picture.shape[1] / factor)), max(1, round(picture.shape[0] / factor))


def _reduced(picture: NDArray, by: int) -> NDArray:
    """A version that is smaller by a whole number, which is quicker than others; the last pixels may cover fewer."""
    if picture.dtype == np.uint8 and picture.shape[2] == 3:
        return np.asarray(Image.fromarray(picture).reduce(by))
    return shrunk(picture, (-(-picture.shape[1] // by), -(-picture.shape[0] // by)))
