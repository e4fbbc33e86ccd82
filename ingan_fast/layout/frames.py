"""One picture under one transform after another, without hops: for videos, and for dragging its size."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ingan_fast.errors import UserError
from ingan_fast.geometry import Size, Transform
from ingan_fast.layout.growing import Growth, growth
from ingan_fast.layout.layouts import LayoutOptions, Layouts
from ingan_fast.layout.origins import origins
from ingan_fast.layout.perspective import put
from ingan_fast.layout.rectangles import evened, is_upright, rectangle_of
from ingan_fast.layout.seams import Seams
from ingan_fast.layout.sliding import BARELY, places_across, slide
from ingan_fast.layout.steps import MaskedPicture, Tables, found, turned

Doubles = NDArray[np.float64]

REACH = (0.5, 2.0)  # times the source's size: what the sides are made ready for where nothing else is known
FINER = 257  # steps of 16 bits in one of 8


@dataclass(frozen=True)
class _Pieces:
    """The jumps of both axes.

    Attributes:
        growths: of the first axis and of the second one, in the picture itself.
        lengths: [n] and [m] px.
        sides: width and height, px, that they lead to.
    """

    growths: tuple[Growth, Growth]
    lengths: tuple[Doubles, Doubles]
    sides: tuple[float, float]

    @property
    def places(self) -> tuple[Doubles, Doubles]:
        """[n, h] of the first axis and [m, w] of the second one."""
        return self.growths[0].places(self.lengths[0]), self.growths[1].places(self.lengths[1])

    def at_whole_pixels(self) -> "_Pieces":
        """The same with each piece at the nearest whole pixel, so that it is copied and stays sharp."""
        return replace(self, lengths=(_whole(self.lengths[0]), _whole(self.lengths[1])))


def _whole(lengths: Doubles) -> Doubles:
    """Lengths with whole sums: of the first one, of the first two, and so on."""
    sums = np.floor(np.cumsum(lengths) + 0.5 + BARELY)  # lengths that are whole keep their size
    return np.diff(sums, prepend=0.0)


class Frames:
    """Lays a picture out for one transform after another. What a frame shows depends on its transform alone.

    Each side's jumps are found once, for the smallest and the largest size. Between they grow (`growing`). Both sides'
    are found in the picture itself, not one after the other.

    Args:
        pixels: [h, w, channels], as for `pictures.seen`.
        options: for all of the frames.
        expected: what will be asked for, where that is known: the smallest and the largest of these have the best
            layouts. Sizes beyond are stretched.

    Raises:
        UserError: tiles are asked for, or what is to be removed can't be.
    """

    def __init__(self, pixels: NDArray, options: LayoutOptions | None = None, expected: Iterable[Transform] = ()):
        options = options or LayoutOptions()
        if options.tile:
            raise UserError("frames of one picture at many sizes can't be tiles; leave out the tile")
        layouts = Layouts(pixels, options)
        keep = options.keep
        spare = layouts.spared()
        if options.remove is not None and options.remove.any():
            layout = layouts.lay_out(layouts.size)
            pixels = layout.draw(pixels)
            keep, spare = (None if mask is None else layout.copy(mask) for mask in (keep, spare))
        self.picture = pixels
        self._masked = MaskedPicture(pixels, keep, None, spare)
        self._variation = options.variation
        self._fine: NDArray | None = None
        self._known: Tables = {}
        self._growths: dict[tuple[int, bool], Growth] = {}
        sides = [rectangle_of(transform, self.source_size).sides for transform in expected]
        reach = np.rint(sides or np.outer(REACH, self.source_size)).astype(int)
        self._least, self._most = reach.min(axis=0).tolist(), reach.max(axis=0).tolist()

    @property
    def source_size(self) -> Size:
        return self.picture.shape[1], self.picture.shape[0]

    def __getstate__(self) -> dict[str, Any]:
        """For another process, without the tables, which are large and can be found again."""
        return self.__dict__ | {"_known": {}, "_fine": None}

    def is_ready(self, transform: Transform) -> bool:
        """Whether `draw` needs no further layout for this transform, so that it is quick."""
        for axis, side in enumerate(self._sides(transform)):
            given = self.source_size[axis]
            if abs(side - given) < BARELY:
                continue
            known = self._growths.get((axis, side > given))
            if known is None or (side < given and self._is_beyond(known, axis, side)):
                return False
        return True

    def draw(
        self,
        transform: Transform,
        resampling: Image.Resampling = Image.Resampling.BICUBIC,
        moving: bool = False,
    ) -> NDArray:
        """The picture under a transform: [Ho, Wo, channels]; outside of `transform.mask()` it means nothing.

        Args:
            transform: what `expected` has, or others.
            resampling: where corners are moved; bilinear takes half the time.
            moving: whether pieces lie between pixels also where the corners are at whole pixels. Else they are copied
                there, as somebody wants it who stops dragging; in a video they would hop.

        Raises:
            UserError: what is kept leaves no layout of this size.
        """
        if is_upright(transform):
            corners = transform.corners()
            sides = self._sides(transform)
            pieces = self._pieces(sides)
            if max(abs(pieces.sides[axis] - sides[axis]) for axis in (0, 1)) < BARELY:
                start = (float(corners[0, 0]), float(corners[0, 1]))
                if not moving and np.abs(corners - np.rint(corners)).max() < BARELY:
                    return self._laid_out(self.picture, pieces.at_whole_pixels(), transform.size, start)
                return self._between_pixels(pieces, transform.size, start)
        rectangle = rectangle_of(transform, self.source_size)
        pieces = self._pieces(rectangle.sides)
        size = (int(np.ceil(pieces.sides[0] - BARELY)), int(np.ceil(pieces.sides[1] - BARELY)))
        laid_out = self._between_pixels(pieces, size, (0.0, 0.0))
        return put(laid_out, rectangle.scaled(pieces.sides), transform, resampling)

    def grid(self, transform: Transform) -> NDArray[np.float32]:
        """Where in `picture` each pixel that `draw` has in motion comes from: [Ho, Wo, 2], as `Transform.grid()`.

        Raises:
            UserError: what is kept leaves no layout of this size.
        """
        pieces = self._pieces(self._sides(transform))
        rectangle = rectangle_of(transform, self.source_size).scaled(pieces.sides)
        x, y = np.moveaxis(transform.grid() / 2 + 0.5, 2, 0)
        if is_upright(transform):
            x, y = x[:1], y[:, :1]
        places = origins(pieces.places, pieces.lengths, rectangle.at(0, x), rectangle.at(1, y))
        grid = np.empty((transform.size[1], transform.size[0], 2), np.float32)
        for axis in (0, 1):
            grid[..., axis] = places[axis] * (2 / self.source_size[axis]) - 1
        return grid

    def flat(self, transform: Transform) -> NDArray:
        """The picture before it is put into perspective: uint8 [h, w, channels], of about the size that it has there.

        The homography that carries its corners to the transform's does the rest, such as on a graphics card. Seams lie
        at whole pixels, so this takes less than half of the time of `draw` with moved corners.

        Raises:
            UserError: what is kept leaves no layout of this size.
        """
        rectangle = rectangle_of(transform, self.source_size)
        pieces = self._pieces((float(round(rectangle.sides[0])), float(round(rectangle.sides[1])))).at_whole_pixels()
        size = round(pieces.sides[0]), round(pieces.sides[1])
        return evened(self._laid_out(self.picture, pieces, size, (0.0, 0.0)), rectangle.scaled(size))

    def _sides(self, transform: Transform) -> tuple[float, float]:
        """Width and height, px, that the picture is laid out at."""
        if not is_upright(transform):
            return rectangle_of(transform, self.source_size).sides
        width, height = np.ptp(transform.corners(), axis=0)
        return float(width), float(height)

    def _pieces(self, sides: tuple[float, float]) -> _Pieces:
        """The jumps for sides of any length, px, as far as they reach."""
        growths = (self._growth(0, sides[0]), self._growth(1, sides[1]))
        lengths = tuple(
            each.at(abs(side - given)) for each, side, given in zip(growths, sides, self.source_size, strict=True)
        )
        reached = [given - float(each.sum()) for given, each in zip(self.source_size, lengths, strict=True)]
        return _Pieces(growths, (lengths[0], lengths[1]), (reached[0], reached[1]))

    def _between_pixels(self, pieces: _Pieces, size: Size, start: tuple[float, float]) -> NDArray:
        """The pieces in an output: 8 bits as 16, which are rounded once.

        Rounded after each step, what moves slowly blinks by a grey level here and there.
        """
        if self.picture.dtype != np.uint8:
            return self._laid_out(self.picture, pieces, size, start)
        if self._fine is None:
            self._fine = self.picture * np.uint16(FINER)
        laid_out = self._laid_out(self._fine, pieces, size, start)
        return np.asarray(laid_out * np.float32(1 / FINER) + np.float32(0.5)).astype(np.uint8)

    def _laid_out(self, picture: NDArray, pieces: _Pieces, size: Size, start: tuple[float, float]) -> NDArray:
        """The pieces of a picture in an output, the first of them from `start` on."""
        across, down = pieces.places
        result = slide(picture, across, pieces.lengths[0], size[0], start[0])
        if not len(down) and start[1] == 0 and size[1] == len(result):
            return result
        middle = across[:, across.shape[1] // 2]
        bent = places_across(down, middle, pieces.lengths[0], size[0], start[0])
        return turned(slide(turned(result, 1), bent, pieces.lengths[1], size[1], start[1]), 1)

    def _growth(self, axis: int, side: float) -> Growth:
        """From the source's side to one that is this long, or longer."""
        given = self.source_size[axis]
        if abs(side - given) < BARELY:
            across = self.source_size[1 - axis]
            return growth(Seams(np.zeros(0, np.intp), np.zeros((0, across), np.intp)), given)
        grows = side > given
        known = self._growths.get((axis, grows))
        if known is None or (not grows and self._is_beyond(known, axis, side)):
            known = self._found(axis, grows, side)
            self._growths[axis, grows] = known
        return known

    def _is_beyond(self, known: Growth, axis: int, side: float) -> bool:
        """Whether a side is shorter than one that the jumps reach."""
        return self.source_size[axis] - known.reach > max(side, self._least[axis]) + 1

    def _found(self, axis: int, grows: bool, side: float) -> Growth:
        given, asked = self.source_size[axis], round(side)
        asked = max(asked, given + 1) if grows else min(asked, given - 1)
        last = max(asked, self._most[axis]) if grows else min(asked, self._least[axis])
        try:
            step = found(self._masked, axis, last, self._variation, known=self._known, one_way=True)
        except UserError:  # more is kept than fits into the smallest size
            if last == asked:
                raise
            step = found(self._masked, axis, asked, self._variation, known=self._known, one_way=True)
        return growth(step.seams, given)
