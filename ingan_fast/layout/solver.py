"""One axis of a layout: from a small picture's tables and a width to seams.

What counts is what the seams show, how far things are from where a plain resize would have them, and how much the
distribution of colours changes. The best few sets of jumps by all that (`jump_sets.py`) are bent, and the one is taken
that is best as it is seen.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ingan_fast.layout.axis import Axis
from ingan_fast.layout.jump_sets import JumpSet, best_sets
from ingan_fast.layout.seam_costs import Floats
from ingan_fast.layout.seams import Seams, bend, straight

BENT = (3, 3, 3, *[1] * 5)  # number of sets whose seams are bent in the first round, the second round, and so on
BENT_REMOVING = 6  # the first number where something must go: costs of jumps do not tell that seams can't go around it
BENT_STEP = 0.2  # step size of an update of the pixel prices while seams are bent


def cheapest_seams(
    axis: Axis, count: int, closed: bool = False, any_change: bool = False, one_way: bool = False
) -> Seams:
    """The seams that cost least in an output `count` columns wide.

    Args:
        axis: what is laid out.
        count: columns of the output.
        closed: seams end in the column in which they begin.
        any_change: at least one seam, also where the width stays.
        one_way: jumps that only repeat, or only leave out, each further on in the picture than the one before.
    """
    first = BENT[0] if axis.removed is None else BENT_REMOVING
    found = best_sets(axis, count, axis.costs_of_jumps(count, one_way), first, any_change, one_way)
    return bent(axis, found, count, closed, one_way, (first, *BENT[1:]))


class _Trial:
    """A set of jumps that is bent again and again, each time with prices of pixels that follow from the last time.

    Attributes:
        seams: as they are now.
        repeated: what bending does not change: lengths and distances that recur, and in videos positions.
        pressures: what each feature's deviation costs.
        best: the seams that were best.
        best_cost: of them, by all that is seen.
    """

    def __init__(self, seams: Seams, repeated: float, features: Floats):
        self.seams, self.repeated = seams, repeated
        self.best, self.best_cost = seams, np.inf
        self.pressures = np.zeros_like(features)

    def goes_on(self, seams: Seams, cost: float, step: Floats, most: float) -> None:
        self.seams = seams
        if cost < self.best_cost:
            self.best, self.best_cost = seams, cost
        self.pressures = np.clip(self.pressures + step, -most, most)


def bent(
    axis: Axis,
    found: Sequence[JumpSet],
    count: int,
    closed: bool = False,
    in_order: bool = False,
    rounds: Sequence[int] = BENT,
    besides: NDArray[np.float64] | None = None,
) -> Seams:
    """The best that bending makes of any of some sets of jumps, by what it costs as it is seen.

    Bent seams show other pixels than straight ones. So pixels get prices, as columns do before.

    Args:
        axis: what is laid out.
        found: the sets.
        count: columns of the output.
        closed: see `cheapest_seams`.
        in_order: each seam stays behind the place of the one before, also where that one goes back.
        rounds: how many of the sets are bent in each round.
        besides: [h, w + 1], what else it costs to show all pixels of a row before each column, by which seams find
            other ways; the choice among rounds does not see it.
    """
    balance = axis.balance(count)
    frequencies, weight = balance.frequencies, balance.weight
    trials = [_Trial(straight(jumps, axis.costs.height), repeated, frequencies.source) for jumps, repeated in found]
    start = axis.shown_before(np.zeros_like(frequencies.source), count, besides)
    for turn, number in enumerate(rounds):
        trials = sorted(trials, key=lambda trial: trial.best_cost)[:number]
        before = [axis.shown_before(trial.pressures, count, besides) if turn else start for trial in trials]
        seams = bend(axis.costs, [trial.seams for trial in trials], before, closed, in_order)
        for trial, each in zip(trials, seams, strict=True):
            deviations = frequencies.deviations_of_pieces(each)
            cost = trial.repeated + axis.seen_cost(each, in_order) + weight * float(np.abs(deviations).sum())
            trial.goes_on(each, cost, weight * BENT_STEP * deviations / frequencies.scale, weight)
    return min(trials, key=lambda trial: trial.best_cost).best
