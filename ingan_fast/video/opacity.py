"""Retargets frames with transparency, with a generator that has only colour channels."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ingan_fast.geometry import Size, Transform
from ingan_fast.pictures import Pixels
from ingan_fast.video.canvas import Colour

LEAST_CONTRAST = 64  # grey levels; minimum difference of the outputs for black and white that opacity is computed from
REACH = 8  # output px; distance by which a generator may move an edge


def over(frame: Pixels, colour: Colour) -> Pixels:
    """Compose a frame [H, W, 4] with straight alpha over a colour: uint8 [H, W, 3]. Hidden colours have no effect."""
    share = frame[..., 3:].astype(np.uint32)
    mixed = frame[..., :3] * share + np.asarray(colour, np.uint32) * (255 - share)
    return ((mixed + 127) // 255).astype(np.uint8)


def retarget_both(
    frame: Pixels, transform: Transform, retarget: Callable[[Pixels], Pixels]
) -> tuple[Pixels, NDArray[np.uint8]]:
    """Retarget a frame [H, W, 4] with its transparency: uint8 [Ho, Wo, 3] and its opacity [Ho, Wo].

    The frame is retargeted over black and over white. Where both results agree it is opaque, where they are black and
    white it is transparent, so edges are where the generator puts them. More than `REACH` px from the edges under the
    plain transform, its opacity is used instead. A generator may turn plain black and white into learned content, so
    its outputs for them are measured where all is transparent; if they are too similar, the plain transform decides.
    """
    black, white = (retarget(over(frame, (level,) * 3)).astype(np.int32) for level in (0, 255))
    rows, columns = _places(transform, (frame.shape[1], frame.shape[0]))
    moved = frame[..., 3][rows, columns]
    least, most = -_highest_around(-moved.astype(np.int16)), _highest_around(moved)
    apart, clear = (white - black).mean(axis=2), most == 0
    # The generator's output for nothing over black, and its difference to that for nothing over white.
    ground, contrast = (np.median(black[clear], axis=0), np.median(apart[clear])) if clear.any() else (0, 255)
    share = 1 - apart / contrast if contrast >= LEAST_CONTRAST else moved / 255
    opacity = np.clip(255 * share, least, most)
    visible = np.maximum(opacity, 1)[..., None] / 255
    colours = (black - (1 - visible) * ground) / visible
    return np.rint(np.clip(colours, 0, 255)).astype(np.uint8), np.rint(opacity).astype(np.uint8)


@lru_cache(maxsize=1)
def _places(transform: Transform, size: Size) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Nearest source pixel (row, column) of each output pixel, for a source of `size` (width, height)."""
    grid = transform.grid()
    columns, rows = (
        np.clip(np.floor((grid[..., axis] + 1) / 2 * side), 0, side - 1).astype(np.intp)
        for axis, side in enumerate(size)
    )
    return rows, columns


def _highest_around(values: NDArray) -> NDArray:
    """Maximum within `REACH` px, in squares."""
    for axis in (0, 1):
        padding = [(REACH, REACH) if axis == other else (0, 0) for other in (0, 1)]
        padded = np.pad(values, padding, mode="edge")
        values = np.lib.stride_tricks.sliding_window_view(padded, 2 * REACH + 1, axis=axis).max(axis=-1)
    return values
