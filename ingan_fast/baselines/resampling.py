"""What a retargeting has to beat: a plain resize, and seam carving."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ingan_fast.errors import UserError


def plain_resize(image: NDArray, size: tuple[int, int]) -> NDArray:
    """Bicubic, antialiased resize (Pillow's).

    Args:
        image: [h, w, 3], uint8 or float in [0, 1].
        size: (width, height) in pixels.

    Returns:
        [height, width, 3], of the input's type.

    Raises:
        UserError: an array that is no such picture, or a size under one pixel.
    """
    image = _checked(image, size)
    if image.dtype == np.uint8:
        return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))
    # Pillow has no float colour mode: one channel at a time, and bicubic overshoot is clipped as for bytes
    channels = [
        np.asarray(Image.fromarray(image[..., c].astype(np.float32)).resize(size, Image.Resampling.BICUBIC))
        for c in range(3)
    ]
    return np.stack(channels, axis=-1).clip(0, 1).astype(image.dtype)


def seam_carve(image: NDArray, size: tuple[int, int]) -> NDArray:
    """Seam carving with forward energy, width first (Rubinstein et al. 2008; PyPI `seam-carving`).

    Arguments, result and errors as for `plain_resize`.

    Raises:
        UserError: also where `seam-carving` isn't installed.
    """
    image = _checked(image, size)
    try:
        import seam_carving
    except ImportError as error:
        raise UserError("seam carving needs the package seam-carving; pip install seam-carving") from error
    pixels = image if image.dtype == np.uint8 else (image * 255).round().clip(0, 255).astype(np.uint8)
    carved = seam_carving.resize(pixels, size, energy_mode="forward", order="width-first")
    return carved if image.dtype == np.uint8 else (carved / 255).astype(image.dtype)


def _checked(image: NDArray, size: tuple[int, int]) -> NDArray:
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise UserError(f"the picture has shape {image.shape}; give a colour picture [height, width, 3]")
    if image.dtype != np.uint8 and not np.issubdtype(image.dtype, np.floating):
        raise UserError(f"the picture has type {image.dtype}; give uint8 or floats in [0, 1]")
    if min(size) < 1:
        raise UserError(f"the size is {size[0]}x{size[1]}; give at least 1x1 (width x height)")
    return np.ascontiguousarray(image)
