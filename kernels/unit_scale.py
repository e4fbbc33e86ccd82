"""Unit-scale sampling: a homography laid out so that what is sampled keeps the source's own pixel size.

Where a plain warp stretches what it samples, here the output is tied to the source along some of its columns and rows
only, the anchors. From an anchor on, one pixel of the output is one pixel of the source, in the direction that the
source's rows (columns) have there; so elements keep their size, and rows and columns follow a tilt. The anchors
lie so far apart that, where one anchor's part ends and the next one's begins, the source position jumps by a given
length: as long as elements are, or their period, and they are repeated or left out whole.

Even and odd anchors take turns: those of one parity each reach to the next of their own parity, so that every pixel
has a choice of two along each axis, and the place of a jump can be chosen within a wide strip. The first anchor is the
source's border, and so is the last one: the picture's borders stay at its borders. The last jump is what is left over,
from three to seven quarters of the others.

A texture has no places to keep, and repeating it in order would show. Scattered, the anchors lie evenly over the
output, and what is laid out around each pair of them comes from anywhere in the source.
"""

from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor

from ingan_fast.kernels.reference import MAX_COORDINATE, MIN_W, sampling_grid

# How far, in logits, an anchor is disliked where it gives way to the next one of its parity; not at all on itself.
SHARPNESS = 16.0
LAYOUTS = 4  # even and odd, columns and rows
KNOTS = 129  # at which the scale along the source's middle row and column is measured
MOST = 1024  # anchors an axis
SCATTERED_AT = 0.25  # with this much more or less room than at scale one, a texture is scattered all over
CELLS = 64  # a side of the table of chances; it is gone through again and again
_CHANCE = torch.rand(2, CELLS * CELLS, generator=torch.Generator().manual_seed(0))


class UnitScale(NamedTuple):
    """Sampling grids, float32 [N, 4, Ho, Wo, 2], and logits [N, 4, Ho, Wo] of preferring each."""

    grids: Tensor
    preference: Tensor

    def region(self, rows: slice, columns: slice) -> "UnitScale":
        return UnitScale(self.grids[:, :, rows, columns], self.preference[:, :, rows, columns])


class _Choice(NamedTuple):
    """One axis and parity, each [N, Ho, Wo]."""

    place: Tensor  # px in the source
    anchor: Tensor  # px in the source
    number: Tensor  # of the anchor
    dislike: Tensor


def unit_scale(
    matrix: Tensor, size: tuple[int, int], source: tuple[int, int], jump: tuple[int, int], scatter: bool = False
) -> UnitScale:
    """Lay a homography out at unit scale, in four ways.

    Args:
        matrix: [N, 3, 3], sampling matrices (output → source, normalised coordinates).
        size: (Ho, Wo) in pixels.
        source: (H, W) of what is sampled, in pixels.
        jump: px (down, across), in the source, from one anchor's part to the next one's; scattered, in the output,
            from an anchor to the next.
        scatter: for textures.
    """
    to_output = _adjugate(_in_pixels(matrix.float(), size, source))
    x, y = ((sampling_grid(matrix, size)[..., axis] + 1) * (source[1 - axis] / 2) for axis in (0, 1))
    u = torch.arange(size[1], device=matrix.device)[None, None, :] + 0.5
    v = torch.arange(size[0], device=matrix.device)[None, :, None] + 0.5
    middle = [x.new_full((len(x), KNOTS), side / 2) for side in source]
    knots = [torch.linspace(0, side, KNOTS, device=x.device).expand(len(x), KNOTS) for side in source]
    row, column = _project(to_output, knots[1], middle[0]), _project(to_output, middle[1], knots[0])
    across = _Anchors(_lengths(row), source[1], jump[1], scatter)
    down = _Anchors(_lengths(column), source[0], jump[0], scatter)
    ahead, below = _direction(row), _direction(column)
    columns, rows = [], []
    for parity in (0, 1):
        anchor, number, away = across.nearest(x, parity)
        columns.append(across.choice(anchor, number, away, _along(ahead, _project(to_output, anchor, y), (u, v))))
        anchor, number, away = down.nearest(y, parity)
        rows.append(down.choice(anchor, number, away, _along(below, _project(to_output, x, anchor), (u, v))))
    grids = x.new_empty(len(x), LAYOUTS, *size, 2)
    preference = x.new_empty(len(x), LAYOUTS, *size)
    strength = torch.maximum(across.strength, down.strength)[..., None]  # [N, 1, 1]
    for layout, (row, column) in enumerate(product(rows, columns)):
        place_x, place_y = column.place, row.place
        if scatter:
            cell = ((row.number % CELLS) * CELLS + column.number % CELLS).long()
            place_x = place_x + strength * (across.anywhere(cell, 0) - column.anchor)
            place_y = place_y + strength * (down.anywhere(cell, 1) - row.anchor)
        grids[:, layout, ..., 0] = (place_x * (2 / source[1]) - 1).clamp_(-MAX_COORDINATE, MAX_COORDINATE)
        grids[:, layout, ..., 1] = (place_y * (2 / source[0]) - 1).clamp_(-MAX_COORDINATE, MAX_COORDINATE)
        torch.add(column.dislike, row.dislike, out=preference[:, layout])
    return UnitScale(grids, preference.mul_(-SHARPNESS))


