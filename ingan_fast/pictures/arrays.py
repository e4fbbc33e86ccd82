"""Pictures as arrays: helpers for reading, writing and training."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ingan_fast.errors import UserError

Pixels = NDArray[np.uint8]


def fit_within(image: Pixels, max_side: int) -> Pixels:
    """Shrink [H, W, 3] (Lanczos, antialiased) to a longer side of `max_side` px; smaller pictures are unchanged.

    Raises:
        UserError: `max_side` under 1 px.
    """
    if max_side < 1:
        raise UserError(f"the longest side is {max_side} px; it must be at least 1 px; give a larger one")
    height, width = image.shape[:2]
    longer = max(height, width)
    if longer <= max_side:
        return image
    size = (max(1, round(width * max_side / longer)), max(1, round(height * max_side / longer)))
    check_rgb(image)
    return np.array(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS), dtype=np.uint8)


def is_grey(pixels: NDArray) -> bool:
    """Whether each pixel of [H, W, 3] has equal channels."""
    # A sparse sample already rules out most colour pictures.
    return all(bool((some == some[..., :1]).all()) for some in (pixels[::16, ::16], pixels))


def has_opacity(pixels: NDArray) -> bool:
    """Whether the last channel of [H, W, channels] is opacity."""
    return pixels.shape[2] in (2, 4)


def with_opacity(pixels: NDArray, cover: NDArray[np.float32]) -> NDArray:
    """Multiply the opacity of pixels [H, W, channels] by a coverage [H, W] in [0, 1]; adds an opacity channel."""
    most = np.iinfo(pixels.dtype).max
    opacity: NDArray = most * cover
    if has_opacity(pixels):
        opacity = pixels[..., -1] * cover
        pixels = pixels[..., :-1]
    return np.dstack([pixels, np.rint(opacity).astype(pixels.dtype)])


def in_8_bits(pixels: NDArray) -> Pixels:
    """Round 8-bit or 16-bit unsigned values to 8 bits."""
    return pixels.astype(np.uint8) if pixels.dtype == np.uint8 else np.rint(pixels / 257).astype(np.uint8)


def check_rgb(image: Pixels) -> None:
    """Raise ValueError unless `image` is uint8 [H, W, 3]."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(f"got an image of {image.dtype} {list(image.shape)}; it must be uint8 [H, W, 3]")
