"""Seams that bend: for each jump of a solution the cheapest path from top to bottom between its neighbours."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingan_fast.layout.jumps import Jump
from ingan_fast.layout.seam_costs import Floats, SeamCosts

Places = NDArray[np.intp]

GAP = 2  # px that stay between two seams
SIDEWAYS = 0.04  # what a px sideways costs beside what it shows, in the picture's mean costs of a row
OUTSIDE = 1e6  # what a place costs that is out of bounds: much, yet little enough to add and subtract exactly


@dataclass(frozen=True)
class Seams:
    """Where a picture is cut along one axis, and by how much it jumps there.

    Attributes:
        lengths: [n] px; positive leaves out, negative repeats.
        places: [n, h], the source column before which each row is cut, in order.
    """

    lengths: Places
    places: Places


def straight(jumps: list[Jump], height: int) -> Seams:
    """The jumps with straight seams."""
    lengths = np.array([jump.length for jump in jumps], np.intp)
    places = np.array([jump.place for jump in jumps], np.intp)
    return Seams(lengths, np.repeat(places[:, None], height, axis=1))


def bend(costs: SeamCosts, seams: Seams, prices: Floats, closed: bool = False) -> Seams:
    """The seams, each where it costs least between its neighbours.

    Args:
        costs: of the picture.
        seams: where they are now; all of them move, every other one at a time.
        prices: [h, w], what it costs to show each pixel, in the picture's mean costs of a row.
        closed: seams end in the column in which they begin.
    """
    places = seams.places.copy()
    shown_before = costs.typical * np.pad(np.cumsum(prices, axis=1, dtype=np.float64), ((0, 0), (1, 0)))
    for parity in (0, 1):
        chosen = np.arange(parity, len(places), 2)
        if len(chosen):
            _bend(costs, seams.lengths, places, chosen, shown_before, closed)
    return Seams(seams.lengths, places)


def _bend(
    costs: SeamCosts,
    lengths: Places,
    places: Places,
    chosen: Places,
    shown_before: NDArray[np.float64],
    closed: bool,
) -> None:
    """Put some seams, none of which are neighbours, where they cost least; the others stay."""
    seen = np.stack([costs.at(int(length)) for length in lengths[chosen]], axis=1)  # [h, n, w]
    column = np.arange(costs.width)
    starts = np.clip(column + lengths[chosen][:, None], 0, costs.width)  # [n, w]
    priced = shown_before[:, None, : costs.width] - shown_before[:, starts]
    low = np.zeros((len(chosen), costs.height), np.intp)
    high = np.full_like(low, costs.width - 1)
    for at, seam in enumerate(chosen):
        length = lengths[seam]
        low[at] = max(0, -length)
        high[at] = min(costs.width - 1, costs.width - 1 - length)
        if seam > 0:
            low[at] = np.maximum(low[at], places[seam - 1] + lengths[seam - 1] + GAP)
        if seam + 1 < len(lengths):
            high[at] = np.minimum(high[at], places[seam + 1] - length - GAP)
    outside = (column < low.T[..., None]) | (column > high.T[..., None])
    seen = np.where(outside, np.inf, seen)
    sideways = SIDEWAYS * costs.typical
    found = cheapest_paths(seen, priced, sideways)
    if closed:
        ends = column != found[:, :1]
        for row in (0, -1):
            seen[row][ends] = np.inf
        allowed = ~(outside[0] | outside[-1])[np.arange(len(chosen)), found[:, 0]]
        again = cheapest_paths(seen, priced, sideways)
        found[allowed] = again[allowed]
    places[chosen] = found


def cheapest_paths(seen: Floats, priced: NDArray[np.float64], sideways: float) -> Places:
    """The cheapest path from the first row to the last, in each of some pictures of costs: [n, h].

    From row to row a path goes any way sideways, at the cost of all that it passes there: a seam that runs along
    between two rows joins each pixel above it with the one below.

    Args:
        seen: [h, n, w], at least 0, what the seam shows.
        priced: [h, n, w], what else it costs for the seam to have this place in this row.
        sideways: what each px sideways costs beside that.
    """
    height, count, width = seen.shape
    finite = np.where(np.isfinite(seen), seen, OUTSIDE)
    reached = np.empty((height, count, width), np.float64)
    reached[0] = finite[0] + priced[0]
    ways = np.empty_like(reached)
    for row in range(1, height):
        way = np.cumsum((finite[row - 1] + finite[row]) / 2 + sideways, axis=1, dtype=np.float64)
        ways[row] = way
        right = np.minimum.accumulate(reached[row - 1] - way, axis=1) + way
        left = np.minimum.accumulate((reached[row - 1] + way)[:, ::-1], axis=1)[:, ::-1] - way
        reached[row] = np.minimum(right, left) + finite[row] + priced[row]
    places = np.empty((count, height), np.intp)
    place = reached[-1].argmin(axis=1)
    places[:, -1] = place
    each = np.arange(count)
    for row in range(height - 1, 0, -1):
        way = ways[row]
        place = (reached[row - 1] + np.abs(way - way[each, place][:, None])).argmin(axis=1)
        places[:, row - 1] = place
    return places