class _Anchors:
    """Where along one axis of the source (px) the output is tied to it, for each of N homographies.

    Args:
        lengths: [N, KNOTS - 1], px in the output of each piece of the source's middle line.
        side: px of the source along the axis.
        jump: px between one anchor's part and the next one's.
    """

    def __init__(self, lengths: Tensor, side: int, jump: int, scatter: bool):
        piece = side / (KNOTS - 1)
        # How much more or less room there is than at scale one, up to each knot; a little everywhere, for identities.
        extra = (lengths - piece).abs() + 1e-4 * piece
        self.strength = (extra.sum(dim=1, keepdim=True) / (SCATTERED_AT * side)).clamp_max(1)  # [N, 1]
        room = torch.cumsum(lengths if scatter else extra, dim=1)
        room = torch.cat([torch.zeros_like(room[:, :1]), room], dim=1)
        total = room[:, -1:]
        # Rather a last jump that is too long than one that is too short to repeat anything whole.
        self.last = (total / jump + 0.25).floor().clamp(1, MOST - 1)  # [N, 1]
        if scatter:
            self.number = room * (self.last / total)
        else:
            full = (self.last - 1) * jump  # the last jump is what remains
            self.number = torch.where(room < full, room / jump, self.last - 1 + (room - full) / (total - full))
        self.per_knot = 1 / piece
        self.side, self.jump, self.scatter = side, jump, scatter
        apart = lengths.sum(dim=1, keepdim=True) / self.last  # px in the output from an anchor to the next
        # How far around an anchor its part is likely to be seen (it gives way at 1), at most to half of the source.
        self.reach = (0.75 * apart).clamp_max(side / 2)[..., None]  # [N, 1, 1]
        # From where on the source's border is near: half of what an anchor's neighbours show of the source before it
        # gives way, so that there is always room for a cut.
        self.near = ((apart - total / self.last) / 2).clamp(1, jump)[..., None]
        # The source position of each anchor.
        wanted = torch.arange(MOST, device=room.device, dtype=room.dtype).expand(len(room), MOST).contiguous()
        upper = torch.searchsorted(self.number, wanted).clamp(1, KNOTS - 1)
        low, high = self.number.gather(1, upper - 1), self.number.gather(1, upper)
        part = ((wanted - low) / (high - low)).clamp(0, 1)
        self.places = (upper - 1 + part) * piece  # [N, MOST]

    def nearest(self, place: Tensor, parity: int) -> tuple[Tensor, Tensor, Tensor]:
        """The nearest anchor of a parity to source positions [N, Ho, Wo]: where it is (px), its number, and how far
        away it is, counted in anchors; 1 is where the next one of its parity takes over."""
        flat = place.flatten(1) * self.per_knot
        knot = flat.floor().clamp(0, KNOTS - 2)
        index = knot.long()
        part = (flat - knot).clamp(0, 1)
        number = torch.lerp(self.number.gather(1, index), self.number.gather(1, index + 1), part)
        highest = self.last - torch.remainder(self.last - parity, 2)
        chosen = (((number - parity) / 2).round() * 2 + parity).clamp_min(parity).minimum(highest)
        anchor = self.places.gather(1, chosen.long())
        return anchor.view_as(place), chosen.view_as(place), (number - chosen).abs().view_as(place)

    def choice(self, anchor: Tensor, number: Tensor, away: Tensor, distance: Tensor) -> _Choice:
        """What lies at scale one from an anchor that is `distance` px behind in the output."""
        at_scale_one = anchor + distance
        if not self.scatter:
            # What lies outside the source would be mirrored. Disliked more and more on the way there: were it sudden,
            # the cut would run along that line; and what is at a border, a roof or a plinth, is seldom to be repeated.
            # The border's own anchor begins there and is right there.
            away = away + (2 - 2 * at_scale_one / self.near).clamp_(0, 4) * (anchor > 0)
            away += (2 - 2 * (self.side - at_scale_one) / self.near).clamp_(0, 4) * (anchor < self.side)
        return _Choice(at_scale_one, anchor, number, away)

    def anywhere(self, cell: Tensor, axis: int) -> Tensor:
        """Where in the source (px) a cell's anchor is put: anywhere such that what is seen around it is inside."""
        return self.reach + _CHANCE[axis].to(cell.device)[cell] * (self.side - 2 * self.reach)


