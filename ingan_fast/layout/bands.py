"""Bands of a picture, each moved along a parallelogram's straight sides: where each pixel comes from."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ingan_fast.geometry import Size, Transform
from ingan_fast.layout.drawing import copy_pieces, draw
from ingan_fast.layout.pictures import Mask
from ingan_fast.layout.rectangles import ROUNDED
from ingan_fast.layout.refining import refine
from ingan_fast.layout.seams import Places, Seams


@dataclass(frozen=True)
class Parallelogram:
    """A parallelogram with two straight sides, seen so that they are horizontal; px of the output.

    Attributes:
        axis: 0 where they are horizontal, 1 where they are vertical.
        starts: where the two sides begin.
        width: of these sides.
        ends: where they lie.
    """

    axis: int
    starts: tuple[float, float]
    width: float
    ends: tuple[float, float]

    @classmethod
    def of(cls, transform: Transform) -> "Parallelogram | None":
        """Where a transform leads to; None for other shapes."""
        matrix = transform.matrix / transform.matrix[2, 2]
        shears = np.abs(matrix[[0, 1], [1, 0]])
        if np.abs(matrix[2, :2]).max() > ROUNDED or min(matrix[0, 0], matrix[1, 1]) <= 0:
            return None
        if (shears > ROUNDED).sum() != 1:
            return None
        corners, axis = transform.corners(), int(shears.argmax())
        if axis:
            corners = corners[[0, 3, 2, 1], ::-1]
        (x, y), (right, _), _, (x_end, y_end) = corners.tolist()
        return cls(axis, (x, x_end), right - x, (y, y_end))

    @property
    def height(self) -> float:
        return self.ends[1] - self.ends[0]

    @property
    def slant(self) -> float:
        return self.starts[1] - self.starts[0]

    def scaled(self, factor: float) -> "Parallelogram":
        starts, ends = ((first * factor, last * factor) for first, last in (self.starts, self.ends))
        return Parallelogram(self.axis, starts, self.width * factor, ends)

    def inside(self, size: Size) -> Mask:
        """The pixels of an output (along, across) that lie in it: [across, along]."""
        columns, rows = np.arange(size[0]) + 0.5, np.arange(size[1]) + 0.5
        start = self.starts[0] + self.slant * (rows[:, None] - self.ends[0]) / self.height
        return np.asarray((columns >= start) & (columns < start + self.width))


@dataclass(frozen=True)
class Bands:
    """A picture in bands, each moved along the straight sides.

    Attributes:
        axis: as in `Parallelogram`.
        size: (width, height) of the output.
        first: where the picture begins in the output, px across the bands.
        offsets: [n], where it begins in each band, px along them.
        windows: [n, 2], the first row (or column) of the output that each band can show, and the one after its last.
        seams: between bands, whose windows lie side by side.
    """

    axis: int
    size: Size
    first: int
    offsets: Places
    windows: Places
    seams: Seams

    def draw(self, picture: NDArray) -> NDArray:
        """A picture [h, w, channels], laid out as a rectangle, in the output; its seams hidden."""
        return self._applied(picture, draw)

    def copy(self, values: NDArray) -> NDArray:
        """Any values [h, w, ...], as they are."""
        return self._applied(values, copy_pieces)

    def side_by_side(self, picture: NDArray) -> NDArray:
        """All windows side by side: [along, windows, ...]."""
        values = picture if self.axis else picture.swapaxes(0, 1)  # [along, across, ...]
        along = np.arange(self.size[self.axis])
        parts = []
        for offset, (low, high) in zip(self.offsets, self.windows, strict=True):
            across = np.clip(np.arange(low, high) - self.first, 0, values.shape[1] - 1)
            parts.append(values[np.clip(along - offset, 0, len(values) - 1)[:, None], across])
        return np.concatenate(parts, axis=1)

    def larger(self, picture: NDArray, size: Size, scale: float) -> "Bands":
        """The same in a larger version of the picture and of the output (width, height)."""
        first, offsets, windows = (
            np.rint(np.asarray(each) * scale).astype(np.intp) for each in (self.first, self.offsets, self.windows)
        )
        windows[-1, 1] = size[1 - self.axis]
        result = replace(self, size=size, first=int(first), offsets=offsets, windows=windows)
        if not len(self.seams.lengths):
            return replace(result, seams=Seams(self.seams.lengths, np.zeros((0, size[self.axis]), np.intp)))
        return replace(result, seams=refine(result.side_by_side(picture), self.seams, scale, size[1 - self.axis]))

    def spare(self, mask: Mask, transform: Transform, least: float) -> bool:
        """Whether a mask [h, w] is shown once, at least this fraction of it, and cut nowhere."""
        shown, whole = int((self.copy(mask) & (transform.mask() > 0)).sum()), int(mask.sum())
        if not least * whole <= shown <= whole / least:
            return False
        windows = self.side_by_side(mask)
        each = np.arange(len(windows))
        return not any((windows[each, places - 1] & windows[each, places]).any() for places in self.seams.places)

    def _applied(self, picture: NDArray, function: Callable[[NDArray, Seams], NDArray]) -> NDArray:
        result = function(self.side_by_side(picture), self.seams)
        return result if self.axis else np.ascontiguousarray(result.swapaxes(0, 1))
