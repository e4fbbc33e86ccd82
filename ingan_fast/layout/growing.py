"""A side of a picture from one size to another: jumps that grow little by little, so that nothing hops.

The jumps of the last size are found as ever, but all in one direction: they repeat where the picture grows, and leave
out where it shrinks. They are divided into zones along the side. Each zone grows as it does in a plain resize, so that
nothing moves much faster than there. Within a zone one jump grows after another, the next one a little before the last
has its length, so that no piece sets off or stops at once. So at each size some jumps are there in full, one or two in
each zone in part, and the rest not yet. What a size shows depends on the size alone.

A repeat opens at its end that is farther from the picture's middle. Before the middle that is where the picture goes
on; the seam then moves from there to its place, and most of the picture is in the pieces that move least.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingan_fast.layout.seams import Seams, opening_outward

# Within a zone, jumps grow one after another. A single zone moves as fast as the borders; more zones leave more seams
# unfinished at a time.
ZONES = 3
HANDOVER = 0.025  # fraction of the first size; lengths are averaged over sizes within this distance

BARELY = 1e-6  # px; means over less are lost in rounding

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Growth:
    """Where a picture is cut, and from which size on each jump grows.

    Attributes:
        seams: at the last size.
        begins: [n], how many px the side has changed by when the jump begins to grow.
        rates: [n], by how many px the jump then grows for each px that the side changes by.
        handover: px of the side before and after a size, over which lengths are averaged.
        outward: [n], which jumps open where they go on, and not at their place.
    """

    seams: Seams
    begins: Doubles
    rates: Doubles
    handover: float
    outward: NDArray[np.bool_]

    def places(self, lengths: Doubles) -> Doubles:
        """Where the picture is cut [n, h], for lengths [n] on the way."""
        missing = np.where(self.outward, self.seams.lengths - lengths, 0.0)
        return np.asarray(self.seams.places + missing[:, None])

    def at(self, change: float) -> Doubles:
        """The jumps' lengths [n] where the side is `change` px away from its first size.

        They are means over the sizes around, so that pieces come to move, and to rest, little by little.
        """
        near = min(self.handover, change, self.reach - change)
        if near < BARELY:
            sizes = np.clip(self.rates * (change - self.begins), 0, np.abs(self.seams.lengths))
        else:
            sizes = (self._sums(change + near) - self._sums(change - near)) / (2 * near)
        return np.asarray(np.sign(self.seams.lengths) * sizes)

    def _sums(self, change: float) -> Doubles:
        """Each jump's length, added up over all changes to this one."""
        sizes = np.abs(self.seams.lengths)
        since = change - self.begins
        growing = np.clip(since, 0, sizes / self.rates)
        return self.rates * np.square(growing) / 2 + sizes * np.maximum(since - sizes / self.rates, 0)

    @property
    def reach(self) -> int:
        """How many px the side changes by, at most."""
        return int(np.abs(self.seams.lengths).sum())


def growth(seams: Seams, width: int) -> Growth:
    """Jumps of one direction, put in an order in which things stay near their places.

    Args:
        seams: of the last size; their lengths have one sign.
        width: px of the picture they are for.
    """
    sizes = np.abs(seams.lengths).astype(np.float64)
    places = seams.places.mean(axis=1) / width
    begins, rates = np.zeros(len(sizes)), np.ones(len(sizes))
    zones = _zones(sizes)
    for zone in np.unique(zones):
        jumps = np.flatnonzero(zones == zone)
        if not sizes[jumps].any():
            continue  # refining has left them without a length
        rate = sizes[jumps].sum() / sizes.sum()
        jumps = jumps[_order(places[jumps], sizes[jumps])]
        begins[jumps] = (np.cumsum(sizes[jumps]) - sizes[jumps]) / rate
        rates[jumps] = rate
    return Growth(seams, begins, rates, HANDOVER * width, opening_outward(seams, width))


def _zones(sizes: Doubles) -> NDArray[np.intp]:
    """The zone [n] of each jump: consecutive ones whose lengths add up to about the same in each zone."""
    middles = (np.cumsum(sizes) - sizes / 2) / max(sizes.sum(), 1)
    return np.asarray(np.minimum(middles * ZONES, ZONES - 1).astype(np.intp))


def _order(places: Doubles, sizes: Doubles) -> list[int]:
    """The jumps in an order in which those that are there are always spread over the picture."""
    wanted = np.cumsum(sizes) / max(sizes.sum(), 1)
    there = np.zeros(len(sizes), bool)
    weights = np.diff(places, append=1.0) + 0.01
    result: list[int] = []
    for _ in range(len(sizes)):
        errors = np.full(len(sizes), np.inf)
        for jump in np.flatnonzero(~there):
            shifts = np.cumsum(sizes * (there | (np.arange(len(sizes)) == jump)))
            errors[jump] = (weights * np.square(shifts - wanted * shifts[-1])).sum()
        result.append(int(errors.argmin()))
        there[result[-1]] = True
    return result