def _along(direction: Tensor, start: tuple[Tensor, Tensor], end: tuple[Tensor, Tensor]) -> Tensor:
    """How far it is from one point to another in a direction [N, 2].

    That of the middle row (or column) for all: along each row's own, the parts of rows that slant more would be
    compressed more, and straight columns bent.
    """
    x, y = direction[:, :, None, None].unbind(dim=1)
    return (end[0] - start[0]) * x + (end[1] - start[1]) * y


def _in_pixels(matrix: Tensor, size: tuple[int, int], source: tuple[int, int]) -> Tensor:
    """Sampling matrices in pixels, edge to edge, of normalised ones."""
    normalise = matrix.new_tensor([[2 / size[1], 0, -1], [0, 2 / size[0], -1], [0, 0, 1]])
    half = matrix.new_tensor([[source[1] / 2, 0, source[1] / 2], [0, source[0] / 2, source[0] / 2], [0, 0, 1]])
    # Products written out, not matmuls: autocast would run those in bfloat16.
    matrix = (matrix[..., None] * normalise).sum(dim=-2)
    return (half[..., None] * matrix[:, None]).sum(dim=-2)


def _adjugate(matrix: Tensor) -> Tensor:
    """The inverse [N, 3, 3] up to a factor, which a homography does not care about; its sign kept positive at w."""
    a, b, c = matrix.unbind(dim=1)
    adjugate = torch.stack([torch.linalg.cross(b, c), torch.linalg.cross(c, a), torch.linalg.cross(a, b)], dim=2)
    return adjugate / torch.linalg.vector_norm(adjugate, dim=(1, 2), keepdim=True)


def _project(matrix: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Where points [N, ...] land under homographies [N, 3, 3]."""
    m = matrix.view(-1, 3, 3, *[1] * (x.dim() - 1))
    u, v, w = (m[:, row, 0] * x + m[:, row, 1] * y + m[:, row, 2] for row in range(3))
    w = torch.where(w.abs() < MIN_W, torch.full_like(w, MIN_W), w)
    return u / w, v / w


def _lengths(line: tuple[Tensor, Tensor]) -> Tensor:
    """Of the pieces of polylines [N, KNOTS]."""
    return torch.hypot(line[0].diff(dim=1), line[1].diff(dim=1))


def _direction(line: tuple[Tensor, Tensor]) -> Tensor:
    """From the first to the last point of polylines: unit vectors [N, 2]."""
    return torch.nn.functional.normalize(torch.stack([part[:, -1] - part[:, 0] for part in line], dim=1), dim=1)
