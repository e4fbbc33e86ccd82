"""One side of a picture changed: its seams, found in a small version of the picture and drawn at its own resolution."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ingan_fast.errors import UserError
from ingan_fast.geometry import Size
from ingan_fast.layout import compiled
from ingan_fast.layout.axis import Axis
from ingan_fast.layout.comparison import Drawn
from ingan_fast.layout.drawing import as_bytes, copy_pieces, draw
from ingan_fast.layout.pictures import Mask, seen, shrunk, shrunk_mask, widened
from ingan_fast.layout.refining import kept_before, refine
from ingan_fast.layout.seams import Seams
from ingan_fast.layout.single_objects import FACE, PIXELS, STANDING, WHOLE
from ingan_fast.layout.variations import solve
from ingan_fast.layout.versions import shrinking, size_of, versions

COMPARED_PIXELS = 200_000  # variations of larger pictures are compared in that small version, which is quicker

Tables = dict[tuple[int, bool], Axis]  # by the axis, and by whether they are for smaller outputs alone


@dataclass(frozen=True)
class Step:
    """A change of one side.

    Attributes:
        axis: 0 for the width, 1 for the height.
        seams: where and by how much.
        turn: px by which the picture is rolled before (left or up), and its output is rolled back by as large a part.
    """

    axis: int
    seams: Seams
    turn: int = 0


def applied(step: Step, picture: NDArray, function: Callable[[NDArray, Seams], NDArray]) -> NDArray:
    """One step of a layout, made by `draw` or `copy_pieces`."""
    values = turned(picture, step.axis)
    if not step.turn:
        return turned(function(values, step.seams), step.axis)
    result = function(np.roll(values, -step.turn, axis=1), step.seams)
    back = round(step.turn * result.shape[1] / values.shape[1])
    return turned(np.roll(result, back, axis=1), step.axis)


def turned(values: NDArray, axis: int) -> NDArray:
    """Rows and columns exchanged where the axis is 1, so that what changes is the width."""
    if not axis:
        return values
    if compiled.available:
        result = np.empty((values.shape[1], values.shape[0], *values.shape[2:]), values.dtype)
        compiled.loops.turn(as_bytes(values), as_bytes(result))
        return result
    return np.ascontiguousarray(values.swapaxes(0, 1))


@dataclass(frozen=True)
class MaskedPicture:
    """A picture with masks of what is kept, removed and spared (`Layouts.spared`), each [h, w] and laid out with it."""

    picture: NDArray
    keep: Mask | None
    remove: Mask | None
    spare: NDArray[np.uint8] | None

    def after(self, step: Step) -> "MaskedPicture":
        masks = [
            None if mask is None else applied(step, mask, copy_pieces) for mask in (self.keep, self.remove, self.spare)
        ]
        return MaskedPicture(applied(step, self.picture, draw), *masks)

    def turned(self, axis: int, turn: int) -> "MaskedPicture":
        """Rows and columns exchanged for the height, then rolled."""

        def moved(values: NDArray) -> NDArray:
            values = turned(values, axis)
            return np.roll(values, -turn, axis=1) if turn else values

        masks = [None if mask is None else moved(mask) for mask in (self.keep, self.remove, self.spare)]
        return MaskedPicture(moved(self.picture), *masks)


def found(
    masked: MaskedPicture,
    axis: int,
    count: int,
    variation: int = 0,
    tiled: bool = False,
    closed: bool = False,
    known: Tables | None = None,
    one_way: bool = False,
) -> Step:
    """The best seams along one axis.

    Args:
        masked: what is laid out.
        axis: 0 for the width, 1 for the height.
        count: px of the output along it.
        variation: see `LayoutOptions`.
        tiled: whether the output continues itself along the axis.
        closed: whether the picture continues itself along the other axis, and has to stay so.
        known: tables of `masked`, for stills or for videos, to be used and added to.
        one_way: see `solver.cheapest_seams`.
    """
    turn = (masked.picture.shape[1 - axis] + 1) // 2 if tiled else 0
    masked = masked.turned(axis, turn)
    height, width = masked.picture.shape[:2]
    if tiled:  # the picture's own border, now in its middle, is what must not be seen
        border = np.zeros((height, width), bool)
        border[:, width - turn - 1 : width - turn + 1] = True
        masked = MaskedPicture(
            masked.picture, masked.keep, border if masked.remove is None else masked.remove | border, masked.spare
        )
    factor = shrinking((width, height))
    small = size_of(masked.picture, factor)
    smaller = count < width and not one_way
    table = None if known is None else known.get((axis, smaller))
    if table is None:
        table = table_of(masked, axis, small, tiled, smaller, one_way)
        if known is not None:
            known[axis, smaller] = table
    pictures = versions(masked.picture, factor)
    aligned = variation > 0 or not one_way  # in videos most lengths that are shown are between

    @cache
    def carried(seams: Seams) -> Seams:
        """The seams of the small version at the picture's own resolution."""
        before = small[0]
        for picture in pictures:
            larger = picture.shape[1], picture.shape[0]
            masks = masked.keep, masked.remove
            keep, remove = (None if mask is None else shrunk_mask(mask, larger) for mask in masks)
            columns = count if larger[0] == width else round(count * larger[0] / width)
            seams = refine(picture, seams, larger[0] / before, columns, keep, remove, closed, one_way, aligned)
            before = larger[0]
        return seams

    wanted, any_change = max(4, round(count * small[0] / width)), small[0] != width
    drawn = Drawn(masked.picture, carried) if height * width <= COMPARED_PIXELS else None
    seams = solve(table, wanted, variation, closed, any_change, one_way, drawn)
    seams = carried(seams)
    if masked.keep is not None:
        _check_kept(masked.keep, seams, table, count, axis)
    return Step(axis, seams, turn)


def table_of(
    masked: MaskedPicture, axis: int, small: Size, tiled: bool = False, smaller: bool = False, moving: bool = False
) -> Axis:
    """The tables of one axis of a picture that is already turned, in its small version; see `found` and `Axis`."""
    spared = None if masked.spare is None else masked.spare >= (WHOLE if axis else STANDING)
    heads = None if masked.spare is None else masked.spare == FACE
    keep, remove, spare, faces = (
        None if mask is None else shrunk_mask(mask, small) for mask in (masked.keep, masked.remove, spared, heads)
    )
    if spare is not None and tiled:
        spare = widened(spare, round((small[0] * small[1] / PIXELS) ** 0.5))
    picture = seen(shrunk(masked.picture, small))
    flags = {"cropped": not tiled, "smaller": smaller, "moving": moving, "upright": axis == 1}
    return Axis(picture, keep, remove, spare, faces, **flags)


def _check_kept(keep: Mask, seams: Seams, table: Axis, count: int, axis: int) -> None:
    """Refuse seams that leave out or repeat anything that is to be kept."""
    before = kept_before(keep)
    rows = np.arange(len(keep))
    for places, length in zip(seams.places, seams.lengths, strict=True):
        if (before[rows, places] != before[rows, places + length]).any():
            break
    else:
        return
    side = ("width", "height")[axis]
    width = keep.shape[1]
    if count > width:
        raise UserError(f"what is kept leaves nothing to repeat: the {side} can't grow to {count}; keep less")
    least = table.narrowest(max(4, round(count * table.costs.width / width)))
    least = -(-least * width // table.costs.width)
    raise UserError(f"what is kept needs a {side} of about {least} px, not {count}; keep less, or give a larger size")
