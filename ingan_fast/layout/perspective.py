"""Layouts under a homography: elements of the right mean size first, then the perspective."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ingan_fast.geometry import MIN_SIZE, Size, Transform
from ingan_fast.layout.layouts import Layouts
from ingan_fast.layout.pictures import as_stored, in_unit_range

MARGIN = 3  # px of its own border that are put around a picture, so that sampling at the border needs nothing else
LARGEST = 8.0  # times the source's side, that a side is laid out at: beyond that it is enlarged


def retarget(layouts: Layouts, transform: Transform) -> NDArray:
    """The picture under a transform: [Ho, Wo, channels]; what lies outside of `transform.mask()` is of no account.

    Where corners are moved, the picture is laid out as a rectangle with the mean lengths of the opposite sides, and
    that is put into perspective: things have their own size on the whole, and are larger in front than in the back.
    """
    if not transform.matrix[[0, 0, 1, 1, 2, 2], [1, 2, 0, 2, 0, 1]].any() and (
        transform.matrix[0, 0] == transform.matrix[1, 1] == 1
    ):
        return layouts.retarget(transform.size)
    picture = layouts.retarget(_rectangle(transform, layouts.size))
    return _in_perspective(picture, transform)


def _rectangle(transform: Transform, source: Size) -> Size:
    """The mean lengths of the sides that the source's border has in the output."""
    corners = transform.corners()
    lengths = np.hypot(*(np.roll(corners, -1, axis=0) - corners).T)  # top, right, bottom, left
    across, down = (lengths[0] + lengths[2]) / 2, (lengths[1] + lengths[3]) / 2
    return _side(across, source[0]), _side(down, source[1])


def _side(length: float, given: int) -> int:
    return int(np.clip(round(length), MIN_SIZE, max(MIN_SIZE, LARGEST * given)))


def _in_perspective(picture: NDArray, transform: Transform) -> NDArray:
    height, width = picture.shape[:2]
    padded = np.pad(picture, ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)), mode="edge")
    to_normalised = np.array([[2 / transform.size[0], 0, -1], [0, 2 / transform.size[1], -1], [0, 0, 1]])
    to_pixels = np.array([[width / 2, 0, width / 2 + MARGIN], [0, height / 2, height / 2 + MARGIN], [0, 0, 1]])
    sampling = to_pixels @ transform.sampling_matrix() @ to_normalised
    coefficients = tuple((sampling / sampling[2, 2]).ravel()[:8])
    planes = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(in_unit_range(padded[..., channel]))).transform(
                transform.size, Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BICUBIC
            )
        )
        for channel in range(picture.shape[2])
    ]
    return as_stored(np.stack(planes, axis=2), picture.dtype)
