"""A picture on its canvas."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ingan_fast.geometry import Size, Transform
from ingan_fast.video.poses import Pose

Pixels = NDArray[np.uint8]
Colour = tuple[int, int, int]


def place(picture: Pixels, pose: Pose, canvas: Size, background: Colour | None, out: Pixels | None = None) -> Pixels:
    """Lay a retargeted picture where its pose says.

    Args:
        picture: uint8 [h, w, 3], of `pose.transform.size`.
        canvas: (width, height) of the result.
        background: the colour beside the picture; None is transparent.
        out: uint8, contiguous, of the result's shape, to write to.

    Returns:
        uint8 [H, W, 3], or [H, W, 4] with straight alpha where `background` is None. Colours are mixed as they are
        stored, as browsers and editors do.
    """
    channels = 4 if background is None else 3
    if out is None:
        out = np.empty((canvas[1], canvas[0], channels), np.uint8)
    (rows, there_rows), (columns, there_columns) = (
        _overlap(pose.offset[axis], pose.transform.size[axis], canvas[axis]) for axis in (1, 0)
    )
    cropped = picture[there_rows, there_columns]
    if cropped.shape[:2] != (canvas[1], canvas[0]):
        out[:] = (0, 0, 0, 0) if background is None else background
    coverage = _coverage(pose.transform)
    target = out[rows, columns]
    if coverage is None:
        target[..., :3] = cropped
        if background is None:
            target[..., 3] = 255
        return out
    share = coverage[there_rows, there_columns, None]
    if background is None:
        target[..., :3] = np.where(share > 0, cropped, 0)
        target[..., 3:] = share * 255 + 0.5
    else:
        base = np.array(background, np.float32)
        target[:] = base + share * (cropped - base) + 0.5
    return out


@lru_cache(maxsize=2)
def _coverage(transform: Transform) -> NDArray[np.float32] | None:
    """How much of each pixel the picture covers, [h, w]; None where it fills its box."""
    if np.array_equal(transform.matrix, np.eye(3)):
        return None
    mask = transform.mask()
    return None if bool((mask == 1).all()) else mask


def _overlap(offset: int, side: int, canvas: int) -> tuple[slice, slice]:
    """Along one axis: the part of the canvas that a picture covers, and the part of the picture that is there."""
    first, last = max(offset, 0), min(offset + side, canvas)
    last = max(first, last)
    return slice(first, last), slice(first - offset, last - offset)
