"""Where the output of a unit-scale layout is tied to the source, and where it is cut: kernels/anchors.py in numpy.

What a transformation needs once (some hundred values an axis, and the search for cuts) follows that file operation by
operation, in the same precision, so that the same cuts are found. What every pixel needs is looked up here: source
positions come and go in [-1, 1] over the side, numbers of anchors as halves, since even and odd ones take turns.
"""

from dataclasses import replace
from functools import cache
from typing import NamedTuple

import numpy as np

from ingan_fast.runtime.arrangement import Cuts
from ingan_fast.runtime.cuts import Floats, Indices, Lines, cheapest_cuts
from ingan_fast.unit_scale_constants import (
    BEYOND,
    CELLS,
    CUTS,
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
    SHARPNESS,
    TRIED,
    TRIED_FROM,
    TRIED_TO,
)


class Around(NamedTuple):
    """What is around pixels."""

    from_even: Floats  # [Ho, Wo], how far it is to the nearest even anchor: the next odd one is 0.5 away from it
    before: Floats  # [Ho, Wo], number of the anchor that lies before
    nearest: Indices  # [2, Ho, Wo], which even and which odd anchor is nearest, as an index into `Anchors.tied`


class Anchors:
    """Where along one axis of the source the output is tied to it, for one homography.

    Args:
        lengths: [KNOTS - 1], px in the output of each piece of the source's middle line.
        side, length: px of the source along the axis and along the other one.
        jump: px between one anchor's part and the next one's.
        scattered: whether the anchors lie evenly over the output instead,
        spacing: px apart.
        last: number of the last anchor; None: by how much room there is.
    """

    def __init__(
        self,
        lengths: Floats,
        side: int,
        length: int,
        jump: int,
        scattered: bool,
        spacing: float,
        last: int | None = None,
    ):
        self.side, self.length, self.scattered = side, length, scattered
        self.piece, self.jump = side / (KNOTS - 1), jump
        extra = lengths if scattered else np.abs(lengths - self.piece) + LEAST_ROOM * self.piece
        room = _running_sum(extra)
        total = room[-1]
        each = np.float32(spacing if scattered else jump)
        self.last = int(np.clip(np.floor(total / each + ROUND_DOWN), 1, MOST - 1)) if last is None else last
        if last is not None:  # there may be less room than for that many: no jump is so short that the last one is lost
            each = np.minimum(each, total / np.float32(last - 1 + ROUND_DOWN))
        most = np.float32(self.last)
        full = np.float32(0 if scattered else (most - 1) * each)
        remaining = most if scattered else np.float32(1)
        self.number = np.where(
            room < full, room / each, most - remaining + (room - full) / (total - full) * remaining
        ).astype(np.float32)
        self.near = max(jump / NEAR, NEAR_LEAST)  # px from the source's border
        self.reach = min(SEEN * float(lengths.sum()) / self.last, side / 2)  # px around an anchor that are likely seen
        self.output = _running_sum(lengths)  # px along the output to each knot
        self.places = self._place_of(np.arange(self.last + 1, dtype=np.float32))  # px in the source
        self.cuts = Cuts(self.last, float(total), None)
        self._cuts: tuple[Floats, Floats] | None = None  # how far from the even anchor, [anchors, blocks]
        self._halves = _bases_and_rises(self.number / np.float32(2))
        parity = np.array([[0], [1]])
        numbers = np.minimum(2 * np.arange(self.last // 2 + 2) + parity, self.last - (self.last - parity) % 2)
        self.numbers = numbers.ravel()  # of anchors, the even ones and then the odd ones
        # Their places in [-1, 1]; made in float64, so that the borders are -1 and 1.
        self.tied = (self.places.astype(np.float64) * (2 / side) - 1).astype(np.float32)[self.numbers]

    def _place_of(self, number: Floats) -> Floats:
        """Source positions (px) of anchors, and of parts of the way between them."""
        return _knot_of(number, self.number) * np.float32(self.piece)

    def _output_at(self, place: Floats) -> Floats:
        """How far along the output source positions (px) lie, px."""
        return _at_knots(self.output, place / np.float32(self.piece))

    def find_cuts(self, lines: Lines) -> None:
        """Cut where two anchors' parts show the most similar pixels of `lines`."""
        shown, part, jump = self._places_for_cuts(min(CUTS, self.last))
        outside = (part < np.float32(TRIED_FROM)) | (part > np.float32(TRIED_TO))
        disliked = self._near_a_border(shown) + HALFWAY * (2 * part - 1) ** 2 + BEYOND * outside
        jumped = []
        for jumps in LAST_JUMPS:
            each = jump.copy()
            each[self.last - 1 :] *= np.float32(jumps)
            jumped.append(shown - each[:, None])
        near = [self._near_a_border(place) for place in jumped]
        cheapest = cheapest_cuts(lines, shown, jumped, disliked.astype(np.float32), near)
        self.cut_at(np.take_along_axis(shown, cheapest, axis=1))

    def cut_at(self, shown: Floats) -> None:
        """Cut where the part before each cut shows these places, [K, blocks] (px in the source)."""
        self.cuts = replace(self.cuts, shown=shown)
        parts = np.full((self.last + 1, shown.shape[1]), 0.5, np.float32)  # of the way to the next anchor
        parts[: len(shown)] = np.clip(self._parts(shown), TRIED_FROM, TRIED_TO)
        from_even = parts / np.float32(2)
        from_even[1::2] = 0.5 - from_even[1::2]
        self._cuts = _bases_and_rises(from_even)

    def _places_for_cuts(self, cuts: int) -> tuple[Floats, Floats, Floats]:
        """Where the first `cuts` cuts are tried: what the part before them shows there (px in the source) and parts of
        the way to the next anchor, [K, TRIED] each, and how far the source position jumps back, px, [K]."""
        before, after = self.places[:cuts], self.places[1 : cuts + 1]
        begin, end = self._output_at(before), self._output_at(after)
        apart = np.exp2(np.ceil(np.log2(np.maximum((end - begin) / np.float32(TRIED - 2), 1))))[:, None]
        shown = (np.ceil(before[:, None] / apart) + np.arange(TRIED, dtype=np.float32)) * apart
        return shown, self._parts(shown), np.float32(self.jump) * np.sign((before - begin) - (after - end))

    def _parts(self, shown: Floats) -> Floats:
        """How much of the way to the next anchor lies before places [K, M] (px) that the part before each cut shows."""
        before = self.places[: len(shown)]
        output = self._output_at(before)[:, None] + shown - before[:, None]
        place = _knot_of(output, self.output) * np.float32(self.piece)
        part: Floats = _at_knots(self.number, place / np.float32(self.piece))
        return part - np.arange(len(shown), dtype=np.float32)[:, None]

    def _near_a_border(self, place: Floats) -> Floats:
        return self._nearing(place) + self._nearing(self.side - place)

    def _nearing(self, inside: Floats) -> Floats:
        return np.clip(1 - inside / np.float32(self.near), 0, NEAR_MOST)

    def around(self, position: Floats) -> Around:
        """What is around source positions [Ho, Wo], in knots (0 to KNOTS - 1, and beyond)."""
        half = np.clip(position, 0, KNOTS - 1)
        knot = half.astype(np.intp)
        bases, rises = self._halves
        half *= rises.take(knot, mode="clip")  # nothing to clip: it takes less time than to raise
        half += bases.take(knot, mode="clip")
        return self._around(half)

    def around_lines(self, position: Floats) -> Around:
        """The same for whole columns or rows of pixels, rounded as kernels/anchors.py does.

        In evenly spaced outputs, pixels halfway between anchors are no accident: the last bit decides.
        """
        return self._around(_at_knots(self.number, position) / np.float32(2))

    def _around(self, half: Floats) -> Around:
        halves = np.empty((2, *half.shape), np.float32)
        even, odd = np.rint(half, out=halves[0]), np.rint(half - 0.5, out=halves[1])
        half -= even
        before = even + odd
        odd += len(self.numbers) // 2
        return Around(np.abs(half, out=half), before, halves.astype(np.intp))

    def border_preference(self, place: Floats, anchor: Floats) -> Floats:
        """Logits, 0 or less, of places that were laid out from anchors: by how near to the source's border they are.

        What lies outside would be mirrored. The border's own anchor begins there and is right there.
        """
        if self.scattered:
            return np.zeros((1, 1, 1), np.float32)
        slope = SHARPNESS * self.side / (2 * self.near)
        start, most = slope - SHARPNESS, -NEAR_MOST * SHARPNESS
        right = slope * place
        left = right + start
        np.clip(left, most, 0, out=left)
        left *= anchor > -1
        np.subtract(start, right, out=right)
        np.clip(right, most, 0, out=right)
        right *= anchor < 1
        left += right
        return left

    def towards_odd(self, from_even: Floats, cut: Floats | None) -> Floats:
        """How much more an odd anchor is preferred than at a cut, in logits: half of SHARPNESS on it, minus that on the
        even one.

        Args:
            from_even: [Ho, Wo], see `Around`.
            cut: [2, Ho, Wo], how far from there the cuts of two layouts are; it is overwritten. None: halfway.

        Returns:
            [2, Ho, Wo], or [1, Ho, Wo] for both.
        """
        half = SHARPNESS / 2
        from_even = half * from_even
        if cut is None:
            return (4 * from_even - half)[None]
        way = from_even / cut
        np.minimum(way, half, out=way)
        np.subtract(0.5, cut, out=cut)
        rest = np.divide(half / 2 - from_even, cut, out=cut)
        way -= np.minimum(rest, half, out=rest)
        return way

    def cuts_at(self, before: Floats, across: Floats) -> Floats | None:
        """How far from the even one of two anchors the cut between them is.

        Args:
            before: [Ho, Wo], numbers of the anchors.
            across: [2, Ho, Wo], where pixels are along the other axis in two layouts, in [-1, 1].

        Returns:
            [2, Ho, Wo], see `Around`; None: halfway, 0.25.
        """
        if self._cuts is None:
            return None
        bases, rises = self._cuts
        block = _block(across, bases.shape[1])
        index = (before * bases.shape[1] + block).astype(np.intp)
        cut = rises.take(index, mode="clip")
        cut *= block
        cut += bases.take(index, mode="clip")
        return cut

    def all_cuts_at(self, across: Floats) -> Floats | None:
        """The same behind all anchors: [2, M] → [2, anchors, M]."""
        if self._cuts is None:
            return None
        block = _block(across, self._cuts[0].shape[1])
        index = block.astype(np.intp)
        bases, rises = (table.take(index, axis=1).swapaxes(0, 1) for table in self._cuts)
        return rises * block[:, None] + bases

    def anywhere(self, cell: Indices, axis: int) -> Floats:
        """Where in the source, [-1, 1], a cell's anchor is put: anywhere such that what is seen around it is inside."""
        place = self.reach + _chances()[axis] * (self.side - 2 * self.reach)
        return (place * (2 / self.side) - 1).astype(np.float32).take(cell)


def _block(across: Floats, blocks: int) -> Floats:
    """Positions in [-1, 1] as numbers of blocks, whole ones in their middles."""
    block = across * (blocks / 2)
    block += (blocks - 1) / 2
    return np.clip(block, 0, blocks - 1, out=block)


def _knot_of(wanted: Floats, values: Floats) -> Floats:
    """Where among a line's knots increasing `values` [KNOTS] are the `wanted` ones: from 0 to KNOTS - 1."""
    upper = np.clip(np.searchsorted(values, wanted), 1, KNOTS - 1)
    low, high = values[upper - 1], values[upper]
    return (upper - 1).astype(np.float32) + np.clip((wanted - low) / (high - low), 0, 1)


def _at_knots(values: Floats, position: Floats) -> Floats:
    """Values [KNOTS] at positions between knots; from the nearer one, and rounded once, as torch's lerp does."""
    knot = np.clip(np.floor(position), 0, KNOTS - 2)
    index = knot.astype(np.intp)
    low, high, part = values[index], values[index + 1], np.clip(position - knot, 0, 1)
    nearer = part < 0.5
    way = np.where(nearer, part, part - 1).astype(np.float64)
    return (np.where(nearer, low, high) + way * (high - low)).astype(np.float32)


def _bases_and_rises(values: Floats) -> tuple[Floats, Floats]:
    """Of lines from each of values [..., M] to the next: what is at a position is `base + rise · position`."""
    rises: Floats = np.diff(values, append=values[..., -1:])
    return np.asarray(values - rises * np.arange(values.shape[-1]), np.float32), rises


def _running_sum(values: Floats) -> Floats:
    """From 0 on; summed in float64, as torch does."""
    return np.concatenate([[0], np.cumsum(values, dtype=np.float64)]).astype(np.float32)


@cache
def _chances() -> Floats:
    """Of scattered cells, [2, CELLS²], in [0, 1): what `torch.rand` gives after `manual_seed(0)`.

    Both come from a Mersenne Twister that is seeded in the same way; torch takes 24 of its 32 bits.
    """
    bits = np.random.RandomState(0).randint(0, 1 << 32, size=(2, CELLS * CELLS), dtype=np.uint32)
    return (bits & 0xFFFFFF).astype(np.float32) * np.float32(2**-24)
