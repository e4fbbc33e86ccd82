"""Layouts under a homography: elements of the right mean size first, then the perspective."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ingan_fast.geometry import MIN_SIZE, Size, Transform
from ingan_fast.layout.layouts import Layout, Layouts
from ingan_fast.layout.pictures import as_stored, has_opacity, in_unit_range, seen

MARGIN = 3  # px of its own border that are put around a picture, so that sampling at the border needs nothing else
LARGEST = 8.0  # times the source's side, that a side is laid out at: beyond that it is enlarged


@dataclass(frozen=True)
class View:
    """A layout, and how it is put into perspective.

    Attributes:
        layout: of a rectangle.
        transform: None where the rectangle is the output.
    """

    layout: Layout
    transform: Transform | None = None

    def draw(self, picture: NDArray) -> NDArray:
        """The picture [h, w, channels] under the layout and the transform, its seams hidden."""
        result = self.layout.draw(picture)
        if self.transform is None:
            return result
        if not has_opacity(picture):
            return as_stored(_in_perspective(in_unit_range(result), self.transform), picture.dtype)
        shown = _in_perspective(seen(result), self.transform)  # so that hidden colours don't mix with the others
        shown[..., :-1] /= np.maximum(shown[..., -1:], 1e-6)
        return as_stored(shown, picture.dtype)

    def copy(self, values: NDArray) -> NDArray:
        """Any map [h, w, channels] of the picture, its values as they are; interpolated in perspective only."""
        result = self.layout.copy(values)
        if self.transform is None:
            return result
        if values.dtype.kind == "b" or (values.dtype.kind in "ui" and values.dtype.itemsize > 2):
            # Names of things, and what floats can't hold: nothing in between means anything.
            rows, columns = (np.arange(side, dtype=np.float32) for side in result.shape[:2])
            places = np.stack(np.meshgrid(columns, rows), axis=2)
            x, y = np.moveaxis(_in_perspective(places, self.transform, Image.Resampling.NEAREST), 2, 0).astype(np.intp)
            return np.ascontiguousarray(result[y, x])
        moved = _in_perspective(result.astype(np.float32), self.transform)
        if values.dtype.kind in "ui":
            limits = np.iinfo(values.dtype)
            moved = np.rint(np.clip(moved, limits.min, limits.max))
        return moved.astype(values.dtype)


def lay_out(layouts: Layouts, transform: Transform) -> View:
    """The layout for a transform.

    Where corners are moved, the picture is laid out as a rectangle with the mean lengths of the opposite sides, and
    that is put into perspective: things have their own size on the whole, and are larger in front than in the back.
    """
    if not transform.matrix[[0, 0, 1, 1, 2, 2], [1, 2, 0, 2, 0, 1]].any() and (
        transform.matrix[0, 0] == transform.matrix[1, 1] == 1
    ):
        return View(layouts.lay_out(transform.size))
    return View(layouts.lay_out(_rectangle(transform, layouts.size)), transform)


def retarget(layouts: Layouts, transform: Transform) -> NDArray:
    """The picture under a transform: [Ho, Wo, channels]; what lies outside of `transform.mask()` is of no account."""
    return lay_out(layouts, transform).draw(layouts.picture)


def _rectangle(transform: Transform, source: Size) -> Size:
    """The mean lengths of the sides that the source's border has in the output."""
    corners = transform.corners()
    lengths = np.hypot(*(np.roll(corners, -1, axis=0) - corners).T)  # top, right, bottom, left
    across, down = (lengths[0] + lengths[2]) / 2, (lengths[1] + lengths[3]) / 2
    return _side(across, source[0]), _side(down, source[1])


def _side(length: float, given: int) -> int:
    return int(np.clip(round(length), MIN_SIZE, max(MIN_SIZE, LARGEST * given)))


def _in_perspective(
    values: NDArray, transform: Transform, resampling: Image.Resampling = Image.Resampling.BICUBIC
) -> NDArray:
    """Floats [h, w, channels] under a transform."""
    height, width = values.shape[:2]
    padded = np.pad(values, ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)), mode="edge")
    to_normalised = np.array([[2 / transform.size[0], 0, -1], [0, 2 / transform.size[1], -1], [0, 0, 1]])
    to_pixels = np.array([[width / 2, 0, width / 2 + MARGIN], [0, height / 2, height / 2 + MARGIN], [0, 0, 1]])
    sampling = to_pixels @ transform.sampling_matrix() @ to_normalised
    coefficients = tuple((sampling / sampling[2, 2]).ravel()[:8])
    planes = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(padded[..., channel])).transform(
                transform.size, Image.Transform.PERSPECTIVE, coefficients, resampling
            )
        )
        for channel in range(values.shape[2])
    ]
    return np.stack(planes, axis=2)
