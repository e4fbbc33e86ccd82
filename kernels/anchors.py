"""Where the output of a unit-scale layout is tied to the source, and what is laid out from there (unit_scale.py)."""

from typing import NamedTuple

import torch
from torch import Tensor

KNOTS = 129  # at which the scale along the source's middle row and column is measured
MOST = 1024  # anchors an axis
CELLS = 64  # a side of the table of chances; it is gone through again and again
_CHANCE = torch.rand(2, CELLS * CELLS, generator=torch.Generator().manual_seed(0))


class Choice(NamedTuple):
    """One axis and parity, each [N, Ho, Wo]."""

    place: Tensor  # px in the source
    anchor: Tensor  # px in the source
    number: Tensor  # of the anchor
    dislike: Tensor


class Anchors:
    """Where along one axis of the source (px) the output is tied to it, for each of N homographies.

    Args:
        lengths: [N, KNOTS - 1], px in the output of each piece of the source's middle line.
        side: px of the source along the axis.
        jump: px between one anchor's part and the next one's.
        scattered: [N, 1] bool, whether the anchors lie evenly over the output instead,
        spacing: px apart.
    """

    def __init__(self, lengths: Tensor, side: int, jump: int, scattered: Tensor, spacing: float):
        piece = side / (KNOTS - 1)
        # How much more or less room there is than at scale one, up to each knot; a little everywhere, for identities.
        extra = (lengths - piece).abs() + 1e-4 * piece
        room = torch.cumsum(torch.where(scattered, lengths, extra), dim=1)
        room = torch.cat([torch.zeros_like(room[:, :1]), room], dim=1)
        total = room[:, -1:]
        each = torch.where(scattered, spacing, float(jump))  # [N, 1]
        # Rather a last jump that is too long than one that is too short to repeat anything whole.
        self.last = (total / each + 0.25).floor().clamp(1, MOST - 1)  # [N, 1]
        full = torch.where(scattered, torch.zeros_like(total), (self.last - 1) * each)  # the last jump is what remains
        remaining = torch.where(scattered, self.last, 1.0)
        self.number = torch.where(
            room < full, room / each, self.last - remaining + (room - full) / (total - full) * remaining
        )
        self.side, self.per_knot = side, 1 / piece
        self.ordered = (~scattered)[..., None]  # [N, 1, 1]
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

    def choice(self, anchor: Tensor, number: Tensor, away: Tensor, distance: Tensor) -> Choice:
        """What lies at scale one from an anchor that is `distance` px behind in the output."""
        at_scale_one = anchor + distance
        # What lies outside the source would be mirrored. Disliked more and more on the way there: were it sudden, the
        # cut would run along that line; and what is at a border, a roof or a plinth, is seldom to be repeated. The
        # border's own anchor begins there and is right there.
        left = (2 - 2 * at_scale_one / self.near).clamp_(0, 4) * ((anchor > 0) & self.ordered)
        right = (2 - 2 * (self.side - at_scale_one) / self.near).clamp_(0, 4) * ((anchor < self.side) & self.ordered)
        return Choice(at_scale_one, anchor, number, away + left + right)

    def anywhere(self, cell: Tensor, axis: int) -> Tensor:
        """Where in the source (px) a cell's anchor is put: anywhere such that what is seen around it is inside."""
        return self.reach + _CHANCE[axis].to(cell.device)[cell] * (self.side - 2 * self.reach)
