"""Unit-scale layouts without torch: kernels/unit_scale.py in numpy, for one picture, a few milliseconds a frame.

Rows and columns of pixels are kept apart as long as they can be ([1, Wo] and [Ho, 1]): a plain resize has whole frames
only where cuts are looked up and in the sums at the end. The frame is made some rows at a time, which stay in a cache.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingan_fast.geometry import Size, Transform
from ingan_fast.runtime.anchors import Anchors, Around
from ingan_fast.runtime.arrangement import Arrangement, Cuts
from ingan_fast.runtime.cuts import Floats, Lines
from ingan_fast.unit_scale_constants import (
    CELLS,
    KNOTS,
    LAYOUTS,
    MAX_COORDINATE,
    MIN_W,
    PARTS,
    SCATTERED_FROM,
    SHARPNESS,
    SPACING,
)

Row = tuple[float, float, float]  # a · x + b · y + c

CHUNK = 1 << 14  # px of the output that are made at a time
# Entries of a sampling matrix below this move nothing by a thousandth of a pixel; without them axes are independent.
FLAT = 1e-8


@dataclass(frozen=True)
class Layout:
    """Four ways to lay a picture out, in the order of `kernels.UnitScale`; both C-contiguous.

    Attributes:
        grids: float32 [1, 4, Ho, Wo, 2], sampling coordinates (x, y), normalised to [-1, 1].
        preference: float32 [1, 4, Ho, Wo], logits of preferring each.
    """

    grids: Floats
    preference: Floats


class Source:
    """A picture to lay out again and again: its lines in the form in which cuts are looked for.

    Args:
        image: uint8 [H, W, 3].
    """

    def __init__(self, image: NDArray[np.uint8]):
        self.columns = Lines(image.transpose(1, 0, 2))
        self.rows = Lines(image)


def unit_scale(
    transform: Transform,
    source_size: Size,
    jump: tuple[int, int],
    scatter: bool,
    image: NDArray[np.uint8] | Source | None,
    arrangement: Arrangement | None = None,
) -> Layout:
    """Lay a transformation out at unit scale, in four ways; what `Generator.lay_out` does in torch.

    Args:
        transform: an output size and a homography.
        source_size: (width, height) of what is sampled, in pixels.
        jump: px (down, across), in the source, from one anchor's part to the next one's.
        scatter: whether it is a texture, that is scattered where it is made much larger.
        image: uint8 [H, W, 3], what is sampled, or its `Source` where it is sampled for many transformations; cuts are
            put where they show least in it. None: halfway between anchors.
        arrangement: of this transformation, which then needs no `image`, or of another one.
    """
    if arrangement is None:
        frame = _cut(transform, source_size, jump, scatter, image)
    else:
        frame = _Frame(transform, source_size, jump, scatter, arrangement)
    width, height = transform.size
    grids = np.empty((1, LAYOUTS, height, width, 2), np.float32)
    preference = np.empty((1, LAYOUTS, height, width), np.float32)
    (frame.fill_separable if frame.separable else frame.fill)(
        grids.reshape(2, 2, height, width, 2), preference.reshape(2, 2, height, width)
    )
    return Layout(grids, preference)


def arrange(
    transform: Transform,
    source_size: Size,
    jump: tuple[int, int],
    scatter: bool,
    image: NDArray[np.uint8] | Source | None,
) -> Arrangement:
    """How many jumps a transformation has and where they are cut; arguments as for `unit_scale`."""
    frame = _cut(transform, source_size, jump, scatter, image)
    return Arrangement(frame.across.anchors.cuts, frame.down.anchors.cuts, frame.scattered)


class _Choice(NamedTuple):
    """What lies at scale one from the nearest even and odd anchors of one axis, each [2, Ho, Wo]."""

    place: Floats  # [-1, 1]
    distance: Floats  # of it from the anchor
    preference: Floats  # logits, at a cut


@dataclass(frozen=True)
class _Axis:
    """How places along one axis come from the output's pixels (u, v).

    An anchor at a in [-1, 1] is seen at `line(a, other) / w(a, other)` along the axis' own direction in the output,
    where `other` is the position along the other axis, in knots; and the pixel itself at `along(u, v)`.
    """

    anchors: Anchors
    along: Row
    line: Row
    w: Row

    def choice(self, around: Around, other: Floats, u: Floats, v: Floats) -> _Choice:
        """What lies at scale one from the nearest anchors."""
        anchor = self.anchors.tied.take(around.nearest, mode="clip")
        distance = _linear(self.along, u, v) - _linear(self.line, anchor, other) / _held(_linear(self.w, anchor, other))
        place = anchor + distance
        np.clip(place, -MAX_COORDINATE, MAX_COORDINATE, out=place)
        return _Choice(place, distance, self.anchors.border_preference(place, anchor) - SHARPNESS / 2)


class _Frame:
    """One transformation's anchors, and all that follows for its pixels."""

    def __init__(
        self,
        transform: Transform,
        source_size: Size,
        jump: tuple[int, int],
        scatter: bool,
        arrangement: Arrangement | None = None,
    ):
        source = np.array(source_size)
        self.size = transform.size
        self.sampling = _sampling_matrix(transform)
        sampling = _in_pixels(self.sampling, transform.size, source_size)
        self.separable = not (sampling[[0, 1, 2, 2], [1, 0, 0, 1]]).any()
        to_output = _adjugate(sampling)
        knots = [np.linspace(0, side, KNOTS, dtype=np.float32) for side in source_size]
        middle = [np.full(KNOTS, side / 2, np.float32) for side in source_size]
        lines = _project(to_output, knots[0], middle[1]), _project(to_output, middle[0], knots[1])  # a row, a column
        lengths = [np.hypot(np.diff(x), np.diff(y)) for x, y in lines]
        growth = [length.sum() / side for length, side in zip(lengths, source_size, strict=True)]
        self.scattered = scatter and bool(max(growth) > SCATTERED_FROM)
        cuts: list[Cuts] | list[None] = [None, None]
        if arrangement is not None:
            self.scattered, cuts = arrangement.scattered, [arrangement.across, arrangement.down]
        spacing = min(SPACING, min(source_size) / PARTS)
        axes = []
        for axis, given in enumerate(cuts):
            anchors = Anchors(
                lengths[axis],
                source_size[axis],
                source_size[1 - axis],
                jump[1 - axis],
                self.scattered,
                spacing,
                None if given is None else given.last,
            )
            if given is not None and given.shown is not None:
                anchors.cut_at(given.shown)
            axes.append(_axis(anchors, axis, to_output, lines[axis], source))
        self.across, self.down = axes
        in_knots = sampling.astype(np.float64) / [[source[0] / (KNOTS - 1)], [source[1] / (KNOTS - 1)], [1]]
        self.smooth = [_row(row) for row in in_knots]

    def find_cuts(self, source: Source) -> None:
        if not self.scattered:
            self.across.anchors.find_cuts(source.columns)
            self.down.anchors.find_cuts(source.rows)

    def fill(self, grids: Floats, preference: Floats) -> None:
        """Make layouts by parity of rows and of columns, [2, 2, Ho, Wo, 2], and their preferences [2, 2, Ho, Wo]."""
        across, down = self.across.anchors, self.down.anchors
        for rows in self._chunks():
            around_x, around_y, column, row = self._pixels(rows)
            self._fill_grids(grids[:, :, rows], around_x, around_y, column, row)
            # A cut goes around what is seen there: it is looked up where a layout has its pixels along the other axis.
            aside = across.towards_odd(around_x.from_even, across.cuts_at(around_x.before, row.place))
            below = down.towards_odd(around_y.from_even, down.cuts_at(around_y.before, column.place))
            _fill_preference(preference[:, :, rows], row.preference, column.preference, aside, below)

    def fill_separable(self, grids: Floats, preference: Floats) -> None:
        """The same where x depends on columns alone and y on rows: [1, Wo] and [Ho, 1] until they are put together."""
        around_x, around_y, column, row = self._pixels(slice(0, self.size[1]))
        across, down = self.across.anchors, self.down.anchors
        cuts_x, cuts_y = across.all_cuts_at(row.place[..., 0]), down.all_cuts_at(column.place[:, 0])
        if cuts_x is not None and cuts_y is not None:
            before_x, before_y = around_x.before[0].astype(np.intp), around_y.before[:, 0].astype(np.intp)
            cuts_x = np.ascontiguousarray(cuts_x.swapaxes(1, 2))  # [2, Ho, anchors]
        cut_x = cut_y = None
        for rows in self._chunks():
            some_y = Around(around_y.from_even[rows], around_y.before[rows], around_y.nearest[:, rows])
            some_row = _Choice(*(each[:, rows] if each.shape[1] > 1 else each for each in row))
            self._fill_grids(grids[:, :, rows], around_x, some_y, column, some_row)
            if cuts_x is not None and cuts_y is not None:
                cut_x = cuts_x[:, rows].take(before_x, axis=2, mode="clip")
                cut_y = cuts_y.take(before_y[rows], axis=1, mode="clip")
            aside, below = across.towards_odd(around_x.from_even, cut_x), down.towards_odd(some_y.from_even, cut_y)
            _fill_preference(preference[:, :, rows], some_row.preference, column.preference, aside, below)

    def _chunks(self) -> Iterator[slice]:
        """Rows of the output, some at a time."""
        width, height = self.size
        step = max(CHUNK // width, 1)
        return (slice(top, min(top + step, height)) for top in range(0, height, step))

    def _pixels(self, rows: slice) -> tuple[Around, Around, _Choice, _Choice]:
        """What is around pixels and laid out there, across and down."""
        u = np.arange(0.5, self.size[0], dtype=np.float32)[None, :]
        v = np.arange(rows.start + 0.5, rows.stop, dtype=np.float32)[:, None]
        if self.separable:
            x, y = (self._line_positions(axis, place) for axis, place in enumerate((u, v)))
            around_x, around_y = self.across.anchors.around_lines(x), self.down.anchors.around_lines(y)
        else:
            w = _linear(self.smooth[2], u, v)
            x, y = (_linear(row, u, v) / w for row in self.smooth[:2])
            around_x, around_y = self.across.anchors.around(x), self.down.anchors.around(y)
        return around_x, around_y, self.across.choice(around_x, y, u, v), self.down.choice(around_y, x, u, v)

    def _line_positions(self, axis: int, place: Floats) -> Floats:
        """Where columns or rows of pixels lie in the source, in knots; rounded as kernels/unit_scale.py does."""
        side = (self.across, self.down)[axis].anchors.side
        normalised = place * 2 / self.size[axis] - 1
        normalised = (self.sampling[axis, axis] * normalised + self.sampling[axis, 2]) / self.sampling[2, 2]
        return (normalised + 1) * (side / 2) / np.float32(side / (KNOTS - 1))

    def _fill_grids(self, grids: Floats, around_x: Around, around_y: Around, column: _Choice, row: _Choice) -> None:
        if not self.scattered:
            grids[..., 0] = column.place
            grids[..., 1] = row.place[:, None]
            return
        across, down = self.across.anchors, self.down.anchors
        number_x, number_y = across.numbers.take(around_x.nearest), down.numbers.take(around_y.nearest)
        cell = (number_y % CELLS * CELLS)[:, None] + number_x % CELLS
        grids[..., 0] = column.distance + across.anywhere(cell, 0)
        grids[..., 1] = row.distance[:, None] + down.anywhere(cell, 1)


def _cut(
    transform: Transform,
    source_size: Size,
    jump: tuple[int, int],
    scatter: bool,
    image: NDArray[np.uint8] | Source | None,
) -> _Frame:
    """A frame with the cuts that show least."""
    frame = _Frame(transform, source_size, jump, scatter)
    if image is not None:
        frame.find_cuts(image if isinstance(image, Source) else Source(image))
    return frame


def _fill_preference(preference: Floats, row: Floats, column: Floats, aside: Floats, below: Floats) -> None:
    np.add(row[:, None], column, out=preference)
    preference[:, 0] -= aside
    preference[:, 1] += aside
    preference[0] -= below
    preference[1] += below


def _axis(
    anchors: Anchors, axis: int, to_output: Floats, line: tuple[Floats, Floats], source: NDArray[np.int_]
) -> _Axis:
    direction = np.array([float(part[-1]) - float(part[0]) for part in line])
    direction *= 2 / source[axis] / np.hypot(*direction)  # px of the output → [-1, 1] of the source, at scale one
    # Source positions of (anchor in [-1, 1], other axis in knots, 1), in pixels.
    half, piece = source[axis] / 2, source[1 - axis] / (KNOTS - 1)
    matrix = to_output.astype(np.float64)
    matrix = np.stack([matrix[:, axis] * half, matrix[:, 1 - axis] * piece, matrix[:, 2] + matrix[:, axis] * half], 1)
    return _Axis(anchors, _row([*direction, 0]), _row(direction @ matrix[:2]), _row(matrix[2]))


def _row(values: object) -> Row:
    a, b, c = np.asarray(values, np.float64).tolist()
    return a, b, c


def _linear(row: Row, x: Floats, y: Floats) -> Floats:
    """a · x + b · y + c, of no more values than it depends on."""
    a, b, c = row
    result = b * y + c if b else np.full((1, 1), c, np.float32)
    return a * x + result if a else result


def _held(w: Floats) -> Floats:
    """Not closer to a horizon than `MIN_W`."""
    if w.min() >= MIN_W:
        return w
    return np.where(np.abs(w) < MIN_W, np.copysign(np.float32(MIN_W), w), w)


def _sampling_matrix(transform: Transform) -> Floats:
    matrix = transform.sampling_matrix()
    matrix[(np.abs(matrix) < FLAT) & ~np.eye(3, dtype=bool)] = 0
    return matrix.astype(np.float32)


def _in_pixels(matrix: Floats, size: Size, source: Size) -> Floats:
    """A sampling matrix in pixels, edge to edge, of a normalised one."""
    a, b, c = matrix.T
    x, y, w = np.stack([a * (2 / size[0]), b * (2 / size[1]), c - a - b], axis=1)
    return np.stack([(x + w) * (source[0] / 2), (y + w) * (source[1] / 2), w])


def _adjugate(matrix: Floats) -> Floats:
    """The inverse up to a positive factor, to the last bit as torch makes it on a CPU: ties depend on that."""
    a, b, c = matrix
    adjugate = np.stack([_cross(b, c), _cross(c, a), _cross(a, b)], axis=1)
    *squares, last = np.square(adjugate.astype(np.float64)).ravel()
    norm = np.sqrt(np.float32(np.cumsum(squares, dtype=np.float32)[-1] + last))
    return adjugate / np.copysign(norm, a @ adjugate[:, 0])


def _cross(a: Floats, b: Floats) -> Floats:
    """The cross product; the first product of each difference is not rounded."""
    first = a[[1, 2, 0]].astype(np.float64) * b[[2, 0, 1]]
    return (first - a[[2, 0, 1]] * b[[1, 2, 0]]).astype(np.float32)


def _project(matrix: Floats, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Where points land under a homography."""
    u, v, w = (row[0] * x + (row[1] * y + row[2]) for row in matrix)
    w = _held(w)
    return u / w, v / w
