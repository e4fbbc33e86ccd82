"""Composes a picture and its canvas."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ingan_fast.geometry import Array, Size, Transform
from ingan_fast.video.poses import Pose

Pixels = NDArray[np.uint8]
Mask = NDArray[np.float32]
Colour = tuple[int, int, int]


def place(
    picture: Pixels,
    pose: Pose,
    canvas: Size,
    background: Colour | None,
    out: Pixels | None = None,
    opacity: Pixels | None = None,
) -> Pixels:
    """Draw a retargeted picture at its pose.

    Args:
        picture: uint8 [h, w, 3], of `pose.transform.size`.
        canvas: (width, height) of the result.
        background: colour outside the picture; None: transparent.
        out: uint8 output array of the result's shape.
        opacity: uint8 [h, w], the picture's own opacity, if there is no background.

    Returns:
        uint8 [H, W, 3], or [H, W, 4] with straight alpha if `background` is None. Colours are mixed in their stored
        encoding, as browsers and editors do.
    """
    if out is None:
        out = np.empty((canvas[1], canvas[0], 4 if background is None else 3), np.uint8)
    (columns, seen_columns), (rows, seen_rows) = (
        _overlap(pose.offset[axis], pose.transform.size[axis], canvas[axis]) for axis in (0, 1)
    )
    mask = coverage(pose.transform)
    seen = picture[seen_rows, seen_columns]
    if mask is not None or seen.shape[:2] != out.shape[:2]:
        out[:] = _bare(canvas, background)
    part = out[rows, columns]
    if mask is None:
        part[..., :3] = seen
        if background is None:
            part[..., 3] = 255
    else:
        _mix(part, seen, mask[seen_rows, seen_columns])
    if opacity is not None:
        part[..., 3] = (part[..., 3] * opacity[seen_rows, seen_columns].astype(np.uint16) + 127) // 255
    return out


def coverage(transform: Transform) -> Mask | None:
    """The picture's coverage of each output pixel, [Ho, Wo] in [0, 1]; None if it is 1 everywhere."""
    return None if np.array_equal(transform.matrix, np.eye(3)) else _mask(transform)


def _mix(part: Pixels, picture: Pixels, share: Mask) -> None:
    """Draw a picture [h, w, 3] over `part` [h, w, 3 or 4]; sets alpha if `part` has it."""
    whole = share == 1
    first, count = whole.argmax(axis=1), whole.sum(axis=1)  # the picture is convex: one span per row
    for row in np.flatnonzero(count):
        span = slice(first[row], first[row] + count[row])
        part[row, span, :3] = picture[row, span]
    edge = np.unravel_index(np.flatnonzero((share > 0) & ~whole), share.shape)
    if part.shape[2] == 4:
        part[..., 3] = share * 255 + 0.5
        part[..., :3][edge] = picture[edge]
    else:
        under = part[edge]
        part[edge] = under + share[edge][:, None] * (picture[edge].astype(np.float32) - under) + 0.5


@lru_cache(maxsize=1)
def _bare(canvas: Size, background: Colour | None) -> Pixels:
    """An empty canvas."""
    width, height = canvas
    return np.full((height, width, 4 if background is None else 3), background or 0, np.uint8)


@lru_cache(maxsize=1)
def _mask(transform: Transform) -> Mask:
    """`transform.mask()`, cached for a static shape; for an upright rectangle the product of two lines."""
    if transform.matrix[[0, 1, 2, 2], [1, 0, 0, 1]].any():
        return transform.mask()
    across, down = (_line(transform.corners()[[0, 2], axis], transform.size[axis]) for axis in (0, 1))
    return down[:, None] * across[None]


def _line(ends: Array, side: int) -> Mask:
    """Coverage of each of `side` pixels by the interval between two positions."""
    first = np.arange(side)
    covered = np.minimum(first + 1, ends.max()) - np.maximum(first, ends.min())
    return np.asarray(np.clip(covered, 0, 1), dtype=np.float32)


def _overlap(offset: int, side: int, canvas: int) -> tuple[slice, slice]:
    """Along one axis: the picture's range on the canvas, and the visible range of the picture."""
    first = max(offset, 0)
    last = max(first, min(offset + side, canvas))
    return slice(first, last), slice(first - offset, last - offset)
