"""Layouts of photos: where an output is transparent, and which metadata it has."""

import numpy as np
from numpy.typing import NDArray

from ingan_fast.errors import UserError
from ingan_fast.geometry import Transform
from ingan_fast.pictures import Metadata, Photo, srgb


def cover_of(transform: Transform, tile: str | None) -> NDArray[np.float32] | None:
    """The picture's coverage of each output pixel: [H, W] in [0, 1]; None if it fills the frame.

    Raises:
        UserError: a tileable output (`tile`) that does not fill its frame.
    """
    if (transform.matrix == np.eye(3)).all():
        return None
    cover = transform.mask()
    if (cover == 1).all():
        return None
    if tile:
        raise UserError("--tile needs an output that fills its frame; leave out --corners and --homography")
    return cover


def stripped(photo: Photo) -> Photo:
    """The photo in sRGB without metadata; 16-bit photos keep their profile, because their colours depend on it."""
    if photo.pixels.dtype == np.uint8:
        return Photo(srgb(photo).pixels, Metadata())
    return Photo(photo.pixels, photo.metadata.stripped())
