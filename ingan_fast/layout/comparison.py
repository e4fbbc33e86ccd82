"""How good other layouts of one side are beside a given one: by what their seams show, and by estimated measures.

Estimates are how far an output's patches are from the picture's (coherence), and how far the distributions of both
are apart (swd; `likeness.py`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from numpy.typing import NDArray

from ingan_fast.layout.axis import Axis
from ingan_fast.layout.likeness import Likeness
from ingan_fast.layout.seams import Seams

CLOSE = 1.35  # where something is worse by more than this factor, nothing else is looked at
LESS_SURE = 1.1  # the distribution may be worse by this factor before patches across seams are looked at
LENIENT = 1.25  # seams of variations may show as many times more than the best ones before that counts
LESS_LIKE = 2.0  # coherence of something better may be as many times worse; it stays far below a plain resize's
LIKE = 0.5  # power by which coherence counts beside swd
VERBATIM = 0.905  # fraction of an output's patches that had better be copies; see `Likeness.verbatim`
LEAST_COHERENCE, LEAST_SWD = 1e-6, 1e-4  # less counts as this much


@dataclass(frozen=True)
class Drawn:
    """What outputs are drawn from.

    Attributes:
        picture: [h, w, channels], at its own resolution.
        carried: seams of the version that is solved, as seams of it.
    """

    picture: NDArray
    carried: Callable[[Seams], Seams]


class Comparison:
    """How many times worse than one layout others are.

    Args:
        axis: what is laid out.
        best: this layout's seams.
        one_way: see `solver.cheapest_seams`.
        drawn: where outputs are compared; without it, in the version that is solved.
    """

    def __init__(self, axis: Axis, best: Seams, one_way: bool = False, drawn: Drawn | None = None):
        self.axis, self.best, self.one_way, self.drawn = axis, best, one_way, drawn
        if axis.likeness is None:
            axis.likeness = Likeness(axis.picture if drawn is None else drawn.picture)
        self._likeness = axis.likeness
        bests = self._carried(best)
        self._shown = axis.seen_cost(best, one_way)
        self._swd = [max(each, LEAST_SWD) for each in self._likeness.swd_estimates(bests)]
        self._coherence = max(self._likeness.coherence(bests), LEAST_COHERENCE)
        self._searched = max(self._likeness.searched_coherence(bests), LEAST_COHERENCE)
        self.verbatim_of_best = self._likeness.verbatim(bests)

    def worse(self, seams: Seams) -> tuple[float, float]:
        """The largest ratio of any measure to this layout's, and the largest one but for coherence.

        Where one is over `CLOSE`, that one.
        """
        if seams is self.best:
            return 1.0, 1.0
        worse, others = 0.0, 0.0
        for is_coherence, ratio in self._ratios(seams):  # the quickest to compute come first
            worse, others = max(worse, ratio), others if is_coherence else max(others, ratio)
            if worse > CLOSE:
                break
        return worse, others

    def coherence(self, seams: Seams) -> float:
        """The ratio of coherence to this layout's, by patches that are searched for."""
        return max(self._likeness.searched_coherence(self._carried(seams)), LEAST_COHERENCE) / self._searched

    def better(self, seams: Seams, most_shown: float) -> float:
        """The product of the ratios of swd and coherence to this layout's, roughly; 1 where it is not better.

        Args:
            seams: another layout's.
            most_shown: how many times as much these may show.
        """
        if self.shown(seams) > most_shown:  # the quickest to compute come first
            return 1.0
        carried = self._carried(seams)
        estimates = self._likeness.swd_estimates(carried)
        if next(estimates) > LESS_SURE * self._swd[0]:
            return 1.0
        coherence = self._likeness.coherence(carried) / self._coherence
        if coherence > CLOSE * LESS_LIKE:
            return 1.0
        return _product(max(next(estimates), LEAST_SWD) / self._swd[1], coherence / CLOSE)

    def surely_better(self, seams: Seams) -> float:
        """The same by patches that are searched for; 1 also where too little is verbatim."""
        if self.verbatim(seams) < min(VERBATIM, self.verbatim_of_best):
            return 1.0
        *_, swd = self._likeness.swd_estimates(self._carried(seams))
        coherence = self.coherence(seams)
        return _product(max(swd, LEAST_SWD) / self._swd[1], coherence) if coherence <= LESS_LIKE else 1.0

    def shown(self, seams: Seams) -> float:
        """How many times as much these seams show as this layout's."""
        return self.axis.seen_cost(seams, self.one_way) / self._shown

    def verbatim(self, seams: Seams) -> float:
        """The fraction of patches that are copies."""
        return self._likeness.verbatim(self._carried(seams))

    def _carried(self, seams: Seams) -> Seams:
        return seams if self.drawn is None else self.drawn.carried(seams)

    def _ratios(self, seams: Seams) -> Iterator[tuple[bool, float]]:
        yield False, self.shown(seams) / LENIENT
        carried = self._carried(seams)
        estimates = self._likeness.swd_estimates(carried)
        yield False, next(estimates) / self._swd[0] / LESS_SURE
        yield True, self._likeness.coherence(carried) / self._coherence
        yield False, next(estimates) / self._swd[1]


def _product(swd: float, coherence: float) -> float:
    """How much better these ratios are together; 1 where swd is worse."""
    return min(1.0, float(swd * coherence**LIKE)) if swd <= 1 else 1.0
