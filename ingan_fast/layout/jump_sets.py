"""The best few sets of jumps of one axis, with straight seams.

The jumps that are best for the sum of what seams show and how far things are from where a plain resize would have
them, and of any price for showing a column, are found exactly; the prices follow from the distribution of colours that
the last answer had (a dual ascent).
"""

from collections.abc import Iterator

import numpy as np

from ingan_fast.layout.axis import Axis
from ingan_fast.layout.ends import Ends, at_borders
from ingan_fast.layout.jumps import Jump, best_jumps, shown_columns
from ingan_fast.layout.periods import most_repeated
from ingan_fast.layout.polishing import SCATTERED, Polisher
from ingan_fast.layout.repeats import best_repeats
from ingan_fast.layout.seam_costs import Floats

PLACE = 4.0  # weight of the mean squared distance, in widths, from the position in a plain resize
PLACE_MOVING = 24.0  # the same in videos: what is far from that position moves faster than in a plain resize
PLACES = (4.0, 16.0, 64.0)  # values of the place weight that are tried
ROUNDS = 4  # updates of the column prices for each place weight
STEP = 2.0  # step size of a price update
POLISHED = 6  # number of sets that are improved by small changes (`polishing.Polisher`)
POLISHED_SCATTERED = 12  # the same number for outputs that are large enough to show a period
PERIOD = 0.5  # extra cost there, as a fraction of the cost, times the fraction of columns that recur at one distance
MANY = 400_000  # output width x source width above which fewer rounds are run
TABLES = 8  # number of cost tables that take turns along a large output, so that the same jump does not recur
VARIED = 0.6  # fraction of the costs by which these tables differ
GRAIN = 16  # number of random factors, of jump lengths

JumpSet = tuple[list[Jump], float]  # jumps, and what repeated lengths and in videos positions cost in them


def best_sets(
    axis: Axis, count: int, between: Floats, most: int, any_change: bool = False, one_way: bool = False
) -> list[JumpSet]:
    """The best few sets of jumps.

    Args:
        axis: what is laid out.
        count: columns of the output.
        between: what jumps cost, as from `Axis.costs_of_jumps`.
        most: number of sets, at most.
        any_change: at least one jump, also where the width stays.
        one_way: see `solver.cheapest_seams`.
    """
    found = _best(axis, count, between, most, one_way)
    if not found and any_change:
        middle = axis.costs.width // 4
        place = middle + int(axis.costs.best_seams[0, middle : -middle - 1].argmin())
        found = [([Jump(place, 0)], 0.0)]
    return found or [([], 0.0)]


def _best(axis: Axis, count: int, between: Floats, most: int, one_way: bool) -> list[JumpSet]:
    """The same; empty where there is nothing to jump over."""
    width = axis.costs.width
    run = axis.shortest_run(count)
    wanted = (np.arange(count) + 0.5) * (width / count) - 0.5
    away = (np.square(np.arange(width) - wanted[:, None]) / (width**2 * count)).astype(np.float32)
    removed = np.float32(0) if axis.removed is None else axis.removed.mean(axis=0)
    ends = axis.ends if not one_way and (count < width or axis.removed is not None) else at_borders(width)
    place = PLACE_MOVING if one_way else PLACE
    balance = axis.balance(count)
    polisher = Polisher(between, place * away + removed, balance.frequencies, balance.weight, run, ends, one_way)
    searched = sorted(_searched(axis, between, away, removed, run, one_way, ends), key=polisher.cost)
    found: list[list[Jump]] = []
    scattered = count >= SCATTERED * width and not one_way  # in videos, repeats grow one after another
    for each in searched[: max(most, POLISHED_SCATTERED if scattered else POLISHED)]:
        jumps = polisher.polish(each)
        if jumps not in found:
            found.append(jumps)

    def period(jumps: list[Jump]) -> float:
        return PERIOD * polisher.cost(jumps) * most_repeated(jumps, width, count) if scattered else 0.0

    def position(jumps: list[Jump]) -> float:
        return place * float(away[np.arange(count), shown_columns(jumps, width)].sum()) if one_way else 0.0

    best = sorted(found, key=lambda jumps: polisher.cost(jumps) + period(jumps))[:most]
    return [(jumps, polisher.repeated(jumps) + period(jumps) + position(jumps)) for jumps in best]


def _searched(
    axis: Axis, between: Floats, away: Floats, removed: Floats | np.float32, run: int, one_way: bool, ends: Ends
) -> Iterator[list[Jump]]:
    """Jumps that are best for some strength of places and some prices; `away` is [Wo, w]."""
    count, width = away.shape
    known: list[list[Jump]] = []
    tables = [between] if count < SCATTERED * width else [between * each for each in _lengths_varied(width)]
    rounds = max(1, min(ROUNDS, round(ROUNDS * MANY / (count * width))))
    balance = axis.balance(count)
    frequencies, weight = balance.frequencies, balance.weight
    for strength in PLACES:
        pressures = np.zeros_like(frequencies.source)
        for turn in range(rounds):
            shown = away * np.float32(strength) + frequencies.prices(pressures) / count + removed
            if one_way and count > width:
                jumps = best_repeats(between, shown, run, axis.costs.longest)
            else:
                jumps = best_jumps(tables, shown, run, ends)
            tables = [*tables[1:], tables[0]]
            if jumps and jumps not in known:
                known.append(jumps)
                yield jumps
            deviations = frequencies.deviations(shown_columns(jumps, width))
            pressures += weight * STEP / (turn + 1) * deviations / frequencies.scale
            np.clip(pressures, -weight, weight, out=pressures)


def _lengths_varied(width: int) -> Iterator[Floats]:
    """Factors of costs [w, w] by the jump's length, so that different parts of an output prefer different ones."""
    columns = np.arange(width)
    length = np.abs(columns[:, None] - columns)
    knots = np.arange(0, width + GRAIN, max(1, width // GRAIN))
    for factors in np.random.default_rng(0).uniform(1 - VARIED, 1 + VARIED, (TABLES, len(knots))):
        yield np.interp(length, knots, factors).astype(np.float32)
