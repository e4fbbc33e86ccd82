"""Layouts of a picture at any size: one side changed after another."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingan_fast.callbacks import Progress
from ingan_fast.errors import UserError
from ingan_fast.geometry import Size
from ingan_fast.layout.drawing import copy_pieces, draw
from ingan_fast.layout.faces import people
from ingan_fast.layout.limits import check_tile
from ingan_fast.layout.pictures import Mask, widened
from ingan_fast.layout.seams import Seams
from ingan_fast.layout.single_objects import single_objects
from ingan_fast.layout.steps import MaskedPicture, Step, Tables, applied, found
from ingan_fast.layout.versions import shrinking


@dataclass(frozen=True)
class Layout:
    """Where each pixel of an output comes from.

    Attributes:
        source_size: (width, height) of the pictures that it is for.
        steps: changes, one after another.
    """

    source_size: Size
    steps: Sequence[Step]

    def draw(self, picture: NDArray) -> NDArray:
        """The picture [h, w, channels] laid out, its seams hidden."""
        return self._applied(picture, draw)

    def copy(self, values: NDArray) -> NDArray:
        """Any values [h, w, ...] laid out as they are: masks, or maps of the same picture."""
        return self._applied(values, copy_pieces)

    def _applied(self, picture: NDArray, function: Callable[[NDArray, Seams], NDArray]) -> NDArray:
        if (picture.shape[1], picture.shape[0]) != self.source_size:
            given, wanted = f"{picture.shape[1]}x{picture.shape[0]}", "{}x{}".format(*self.source_size)
            raise UserError(f"the picture is {given}, and the layout is of one of {wanted}; give that one")
        for step in self.steps:
            picture = applied(step, picture, function)
        return picture


@dataclass(frozen=True)
class LayoutOptions:
    """What is asked of a layout beside its size.

    Attributes:
        keep: [h, w]: appears once, whole, at its size.
        remove: [h, w]: does not appear.
        keep_objects: whether single objects and people, found by themselves, are spared where they can be.
        tile: "", "x", "y" or "xy": the sides along which the output continues itself.
        variation: 0 for the best layout, other numbers for other good ones.
    """

    keep: Mask | None = None
    remove: Mask | None = None
    keep_objects: bool = True
    tile: str = ""
    variation: int = 0


class Layouts:
    """Finds layouts of one picture; its tables are kept from size to size.

    Args:
        picture: [h, w, channels], as for `pictures.seen`.
        options: for all of them.
    """

    def __init__(self, picture: NDArray, options: LayoutOptions | None = None):
        self.picture = picture
        self.options = options or LayoutOptions()
        self._tables: Tables = {}
        self._objects: NDArray[np.uint8] | None = None

    @property
    def size(self) -> Size:
        return self.picture.shape[1], self.picture.shape[0]

    def retarget(self, size: Size) -> NDArray:
        """The picture at another size, without a network."""
        return self.lay_out(size).draw(self.picture)

    def objects(self) -> Mask:
        """The single objects and people of the picture: [h, w]."""
        return self._found_objects() > 0

    def spared(self) -> NDArray[np.uint8] | None:
        """What is spared, as from `single_objects` and `people`; None where there is nothing."""
        if not self.options.keep_objects:
            return None
        objects = self._found_objects()
        return objects if objects.any() else None

    def _found_objects(self) -> NDArray[np.uint8]:
        if self._objects is None:
            self._objects = np.maximum(single_objects(self.picture), people(self.picture))
        return self._objects

    def lay_out(self, size: Size, progress: Progress = lambda part: None) -> Layout:
        """The best layout of an output (width, height).

        Args:
            size: of the output.
            progress: called with the part that is done, after the objects and after each side.

        Raises:
            UserError: what is kept or removed leaves none, or a tile is too large (`limits.check_tile`).
        """
        check_tile(self.options.tile, size, self.size)
        masked = MaskedPicture(self.picture, self.options.keep, self._avoided(), self.spared())
        steps: list[Step] = []
        order = self._order(size)
        for done, axis in enumerate(order, 1):
            progress(done / (len(order) + 1))
            tiled = "xy"[axis] in self.options.tile
            closed = any("xy"[step.axis] in self.options.tile for step in steps)
            known = None if steps else self._tables
            step = found(masked, axis, size[axis], self.options.variation, tiled, closed, known)
            steps.append(step)
            masked = masked.after(step)
        layout = Layout(self.size, tuple(steps))
        if self.options.remove is not None and layout.copy(self.options.remove).any():
            raise UserError(
                "what is to be removed can't all be left out at this size; give another size or a smaller mask"
            )
        return layout

    def _avoided(self) -> Mask | None:
        """What is to be removed, and around it as much as a seam can move by when it is refined."""
        remove, keep = self.options.remove, self.options.keep
        reach = int(np.ceil(shrinking(self.size) - 1))
        if remove is None or not reach:
            return remove
        around = widened(remove, reach)
        return around if keep is None else around & ~keep

    def _order(self, size: Size) -> list[int]:
        """The axes that change: tiled ones first, then the one that becomes smaller."""
        ratios = [wanted / given for wanted, given in zip(size, self.size, strict=True)]
        axes = [axis for axis in (0, 1) if ratios[axis] != 1 or "xy"[axis] in self.options.tile]
        if not axes and self.options.remove is not None and self.options.remove.any():
            axes = [0]
        return sorted(axes, key=lambda axis: ("xy"[axis] not in self.options.tile, ratios[axis]))
