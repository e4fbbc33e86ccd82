"""The best layout of one side, and other good ones.

The seams that cost least are not always the best by the measures. So the best layout is the one of a few candidates
that is best by estimates (`comparison.py`).

Seams find other ways where the price of a place changes a little from part to part of the picture. So there are many
candidates, from several sets of jumps and from fields of prices by chance. A variation is the candidate that is least
worse than the best layout, of those that differ visibly from the variations before: by how far its patches are from the
picture's, by how often it shows each kind of patch (`likeness.py`), and by what its seams show.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ingan_fast.layout.axis import Axis
from ingan_fast.layout.comparison import CLOSE, VERBATIM, Comparison, Drawn
from ingan_fast.layout.drawing import copy_pieces
from ingan_fast.layout.jump_sets import JumpSet, best_sets
from ingan_fast.layout.jumps import Jump
from ingan_fast.layout.polishing import SCATTERED
from ingan_fast.layout.seam_costs import Floats
from ingan_fast.layout.seams import Seams
from ingan_fast.layout.solver import BENT, bent, cheapest_seams

SETS = 8  # number of other sets of jumps that the best layout is chosen from
WEIGHTED = (2.0, 4.0)  # further ones are the best sets where the distribution counts as many times more
SETS_WEIGHTED = 6  # number of sets for each of these
SHOWN_BY_SETS = 2.0  # they may show as many times what the cheapest jumps show
WAYS = 4  # number of other ways of the cheapest jumps that the best layout is chosen from
WAYS_ALONE = 12  # the same where there are no other sets
SHOWN_BY_WAYS = 1.1  # they may show as many times more: ways by chance notch upright lines
DEARER, TRIES = 2.0, 4  # how many times dearer jumps become while too few patches are copies, and how often
SEARCHED = 4  # number of the best of all these, roughly, that are compared closely
TOGETHER = 8  # number of variations chosen from the same candidates
SEARCHES = (1.0, 2.0, 4.0, 2.0)  # weight of the distribution in each search for jumps, which avoids the earlier jumps
NEAR = 0.05  # fraction of the width; jumps closer than this in place and length count as equal
USED = 0.5  # penalty for a jump like an earlier one
VARIED = 0.6  # fraction of the jump costs that is random from the eighth variation on
GRAIN = 16  # side of the grid of random factors, of places and lengths
PROMISING = 1.5  # jumps that are up to this many times worse than the best ones are varied
FIELDS = 160  # number of random price fields, shared by these sets of jumps
STRENGTHS = (0.2, 0.5, 1.0)  # amplitudes of these fields, in mean costs per row
CELLS = ((3, 8), (5, 12))  # (min, max) number of cells of a random field along the height and the width
ROUNDS = (1, 1)  # rounds of bending a candidate, as `solver.BENT`
NOTICED = 0.04  # pixels differ visibly if their channels do by so much in the mean: ten grey levels
VISIBLE = (0.05, 0.03, 0.02)  # fractions of an output's pixels that differ visibly from each other one's, as is wanted
AS_GOOD = 1.08  # nothing may be worse by more than this factor; if nothing else is as good, smaller differences will do
COMPARED_EVERY = 3  # px


def solve(
    axis: Axis,
    count: int,
    variation: int,
    closed: bool = False,
    any_change: bool = False,
    one_way: bool = False,
    drawn: Drawn | None = None,
) -> Seams:
    """The seams of a variation, in the version that is solved.

    Args:
        axis: what is laid out.
        count: columns of the output.
        variation: its number, from 1 on; 0 is the best layout.
        closed, any_change, one_way: see `solver.cheapest_seams`.
        drawn: where candidates are compared; without it, in the version that is solved.
    """
    cheapest = cheapest_seams(axis, count, closed, any_change, one_way)
    if not len(cheapest.lengths):
        return cheapest
    best = cheapest
    if not one_way and not closed and axis.removed is None:
        comparison = _with_fewer_jumps(Comparison(axis, cheapest, drawn=drawn), count)
        axis, best = comparison.axis, _best(comparison, count)
    if variation == 0:
        return best
    block, number = divmod(variation, TOGETHER)
    comparison = Comparison(axis, best, one_way, drawn)
    candidates = [best, *_candidates(comparison, count, block, closed, any_change)]
    return _chosen(comparison, candidates, number + (block > 0))


def _with_fewer_jumps(comparison: Comparison, count: int) -> Comparison:
    """With the cheapest seams for dearer jumps where too few patches are copies, as in small pictures.

    In larger outputs, a single object that is spared would be repeated then.
    """
    axis, drawn, verbatim = comparison.axis, comparison.drawn, comparison.verbatim_of_best
    if drawn is None or (axis.spares and count > axis.costs.width):
        return comparison
    found: tuple[Axis, Seams] | None = None
    for _ in range(TRIES):
        if verbatim >= VERBATIM:
            break
        axis = axis.dearer(DEARER)
        fewer = cheapest_seams(axis, count)
        copied = comparison.verbatim(fewer) if comparison.shown(fewer) <= SHOWN_BY_SETS else 0.0
        if copied > verbatim:
            found, verbatim = (axis, fewer), copied
    return Comparison(*found, drawn=drawn) if found else comparison


def _best(comparison: Comparison, count: int) -> Seams:
    """The best of a few candidates by estimates, and by what their seams show.

    Only other ways of the cheapest jumps where others may show a period.
    """
    axis, cheapest = comparison.axis, comparison.best
    others = count < SCATTERED * axis.costs.width
    candidates = [(seams, SHOWN_BY_SETS) for seams in _other_sets(axis, count)] if others else []
    candidates += [
        (seams, SHOWN_BY_WAYS) for seams in _other_ways(axis, cheapest, count, WAYS if others else WAYS_ALONE)
    ]
    candidates = _distinct(candidates, cheapest)
    roughly = [(comparison.better(*each), turn) for turn, each in enumerate(candidates)]
    searched = [candidates[turn][0] for better, turn in sorted(roughly)[:SEARCHED] if better < 1]
    surely = [comparison.surely_better(seams) for seams in searched]
    least = min(surely, default=1.0)
    return searched[surely.index(least)] if least < 1 else cheapest


def _distinct(candidates: list[tuple[Seams, float]], known: Seams) -> list[tuple[Seams, float]]:
    """Those that neither are a known one nor came before: many sets of jumps bend to the same seams."""
    keys, distinct = {_key(known)}, []
    for seams, most_shown in candidates:
        if (key := _key(seams)) not in keys:
            keys.add(key)
            distinct.append((seams, most_shown))
    return distinct


def _other_sets(axis: Axis, count: int) -> Iterator[Seams]:
    """The next best sets of jumps, and the best ones for which the distribution counts more."""
    for weighted, most in ((axis, SETS), *((axis.weighted(times), SETS_WEIGHTED) for times in WEIGHTED)):
        for jumps in best_sets(weighted, count, axis.costs_of_jumps(count), most):
            yield bent(weighted, [jumps], count, rounds=[1] * len(BENT))


def _other_ways(axis: Axis, cheapest: Seams, count: int, number: int) -> Iterator[Seams]:
    """The cheapest jumps with seams that bend otherwise."""
    middles = cheapest.places.mean(axis=1).round().astype(int)
    jumps = [Jump(*each) for each in zip(middles.tolist(), cheapest.lengths.tolist(), strict=True)]
    for prices in _fields(axis, np.random.default_rng(0), number):
        yield bent(axis, [(jumps, 0.0)], count, rounds=ROUNDS, besides=prices)


def _chosen(comparison: Comparison, candidates: Sequence[Seams], number: int) -> Seams:
    """The candidate that is chosen as the given one after the first.

    Estimates choose; what they choose is then looked at closely, until nothing else is better.
    Each is the best of those that differ visibly from all before. If none of these is as good as the first one, smaller
    differences will do. If nothing differs visibly, it is the one that differs most.

    Args:
        comparison: with the best layout.
        candidates: the first one is the best layout.
        number: how many are chosen.
    """
    picture = comparison.axis.picture
    worse, others = np.array([comparison.worse(candidate) for candidate in candidates]).T
    drawn = np.stack([_looked_at(picture, candidate) for candidate in candidates])
    nearest, sure = np.full(len(candidates), np.inf), np.arange(len(candidates)) == 0
    chosen = 0
    for _ in range(number):
        nearest = np.minimum(nearest, _differing(drawn, drawn[chosen]))
        chosen = _next(nearest, worse)
        while worse[chosen] <= CLOSE and not sure[chosen]:
            sure[chosen] = True
            worse[chosen] = max(others[chosen], comparison.coherence(candidates[chosen]))
            chosen = _next(nearest, worse)
    return candidates[chosen]


def _next(nearest: NDArray[np.float64], worse: NDArray[np.float64]) -> int:
    """Which candidate is chosen, by what fraction of it differs from the most similar one before, and how bad it is."""
    best = [np.where(nearest >= visible, worse, np.inf) for visible in VISIBLE]
    as_good = [each for each in best if each.min() <= AS_GOOD]
    differs = np.isfinite(best[-1].min())
    return int((as_good[0] if as_good else best[-1] if differs else -nearest).argmin())


def _candidates(comparison: Comparison, count: int, block: int, closed: bool, any_change: bool) -> Iterator[Seams]:
    """Other seams by the same costs, or for other blocks of variations by costs that differ by chance."""
    axis, rng = comparison.axis, np.random.default_rng(block)
    between = axis.costs_of_jumps(count, comparison.one_way)
    if block:
        between = between * _smooth(rng.uniform(1 - VARIED, 1 + VARIED, (GRAIN, GRAIN)), between.shape)
    known: dict[bytes, tuple[float, Axis, JumpSet]] = {}  # sets that bend to the same seams are one
    for times in SEARCHES:
        weighted = axis.weighted(times)
        found = best_sets(weighted, count, between, BENT[0], any_change, comparison.one_way)
        for jumps in found:
            seams = bent(weighted, [jumps], count, closed, comparison.one_way, ROUNDS)
            key = _key(seams)
            if key not in known:
                known[key] = comparison.worse(seams)[0], weighted, jumps
                yield seams
        between = _elsewhere(between, found[0][0], axis.costs.width)
    most = PROMISING * max(1.0, min(worse for worse, *_ in known.values()))
    promising = [(weighted, jumps) for worse, weighted, jumps in known.values() if worse <= most]
    for turn, prices in enumerate(_fields(axis, rng, FIELDS)):
        weighted, jumps = promising[turn % len(promising)]
        yield bent(weighted, [jumps], count, closed, comparison.one_way, ROUNDS, prices)


def _key(seams: Seams) -> bytes:
    return seams.lengths.tobytes() + seams.places.tobytes()


def _fields(axis: Axis, rng: np.random.Generator, number: int) -> Iterator[NDArray[np.float64]]:
    """Smooth prices by chance of showing pixels, as for `solver.bent`."""
    for turn in range(number):
        parts = [int(rng.integers(low, high + 1)) for low, high in zip(*CELLS, strict=True)]
        strength = axis.costs.typical * STRENGTHS[turn % len(STRENGTHS)]
        field = _smooth(rng.normal(size=parts), (axis.costs.height, axis.costs.width + 1))
        yield strength * field.astype(np.float64)


def _elsewhere(between: Floats, jumps: list[Jump], width: int) -> Floats:
    """The costs of jumps, higher near some jumps."""
    result = between.copy()
    near = max(1, round(NEAR * width))
    columns = np.arange(width)
    length = columns[:, None] - columns
    for jump in jumps:
        result[(np.abs(columns - jump.place) <= near) & (np.abs(length - jump.length) <= near)] += USED
    return result


def _smooth(coarse: NDArray[np.float64], shape: tuple[int, int]) -> Floats:
    """Values [rows, columns] spread over a larger array, without steps."""
    image = Image.fromarray(coarse.astype(np.float32))
    return np.asarray(image.resize((shape[1], shape[0]), Image.Resampling.BILINEAR))


def _looked_at(picture: Floats, seams: Seams) -> Floats:
    """Some pixels of an output: [n, channels]."""
    rows = copy_pieces(picture[::COMPARED_EVERY], Seams(seams.lengths, seams.places[:, ::COMPARED_EVERY]))
    return rows[:, ::COMPARED_EVERY].reshape(-1, picture.shape[2])


def _differing(drawn: Floats, one: Floats) -> NDArray[np.float64]:
    """The fraction of pixels in which outputs [.., n, channels] differ visibly from one of them."""
    return np.asarray((np.abs(drawn - one).mean(axis=-1) >= NOTICED).mean(axis=-1))
