"""Simple baselines for retargeting: plain resize, plain homography and seam carving."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ingan_fast.errors import UserError
from ingan_fast.geometry import Size, Transform, check_size
from ingan_fast.pictures import Pixels

MARGIN = 4  # px of padding: bicubic reads two, and alpha's soft edge extends half a pixel outside


def check_picture(image: Any) -> NDArray:
    """Check and return a contiguous colour picture [h, w, 3], uint8 or float.

    Raises:
        UserError: anything else.
    """
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise UserError(f"the picture has shape {image.shape}; give a colour picture [height, width, 3]")
    if image.dtype != np.uint8 and not np.issubdtype(image.dtype, np.floating):
        raise UserError(f"the picture has type {image.dtype}; give uint8 or floats in [0, 1]")
    return np.ascontiguousarray(image)


def plain_resize(image: NDArray, size: Size) -> NDArray:
    """Bicubic, antialiased resize (Pillow's).

    Args:
        image: [h, w, 3], uint8 or float in [0, 1].
        size: (width, height) in pixels.

    Returns:
        [height, width, 3], of the input's dtype.

    Raises:
        UserError: `image` is not such a picture, or a side is under one pixel.
    """
    image, size = check_picture(image), check_size(size)
    if image.dtype == np.uint8:
        return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))
    # Pillow has no float colour mode: resize each channel, and clip bicubic overshoot as for uint8
    channels = [
        np.asarray(Image.fromarray(image[..., c].astype(np.float32)).resize(size, Image.Resampling.BICUBIC))
        for c in range(3)
    ]
    return np.stack(channels, axis=-1).clip(0, 1).astype(image.dtype)


def plain_homography(image: NDArray, transform: Transform) -> tuple[Pixels, NDArray[np.float32]]:
    """Warp the picture by a homography, stretching its elements (Pillow's bicubic, not antialiased).

    Args:
        image: uint8 [h, w, 3].
        transform: the homography; for the identity matrix the result is a plain resize.

    Returns:
        uint8 [Ho, Wo, 3], and alpha [Ho, Wo] in [0, 1], the coverage of the source's quadrilateral.

    Raises:
        UserError: `image` is not such a picture.
    """
    image = check_picture(image)
    if image.dtype != np.uint8:
        raise UserError(f"the picture has type {image.dtype}; give uint8")
    if np.array_equal(transform.matrix, np.eye(3)):
        return plain_resize(image, transform.size), transform.mask()
    padded = np.pad(image, ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)), mode="edge")
    source_pixels = _from_normalised((image.shape[1], image.shape[0]), MARGIN)
    matrix = source_pixels @ transform.sampling_matrix() @ np.linalg.inv(_from_normalised(transform.size))
    coefficients = tuple((matrix / matrix[2, 2]).flat)[:8]
    laid = Image.fromarray(padded).transform(
        transform.size, Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BICUBIC
    )
    return np.asarray(laid), transform.mask()


def _from_normalised(size: Size, margin: int = 0) -> NDArray[np.float64]:
    """Matrix from normalised coordinates to pixels, measured from the edges, of a picture with a margin."""
    width, height = size
    return np.array([[width / 2, 0, width / 2 + margin], [0, height / 2, height / 2 + margin], [0, 0, 1]])


def seam_carve(image: NDArray, size: Size) -> NDArray:
    """Seam carving with forward energy, width first (Rubinstein et al. 2008; PyPI `seam-carving`).

    Arguments, result and errors as for `plain_resize`.

    Raises:
        UserError: also if `seam-carving` isn't installed.
    """
    image, size = check_picture(image), check_size(size)
    try:
        import seam_carving
    except ImportError as error:
        raise UserError("seam carving needs the package seam-carving; install it: pip install seam-carving") from error
    pixels = image if image.dtype == np.uint8 else (image * 255).round().clip(0, 255).astype(np.uint8)
    carved = seam_carving.resize(pixels, size, energy_mode="forward", order="width-first")
    return carved if image.dtype == np.uint8 else (carved / 255).astype(image.dtype)
