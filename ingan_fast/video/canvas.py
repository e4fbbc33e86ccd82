"""A picture on its canvas."""

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
    """Lay a retargeted picture where its pose says.

    Args:
        picture: uint8 [h, w, 3], of `pose.transform.size`.
        canvas: (width, height) of the result.
        background: the colour beside the picture; None is transparent.
        out: uint8, of the result's shape, to write to.
        opacity: uint8 [h, w], of the picture itself, where there is no background.

    Returns:
        uint8 [H, W, 3], or [H, W, 4] with straight alpha where `background` is None. Colours are mixed as they are
        stored, as browsers and editors do.
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
    """How much of each output pixel the picture covers, [Ho, Wo] in [0, 1]; None where it fills them all."""
    return None if np.array_equal(transform.matrix, np.eye(3)) else _mask(transform)


def _mix(part: Pixels, picture: Pixels, share: Mask) -> None:
    """Put a picture [h, w, 3] over what `part` [h, w, 3 or 4] shows; as alpha where it has that."""
    whole = share == 1
    first, count = whole.argmax(axis=1), whole.sum(axis=1)  # the picture is convex: one span a row
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
    """A canvas without a picture."""
    width, height = canvas
    return np.full((height, width, 4 if background is None else 3), background or 0, np.uint8)


@lru_cache(maxsize=1)
def _mask(transform: Transform) -> Mask:
    """`transform.mask()`, which a still shape needs once; that of an upright rectangle is made of two lines."""
    if transform.matrix[[0, 1, 2, 2], [1, 0, 0, 1]].any():
        return transform.mask()
    across, down = (_line(transform.corners()[[0, 2], axis], transform.size[axis]) for axis in (0, 1))
    return down[:, None] * across[None]


def _line(ends: Array, side: int) -> Mask:
    """How much of each of `side` pixels lies between two places."""
    first = np.arange(side)
    covered = np.minimum(first + 1, ends.max()) - np.maximum(first, ends.min())
    return np.asarray(np.clip(covered, 0, 1), dtype=np.float32)


def _overlap(offset: int, side: int, canvas: int) -> tuple[slice, slice]:
    """Along one axis: where on the canvas a picture is, and what of the picture is there."""
    first = max(offset, 0)
    last = max(first, min(offset + side, canvas))
    return slice(first, last), slice(first - offset, last - offset)
