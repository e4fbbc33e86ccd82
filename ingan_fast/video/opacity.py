"""Frames with transparency, for a generator that knows colours alone."""

from collections.abc import Callable

import numpy as np

from ingan_fast.pictures import Pixels
from ingan_fast.video.canvas import Colour


def over(frame: Pixels, colour: Colour) -> Pixels:
    """A frame [H, W, 4] with straight alpha, laid over a colour: uint8 [H, W, 3]. Hidden colours are not seen."""
    share = frame[..., 3:].astype(np.uint32)
    mixed = frame[..., :3] * share + np.asarray(colour, np.uint32) * (255 - share)
    return ((mixed + 127) // 255).astype(np.uint8)


def retarget_both(frame: Pixels, retarget: Callable[[Pixels], Pixels]) -> tuple[Pixels, Pixels]:
    """Retarget a frame [H, W, 4] with its transparency: uint8 [Ho, Wo, 3] and its opacity [Ho, Wo].

    It is laid over black and over white. Where both come out the same the frame is opaque, where they are black and
    white it is clear; so opacity goes wherever the generator puts what it belongs to.
    """
    black, white = (retarget(over(frame, (level,) * 3)).astype(np.int32) for level in (0, 255))
    opacity = np.clip(255 - (white - black).mean(axis=2), 0, 255)
    colours = black * 255 / np.maximum(opacity, 1)[..., None]
    return np.rint(np.clip(colours, 0, 255)).astype(np.uint8), np.rint(opacity).astype(np.uint8)
