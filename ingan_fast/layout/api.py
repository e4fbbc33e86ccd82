"""`from ingan_fast import retarget`: a picture laid out anew in one call."""

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ingan_fast.errors import UserError
from ingan_fast.geometry import Size, Transform
from ingan_fast.layout import perspective
from ingan_fast.layout.layouts import LayoutOptions, Layouts
from ingan_fast.layout.limits import check_layout_size
from ingan_fast.pictures import load_photo


def retarget(
    picture: NDArray | str | Path,
    size: Size | None = None,
    scale: tuple[float, float] | None = None,
    corners: ArrayLike | None = None,
    transform: Transform | None = None,
    options: LayoutOptions | None = None,
) -> NDArray:
    """Lay a picture out at another size or shape: more or fewer of its elements, each at its own size.

    No training and no network; the same input gives the same output.

    Args:
        picture: [H, W] or [H, W, channels], uint8, uint16 or floats in [0, 1]: grey, grey and opacity, RGB or RGBA; or
            the path of a picture file.
        size: (width, height) of the output.
        scale: factors of width and height, instead of a size.
        corners: [4, 2], where the source's corners land (`Transform.from_corners`), with or without a size.
        transform: any output size and homography, instead of the others.
        options: what to keep or to remove, tiles, variations.

    Returns:
        The output, with the channels and the type of the picture. Outside of a transform's `mask()` it means nothing.

    Raises:
        UserError: a picture that can't be read, a size or options that can't be met, or not exactly one request.
    """
    requests = [size if corners is None else None, scale, corners, transform]
    if sum(request is not None for request in requests) != 1:
        raise UserError("give one of size, scale, corners and transform (corners may have a size, too)")
    pixels = load_photo(picture).pixels if isinstance(picture, str | Path) else np.asarray(picture)
    flat = pixels.ndim == 2
    pixels = checked(pixels[..., None] if flat else pixels)
    transform = transform or Transform.requested((pixels.shape[1], pixels.shape[0]), size, scale, corners)
    check_layout_size(transform.size)
    result = perspective.retarget(Layouts(pixels, options), transform)
    return result[..., 0] if flat else result


def checked(pixels: NDArray) -> NDArray:
    """Pixels [H, W, channels] that can be laid out, or a UserError."""
    if pixels.ndim != 3 or not 1 <= pixels.shape[2] <= 4 or 0 in pixels.shape:
        raise UserError(f"the picture has shape {list(pixels.shape)}; give [height, width] or [height, width, 1 to 4]")
    if pixels.dtype not in (np.uint8, np.uint16) and not np.issubdtype(pixels.dtype, np.floating):
        raise UserError(f"the picture has type {pixels.dtype}; give uint8, uint16 or floats in [0, 1]")
    if np.issubdtype(pixels.dtype, np.floating) and not (pixels.min() >= 0 and pixels.max() <= 1):  # refuses NaN, too
        raise UserError("the picture has values outside [0, 1] or not finite; give floats in [0, 1]")
    return pixels
