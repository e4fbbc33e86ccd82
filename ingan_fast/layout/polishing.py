"""Small changes that make a set of jumps better by its whole cost, distribution of colours included.

Every jump adds its own part to what the seams show, to the distances from places and to each feature of the
distribution. So thousands of neighbouring sets are compared at once: each jump and the next one move, and one becomes
longer by what the other becomes shorter. Crops at the picture's borders stay as they are.
"""

from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray

from ingan_fast.layout import compiled
from ingan_fast.layout.ends import Ends
from ingan_fast.layout.frequency import Frequencies
from ingan_fast.layout.jumps import Jump
from ingan_fast.layout.seam_costs import Floats

MOVES = (-9, -3, -1, 0, 1, 3, 9)  # px; the shifts that are tried
SWEEPS = 12  # maximum number of passes over all jumps
# Output width / source width from which equal jump lengths are penalised, because the repetition would be visible.
SCATTERED = 1.75
ALIKE = 0.5  # penalty for each other jump of about the same length, as a fraction of the jump's own cost
AS_LONG = 0.04  # fraction of the width; lengths that differ by less count as equal


class Polisher:
    """Compares sets of jumps for one output.

    Args:
        between: as for `best_jumps`.
        place: [Wo, w], what it costs to show source column s at output column j for its place alone.
        frequencies: of the picture.
        weight: of the distance of distributions.
        run: px, the fewest columns between two jumps.
        ends: where outputs may begin and end.
        in_order: whether each jump's place has to be further on than the one's before.
    """

    def __init__(
        self,
        between: Floats,
        place: Floats,
        frequencies: Frequencies,
        weight: float,
        run: int,
        ends: Ends,
        in_order: bool = False,
    ):
        self.run, self.weight, self.in_order = run, weight, in_order
        self.count, self.width = place.shape
        self.alike = ALIKE if self.count >= SCATTERED * self.width else 0
        self.as_long = AS_LONG * self.width
        self.again = np.pad(np.where(np.isfinite(between), between, 0) * np.float32(self.alike), ((0, 1), (0, 0)))
        self.between = np.pad(between, ((0, 1), (0, 0)))  # crops lead from column 0 and to the one after the last
        self.between[:, 0], self.between[-1] = ends.begin, ends.end[:-1]
        self.along = np.zeros((self.count + 1, self.width + 1), np.float32)
        for column in range(self.count):
            self.along[column + 1, 1:] = self.along[column, :-1] + place[column]
        sums = np.cumsum(frequencies.columns.T, axis=0, dtype=np.float64)
        shown = np.concatenate([np.zeros((1, sums.shape[1])), sums])
        self.shown = np.ascontiguousarray(shown, np.float32)  # [w + 1, features]
        self.rest = self.shown[-1] - self.count * frequencies.source

    def cost(self, jumps: list[Jump]) -> float:
        """The whole cost of some jumps."""
        places, lengths = _arrays(jumps)
        before = np.cumsum(lengths) - lengths
        costs, features = self._parts(places, lengths, before)
        distance = self._distance(features.sum(axis=0))
        return float(costs.sum() + self.along[-1, -1] + distance) + self.repeated(jumps)

    def repeated(self, jumps: list[Jump]) -> float:
        """What some jumps cost once more for each other one as long."""
        places, lengths = _arrays(jumps)
        alike = (np.abs(lengths[:, None] - lengths) < self.as_long).sum(axis=1) - 1
        return float((self.again[places + lengths, places] * alike).sum())

    def polish(self, jumps: list[Jump]) -> list[Jump]:
        """The jumps, moved and changed in length while that makes them better."""
        places, lengths = _arrays(jumps)
        if compiled.available:
            places, lengths = places.astype(np.int64), lengths.astype(np.int64)
            compiled.loops.polish(
                self.between,
                self.along,
                self.shown,
                self.rest,
                self.again if self.alike else None,
                _MOVES,
                places,
                lengths,
                self.weight / self.count,
                self.as_long,
                self.run,
                self.in_order,
                SWEEPS,
            )
            return [Jump(*pair) for pair in zip(places.tolist(), lengths.tolist(), strict=True)]
        first, last = int(places[0] == 0), len(places) - int(places[-1] + lengths[-1] == self.width)  # but for crops
        seams = range(first, last - 1) or range(first, last)
        for _ in range(SWEEPS):
            improved = [self._improve(places, lengths, seam, last) for seam in seams]
            if not any(improved):
                break
        return [Jump(int(place), int(length)) for place, length in zip(places, lengths, strict=True)]

    def _improve(self, places: NDArray[np.intp], lengths: NDArray[np.intp], seam: int, last: int) -> bool:
        """Make the best small change to a jump and the one after it, both before `last`; whether there was one."""
        alone = last - seam < 2
        after = seam + (1 if alone else 2)
        pair = slice(seam, after)
        moves = _SINGLE if alone else _PAIRS  # [moves, 3]: of the first place, the second place, the lengths
        near = np.stack([places[seam] + moves[:, 0]] + ([] if alone else [places[seam + 1] + moves[:, 1]]), axis=1)
        longer = np.tile(lengths[pair], (len(moves), 1))
        if not alone:
            longer += moves[:, 2:] * (1, -1)
        before = np.cumsum(lengths)[seam] - lengths[seam] + np.cumsum(longer, axis=1) - longer
        starts, ends = near + longer, near
        low = places[seam - 1] + lengths[seam - 1] if seam else 0
        high = places[after] if after < len(places) else self.width
        allowed = (ends[:, 0] - low >= self.run) & (high - starts[:, -1] >= self.run)
        allowed &= ((starts >= 0) & (starts < self.width) & (ends >= 0) & (ends < self.width)).all(axis=1)
        if not alone:
            allowed &= ends[:, 1] - starts[:, 0] >= self.run
        if self.in_order:
            line = [places[seam - 1 : seam]] if seam else []
            line += [*near.T, *places[seam + 2 : seam + 3, None]] if not alone else [*near.T]
            for one, next_one in pairwise(line):
                allowed &= next_one - one >= self.run
        near, longer, before = near[allowed], longer[allowed], before[allowed]
        if not len(near):
            return False
        costs, features = self._parts(near, longer, before)
        others = np.ones(len(places), bool)
        others[pair] = False
        _, fixed = self._parts(places[others], lengths[others], (np.cumsum(lengths) - lengths)[others])
        total = costs.sum(axis=1) + self._distance(features.sum(axis=1) + fixed.sum(axis=0))
        if self.alike:
            total += self._repeated(near, longer, places[others], lengths[others])
        best = int(total.argmin())
        stays = (near == places[pair]).all(axis=1) & (longer == lengths[pair]).all(axis=1)
        if total[best] >= total[stays].min(initial=np.inf) - 1e-6:
            return False
        places[pair], lengths[pair] = near[best], longer[best]
        return True

    def _parts(
        self, places: NDArray[np.intp], lengths: NDArray[np.intp], before: NDArray[np.intp]
    ) -> tuple[Floats, Floats]:
        """What each jump adds to the cost, and to the features: [...] and [..., features]."""
        starts, columns = places + lengths, places - before
        away = self.along[columns, places] - self.along[columns, starts]
        return self.between[starts, places] + away, self.shown[places] - self.shown[starts]

    def _repeated(
        self, near: NDArray[np.intp], longer: NDArray[np.intp], places: NDArray[np.intp], lengths: NDArray[np.intp]
    ) -> Floats:
        """What jumps cost once more for each other one as long: [...] of [..., 1 or 2] and all others."""
        costs, fixed = self.again[near + longer, near], self.again[places + lengths, places]
        alike = np.abs(longer[..., None] - lengths) < self.as_long  # [..., 1 or 2, others]
        total = (costs * alike.sum(axis=-1)).sum(axis=-1) + (alike * fixed).sum(axis=(-2, -1))
        if longer.shape[-1] == 2:
            total += costs.sum(axis=-1) * (np.abs(longer[..., 0] - longer[..., 1]) < self.as_long)
        return np.asarray(total, np.float32)

    def _distance(self, features: Floats) -> Floats:
        return np.asarray(self.weight / self.count * np.abs(self.rest + features).sum(axis=-1))


def _arrays(jumps: list[Jump]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return np.array([j.place for j in jumps], np.intp), np.array([j.length for j in jumps], np.intp)


_MOVES = np.array(MOVES, np.int64)
_PAIRS = np.array(list(product(MOVES, MOVES, MOVES)), np.intp)
_SINGLE = np.array([(move, 0, 0) for move in MOVES], np.intp)
