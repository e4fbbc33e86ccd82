"""Layouts under a homography: a rectangle with elements of the right size first, then the perspective, or bands."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ingan_fast.callbacks import Progress
from ingan_fast.geometry import Transform
from ingan_fast.layout import parallelograms
from ingan_fast.layout.bands import Bands
from ingan_fast.layout.layouts import Layout, Layouts
from ingan_fast.layout.pictures import as_stored, has_opacity, seen
from ingan_fast.layout.rectangles import Rectangle, in_perspective, rectangle_of

ACROSS = 1.5  # px; places that are farther than this from the nearest pixel's lie between the two sides of a seam


@dataclass(frozen=True)
class View:
    """A layout, and how it is put into perspective.

    Attributes:
        layout: of a rectangle.
        transform: None where the rectangle is the output.
        bands: of the rectangle, moved to a parallelogram; None where the transform is a perspective.
    """

    layout: Layout
    transform: Transform | None = None
    bands: Bands | None = None

    def draw(self, picture: NDArray) -> NDArray:
        """The picture [h, w, channels] under the layout and the transform, its seams hidden."""
        result = self.layout.draw(picture)
        if self.bands is not None:
            return self.bands.draw(result)
        return result if self.transform is None else put(result, self._rectangle(result), self.transform)

    def copy(self, values: NDArray) -> NDArray:
        """Any map [h, w, channels] of the picture, its values as they are; interpolated in perspective only."""
        result = self.layout.copy(values)
        if self.bands is not None:
            return self.bands.copy(result)
        if self.transform is None:
            return result
        if values.dtype.kind == "b" or (values.dtype.kind in "ui" and values.dtype.itemsize > 2):
            # Names of things, and what floats can't hold: nothing in between means anything.
            rows, columns = (np.arange(side, dtype=np.float32) for side in result.shape[:2])
            places = np.stack(np.meshgrid(columns, rows), axis=2)
            places = in_perspective(places, self._rectangle(result), self.transform, Image.Resampling.NEAREST)
            x, y = np.moveaxis(places, 2, 0).astype(np.intp)
            return np.ascontiguousarray(result[y, x])
        moved = in_perspective(result.astype(np.float32), self._rectangle(result), self.transform)
        if values.dtype.kind in "ui":
            limits = np.iinfo(values.dtype)
            moved = np.rint(np.clip(moved, limits.min, limits.max))
        return moved.astype(values.dtype)

    def grid(self) -> NDArray[np.float32]:
        """Where each pixel of the output comes from: [Ho, Wo, 2] as `Transform.grid()`; nothing outside of its mask."""
        width, height = self.layout.source_size
        x, y = np.meshgrid(_centres(width), _centres(height))
        places = self.copy(np.stack([x, y], axis=2))
        if self.transform is None or self.bands is not None:
            return places
        # Perspective interpolates, also between the two sides of a seam, where nothing in between is meant.
        numbers = self.copy(np.arange(width * height, dtype=np.int32).reshape(height, width, 1))[..., 0]
        nearest = np.stack([x.ravel()[numbers], y.ravel()[numbers]], axis=2)
        across = (np.abs(places - nearest) * (width / 2, height / 2)).max(axis=2) > ACROSS
        return np.where(across[..., None], nearest, places)

    def _rectangle(self, laid_out: NDArray) -> Rectangle:
        assert self.transform is not None
        rectangle = rectangle_of(self.transform, self.layout.source_size)
        return rectangle.scaled((laid_out.shape[1], laid_out.shape[0]))


def _centres(side: int) -> NDArray[np.float32]:
    """Pixel centres in [-1, 1] from edge to edge: [side]."""
    return ((np.arange(side, dtype=np.float32) + 0.5) * 2 / side - 1).astype(np.float32)


def put(
    picture: NDArray,
    rectangle: Rectangle,
    transform: Transform,
    resampling: Image.Resampling = Image.Resampling.BICUBIC,
) -> NDArray:
    """A picture laid out as a rectangle, in perspective; hidden colours don't mix with the others."""
    if picture.dtype == np.uint8 and picture.shape[2] == 3:
        return in_perspective(picture, rectangle, transform, resampling)
    shown = in_perspective(seen(picture), rectangle, transform, resampling)
    if has_opacity(picture):
        shown[..., :-1] /= np.maximum(shown[..., -1:], 1e-6)
    return as_stored(shown, picture.dtype)


def lay_out(layouts: Layouts, transform: Transform, progress: Progress = lambda part: None) -> View:
    """The layout for a transform; where corners are moved, that of a rectangle (`rectangles`, `parallelograms`)."""
    if (transform.matrix == np.eye(3)).all():
        return View(layouts.lay_out(transform.size, progress))
    in_bands = parallelograms.lay_out(layouts, transform, progress)
    if in_bands is not None:
        layout, bands = in_bands
        return View(layout, transform, bands)
    width, height = rectangle_of(transform, layouts.size).sides
    return View(layouts.lay_out((round(width), round(height)), progress), transform)


def retarget(layouts: Layouts, transform: Transform) -> NDArray:
    """The picture under a transform: [Ho, Wo, channels]; what lies outside of `transform.mask()` is of no account."""
    return lay_out(layouts, transform).draw(layouts.picture)
