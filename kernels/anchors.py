"""Where the output of a unit-scale layout is tied to the source, and what is laid out from there (unit_scale.py)."""

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from ingan_fast.unit_scale_constants import (
    BEND,
    BENDS,
    BEYOND,
    BLOCK,
    CELLS,
    CUTS,
    FADE,
    HALFWAY,
    KNOTS,
    LAST_JUMPS,
    LEAST_ROOM,
    MOST,
    NEAR,
    NEAR_LEAST,
    NEAR_MOST,
    ROUND_DOWN,
    SEEN,
    TRIED,
    TRIED_FROM,
    TRIED_TO,
)


class Choice(NamedTuple):
    """One axis and parity, each [N, Ho, Wo]."""

    place: Tensor  # px in the source
    anchor: Tensor  # px in the source
    number: Tensor  # of the anchor
    outside: Tensor  # how disliked the place is for being near the source's border or beyond it


class Anchors:
    """Where along one axis of the source (px) the output is tied to it, for each of N homographies.

    Args:
        lengths: [N, KNOTS - 1], px in the output of each piece of the source's middle line.
        side, length: px of the source along the axis and along the other one.
        jump: px between one anchor's part and the next one's.
        scattered: [N, 1] bool, whether the anchors lie evenly over the output instead,
        spacing: px apart.
    """

    def __init__(self, lengths: Tensor, side: int, length: int, jump: int, scattered: Tensor, spacing: float):
        piece = side / (KNOTS - 1)
        # How much more or less room there is than at scale one, up to each knot; a little everywhere, for identities.
        extra = (lengths - piece).abs() + LEAST_ROOM * piece
        room = torch.cumsum(torch.where(scattered, lengths, extra), dim=1)
        room = torch.cat([torch.zeros_like(room[:, :1]), room], dim=1)
        total = room[:, -1:]
        each = torch.where(scattered, spacing, float(jump))  # [N, 1]
        self.last = (total / each + ROUND_DOWN).floor().clamp(1, MOST - 1)  # [N, 1]
        full = torch.where(scattered, torch.zeros_like(total), (self.last - 1) * each)  # the last jump is what remains
        remaining = torch.where(scattered, self.last, 1.0)
        self.number = torch.where(
            room < full, room / each, self.last - remaining + (room - full) / (total - full) * remaining
        )
        self.side, self.length, self.piece, self.jump = side, length, piece, jump
        self.ordered = (~scattered)[..., None]  # [N, 1, 1]
        apart = lengths.sum(dim=1, keepdim=True) / self.last  # px in the output from an anchor to the next
        # How far around an anchor its part is likely to be seen, at most to half of the source.
        self.reach = (SEEN * apart).clamp_max(side / 2)[..., None]  # [N, 1, 1]
        self.near = max(jump / NEAR, NEAR_LEAST)  # px from the source's border
        # How far along the output each knot lies, px.
        self.output = torch.cat([torch.zeros_like(room[:, :1]), torch.cumsum(lengths, dim=1)], dim=1)
        numbers = torch.arange(MOST, device=room.device, dtype=room.dtype).expand(len(room), MOST)
        self.places = self.place_of(numbers)  # [N, MOST], px in the source
        self.cuts = torch.full_like(self.places, 0.5)[..., None]  # between each anchor and the next, by blocks across

    def place_of(self, number: Tensor) -> Tensor:
        """Source positions (px) of anchors, and of parts of the way between them: [N, M] each."""
        return _knot_of(number, self.number) * self.piece

    def at(self, values: Tensor, place: Tensor) -> Tensor:
        """Values [N, KNOTS] along the axis at source positions [N, M] (px)."""
        position = place / self.piece
        knot = position.floor().clamp(0, KNOTS - 2)
        index = knot.long()
        return torch.lerp(values.gather(1, index), values.gather(1, index + 1), (position - knot).clamp(0, 1))

    def find_cuts(self, lines: Tensor) -> None:
        """Cut where it shows least: where two anchors' parts show the most similar pixels (image quilting's minimum
        error boundary cut, Efros & Freeman, SIGGRAPH 2001).

        Without it a cut would begin halfway, and what a network moves from there gets caught where it is a little
        better than beside it. While T changes slowly, cuts stay where they are in the source, or videos would flicker:
        what is compared doesn't depend on T, only between which of the anchors' places it is.

        Args:
            lines: [N, side, C, M], the source's lines across the axis, in [-1, 1].
        """
        cuts = CUTS if lines.is_cuda else min(CUTS, int(self.last.max()))  # asking a GPU would wait for it
        shown, part, jump = self._places_for_cuts(cuts)
        blocks = max(lines.shape[-1] // BLOCK, 1)
        dislike = self.nearing(shown) + self.nearing(self.side - shown)
        dislike = dislike + HALFWAY * (2 * part - 1).square() + BEYOND * ((part < TRIED_FROM) | (part > TRIED_TO))
        cost = dislike[..., None].repeat(1, 1, 1, blocks)
        here = _lines_at(lines, shown)
        for jumps in LAST_JUMPS:
            there = shown - torch.where(self._is_last(cuts), jumps * jump, jump)[..., None]
            differences = (here - _lines_at(lines, there)).abs().mean(dim=-2)
            seen = F.adaptive_avg_pool1d(differences.flatten(0, 2), blocks).view(*differences.shape[:3], blocks)
            seen += (self.nearing(there) + self.nearing(self.side - there))[..., None]
            # One layout fades into the next: what lies beside a cut shows, too.
            seen = F.avg_pool2d(seen, (FADE, 1), stride=1, padding=(FADE // 2, 0), count_include_pad=False)
            cost += seen / len(LAST_JUMPS)
        best = part.gather(2, _cheapest_path(cost)).clamp(TRIED_FROM, TRIED_TO)
        self.cuts = self.cuts.repeat(1, 1, blocks)
        self.cuts[:, :cuts] = torch.where(self.ordered, best, 0.5)

    def _is_last(self, cuts: int) -> Tensor:
        """Whether each of the first `cuts` cuts is the last one: [N, K]."""
        return torch.arange(cuts, device=self.last.device) == self.last - 1

    def _places_for_cuts(self, cuts: int) -> tuple[Tensor, Tensor, Tensor]:
        """Where the first `cuts` cuts are tried: what the part before them shows there (px in the source) and parts of
        the way to the next anchor, [N, K, TRIED] each, and how far the source position jumps back, px, [N, K].

        Places are multiples of a power of two, so that of two T that differ little both have the same ones.
        """
        before, after = self.places[:, :cuts], self.places[:, 1 : cuts + 1]
        begin, end = self.at(self.output, before), self.at(self.output, after)
        apart = ((end - begin) / (TRIED - 2)).clamp_min(1).log2().ceil().exp2()[..., None]
        tried, numbers = (torch.arange(count, device=before.device) for count in (TRIED, cuts))
        shown = ((before[..., None] / apart).ceil() + tried) * apart
        output = begin[..., None] + shown - before[..., None]
        knot = _knot_of(output.flatten(1), self.output)
        part = self.at(self.number, knot * self.piece).view_as(shown) - numbers[:, None]
        return shown, part, self.jump * ((before - begin) - (after - end)).sign()

    def numbers(self, place: Tensor) -> Tensor:
        """How many anchors lie before source positions [N, Ho, Wo] (px)."""
        return self.at(self.number, place.flatten(1)).view_as(place)

    def nearest(self, number: Tensor, parity: int) -> tuple[Tensor, Tensor]:
        """The nearest anchor of a parity to each of `numbers` [N, Ho, Wo]: its place (px in the source) and number."""
        highest = (self.last - torch.remainder(self.last - parity, 2))[..., None]
        chosen = (((number - parity) / 2).round() * 2 + parity).clamp_min(parity).minimum(highest)
        return self.places.gather(1, chosen.flatten(1).long()).view_as(number), chosen

    def away(self, number: Tensor, across: Tensor) -> Tensor:
        """`numbers` [N, Ho, Wo] such that halves are at the cuts, for pixels that lie at `across` (px in the source)
        along the other axis."""
        blocks = self.cuts.shape[-1]
        before = number.floor()
        block = (across * (blocks / self.length) - 0.5).clamp(0, blocks - 1)
        first = block.floor()
        index, cuts = (before * blocks + first).long().flatten(1), self.cuts.flatten(1)
        after = (index + 1).clamp_max(cuts.shape[1] - 1)
        here, there = (cuts.gather(1, place).view_as(number) for place in (index, after))
        cut = torch.lerp(here, there, block - first)
        part = number - before
        return before + torch.where(part < cut, 0.5 * part / cut, 1 - 0.5 * (1 - part) / (1 - cut))

    def choice(self, anchor: Tensor, number: Tensor, distance: Tensor) -> Choice:
        """What lies at scale one from an anchor that is `distance` px behind in the output."""
        at_scale_one = anchor + distance
        # What lies outside the source would be mirrored. The border's own anchor begins there and is right there.
        left = self.nearing(at_scale_one) * ((anchor > 0) & self.ordered)
        right = self.nearing(self.side - at_scale_one) * ((anchor < self.side) & self.ordered)
        return Choice(at_scale_one, anchor, number, left + right)

    def nearing(self, inside: Tensor) -> Tensor:
        """How disliked is what lies so far (px) inside the source's border; gradually, or cuts would run along it."""
        return (1 - inside / self.near).clamp(0, NEAR_MOST)

    def anywhere(self, cell: Tensor, axis: int) -> Tensor:
        """Where in the source (px) a cell's anchor is put: anywhere such that what is seen around it is inside."""
        return self.reach + _chances(cell.device)[axis][cell] * (self.side - 2 * self.reach)


def _knot_of(wanted: Tensor, values: Tensor) -> Tensor:
    """Where among a line's knots increasing `values` [N, KNOTS] are the `wanted` ones [N, M]: from 0 to KNOTS - 1."""
    upper = torch.searchsorted(values, wanted.contiguous()).clamp(1, KNOTS - 1)
    low, high = values.gather(1, upper - 1), values.gather(1, upper)
    return upper - 1 + ((wanted - low) / (high - low)).clamp(0, 1)


@cache
def _chances(device: torch.device) -> Tensor:
    """For scattered cells, [2, CELLS²]. Kept on each device: a GPU that records its work can't fetch them."""
    return torch.rand(2, CELLS * CELLS, generator=torch.Generator().manual_seed(0)).to(device)


def _cheapest_path(cost: Tensor) -> Tensor:
    """The index along T, for each of B blocks, of the cheapest path through costs [N, K, T, B]: [N, K, B]."""
    bends = torch.arange(-BENDS, BENDS + 1, device=cost.device)
    price = BEND * bends.abs()
    reached, bent = cost[..., 0], []
    for block in range(1, cost.shape[-1]):
        ways = F.pad(reached, (BENDS, BENDS), value=torch.inf).unfold(-1, len(bends), 1) + price
        best, way = ways.min(dim=-1)
        bent.append(way - BENDS)
        reached = best + cost[..., block]
    path = [reached.argmin(dim=-1, keepdim=True)]
    for step in reversed(bent):
        path.append(path[-1] + step.gather(-1, path[-1]))
    return torch.cat(path[::-1], dim=-1)


def _lines_at(lines: Tensor, place: Tensor) -> Tensor:
    """Lines [N, side, C, M] at positions [N, ...] (px, edge to edge) along the side: [N, ..., C, M]."""
    side, *line = lines.shape[1:]
    lines = lines.flatten(2)
    position = (place.flatten(1) - 0.5).clamp(0, side - 1)
    low = position.floor()
    rows = [
        lines.gather(1, index.long()[..., None].expand(-1, -1, lines.shape[-1]))
        for index in (low, (low + 1).clamp_max(side - 1))
    ]
    return torch.lerp(rows[0], rows[1], (position - low)[..., None]).view(*place.shape, *line)
