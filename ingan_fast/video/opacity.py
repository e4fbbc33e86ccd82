"""Frames with transparency, for a generator that knows colours alone."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ingan_fast.geometry import Size, Transform
from ingan_fast.pictures import Pixels
from ingan_fast.video.canvas import Colour

LEAST_CONTRAST = 64  # grey levels between what a generator makes of black and of white, to tell opacity by
REACH = 8  # px of the output, by which a generator may move an edge


def over(frame: Pixels, colour: Colour) -> Pixels:
    """A frame [H, W, 4] with straight alpha, laid over a colour: uint8 [H, W, 3]. Hidden colours are not seen."""
    share = frame[..., 3:].astype(np.uint32)
    mixed = frame[..., :3] * share + np.asarray(colour, np.uint32) * (255 - share)
    return ((mixed + 127) // 255).astype(np.uint8)


def retarget_both(
    frame: Pixels, transform: Transform, retarget: Callable[[Pixels], Pixels]
) -> tuple[Pixels, NDArray[np.uint8]]:
    """Retarget a frame [H, W, 4] with its transparency: uint8 [Ho, Wo, 3] and its opacity [Ho, Wo].

    The frame is laid over black and over white. Where both come out the same it is opaque, where they are black and
    white it is clear, so edges lie where the generator puts them. Farther than `REACH` from where the transform alone
    puts an edge, what the transform says holds. A generator makes of plain black and white what it has learned, so
    that is measured where all is clear; where it makes the same of both, the transform alone decides.
    """
    black, white = (retarget(over(frame, (level,) * 3)).astype(np.int32) for level in (0, 255))
    rows, columns = _places(transform, (frame.shape[1], frame.shape[0]))
    moved = frame[..., 3][rows, columns]
    least, most = -_highest_around(-moved.astype(np.int16)), _highest_around(moved)
    apart, clear = (white - black).mean(axis=2), most == 0
    # What the generator makes of nothing over black, and how far that is from nothing over white.
    ground, contrast = (np.median(black[clear], axis=0), np.median(apart[clear])) if clear.any() else (0, 255)
    share = 1 - apart / contrast if contrast >= LEAST_CONTRAST else moved / 255
    opacity = np.clip(255 * share, least, most)
    visible = np.maximum(opacity, 1)[..., None] / 255
    colours = (black - (1 - visible) * ground) / visible
    return np.rint(np.clip(colours, 0, 255)).astype(np.uint8), np.rint(opacity).astype(np.uint8)


@lru_cache(maxsize=1)
def _places(transform: Transform, size: Size) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The row and column of a source of `size` (width, height) that each output pixel shows, the nearest."""
    grid = transform.grid()
    columns, rows = (
        np.clip(np.floor((grid[..., axis] + 1) / 2 * side), 0, side - 1).astype(np.intp)
        for axis, side in enumerate(size)
    )
    return rows, columns


def _highest_around(values: NDArray) -> NDArray:
    """The highest value within `REACH` px, in squares."""
    for axis in (0, 1):
        padding = [(REACH, REACH) if axis == other else (0, 0) for other in (0, 1)]
        padded = np.pad(values, padding, mode="edge")
        values = np.lib.stride_tricks.sliding_window_view(padded, 2 * REACH + 1, axis=axis).max(axis=-1)
    return values
