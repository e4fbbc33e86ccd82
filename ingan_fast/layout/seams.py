"""Seams that bend: for each jump of a solution the cheapest path from top to bottom between its neighbours."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingan_fast.layout import compiled
from ingan_fast.layout.ends import are_crops
from ingan_fast.layout.jumps import Jump
from ingan_fast.layout.paths import cheapest_paths
from ingan_fast.layout.seam_costs import Floats, SeamCosts

Places = NDArray[np.intp]

GAP = 2  # px; minimum distance between two seams
GROWING = 0.5  # weight of what a seam shows while its jump grows
STEPS = 4  # number of lengths at which a growing jump is evaluated
BEYOND_WINDOW = 1e9  # cost of a column outside the window
SIDEWAYS = 0.04  # cost of a sideways step of one px, in mean costs per row


@dataclass(frozen=True, eq=False)  # each its own, so that caches can have them as keys
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


def opening_outward(seams: Seams, width: int) -> NDArray[np.bool_]:
    """Which jumps [n] that grow open where the picture goes on, and not at their place.

    They are the repeats before the picture's middle, as long as they go on in order. So repeats open far from the
    middle on both sides, and most of the picture moves little.
    """
    goes_on = seams.places + seams.lengths[:, None]
    outward = (seams.lengths < 0) & ((seams.places + goes_on).mean(axis=1) < width)
    outward[1:] &= (goes_on[1:] > goes_on[:-1]).all(axis=1)
    return np.logical_and.accumulate(outward)


def while_growing(between: Floats, repeats: bool) -> Floats:
    """The costs of jumps that grow from nothing to their lengths: what they show then counts, too.

    Args:
        between: [w, w], as for `best_jumps`.
        repeats: whether the jumps go back.
    """
    result = between.copy()
    width = len(between)
    total = np.zeros(width, np.float32)  # of the jumps from each place on, up to this length
    outward = np.zeros(width, np.float32)  # of those that go on at each place
    for length in range(1, width):
        place = np.arange(length, width) if repeats else np.arange(width - length)
        goes_on = place - length if repeats else place + length
        total[place] += between[goes_on, place]
        outward[goes_on] += between[goes_on, place]
        shown = np.where(repeats & (place + goes_on < width), outward[goes_on], total[place])
        result[goes_on, place] = (1 - GROWING) * between[goes_on, place] + GROWING / length * shown
    return result


def parts(length: int, growing: bool, outward: bool = False) -> list[tuple[int, int, float]]:
    """The lengths at which a seam is looked at, how much farther on its place is then, and their weights."""
    if not growing:
        return [(length, 0, 1.0)]
    shorter = [round(length * step / STEPS) for step in range(1, STEPS)]
    weight = GROWING / len(shorter)
    return [(length, 0, 1 - GROWING), *((part, (length - part) * outward, weight) for part in shorter)]


def bend(
    costs: SeamCosts,
    candidates: Sequence[Seams],
    shown_before: Sequence[NDArray[np.float64]],
    closed: bool = False,
    in_order: bool = False,
) -> list[Seams]:
    """The seams of each candidate, each seam where it costs least between its neighbours; crops stay.

    Args:
        costs: of the picture.
        candidates: seams as they are now; all of them move, every other one at a time.
        shown_before: [h, w + 1] of each candidate, what it costs to show all pixels of a row before each column.
        closed: seams end in the column in which they begin.
        in_order: each seam stays behind the place of the one before, also where that one goes back.
    """
    results = [Seams(seams.lengths, np.array(seams.places, np.int64)) for seams in candidates]
    crops = [are_crops(seams.places, seams.lengths, costs.width) for seams in results]
    outward = [opening_outward(seams, costs.width) for seams in candidates]
    sideways = SIDEWAYS * costs.typical
    for parity in (0, 1):
        gaps = [
            _Gap(seams, seam, before, *_bounds(costs, seams, seam, in_order), bool(opens[seam]))
            for seams, before, crop, opens in zip(results, shown_before, crops, outward, strict=True)
            for seam in range(parity, len(seams.lengths), 2)
            if not crop[seam]
        ]
        if compiled.available:
            for gap in gaps:
                _put(costs, gap, sideways, closed, in_order)
        elif gaps:
            _place([_window(costs, gap, in_order) for gap in gaps], sideways, closed)
    return results


@dataclass(frozen=True)
class _Gap:
    """Where a seam may be.

    Attributes:
        seams: that the seam is one of.
        seam: its index.
        shown_before: see `bend`.
        low: [h], the least that the seam's place may be in each row.
        high: [h], the largest.
        outward: see `opening_outward`.
    """

    seams: Seams
    seam: int
    shown_before: NDArray[np.float64]
    low: Places
    high: Places
    outward: bool


def _bounds(costs: SeamCosts, seams: Seams, seam: int, in_order: bool) -> tuple[Places, Places]:
    lengths, places = seams.lengths, seams.places
    length = int(lengths[seam])
    forward = np.maximum(lengths, 0) if in_order else lengths
    low = np.full(costs.height, max(0, -length), np.int64)
    high = np.full(costs.height, min(costs.width - 1, costs.width - 1 - length), np.int64)
    if seam > 0:
        low = np.maximum(low, places[seam - 1] + forward[seam - 1] + GAP)
    if seam + 1 < len(lengths):
        high = np.minimum(high, places[seam + 1] - forward[seam] - GAP)
    return low, high


def _put(costs: SeamCosts, gap: _Gap, sideways: float, closed: bool, growing: bool) -> None:
    """Put one seam where it costs least: `_window` and `_place`, compiled."""
    looked = parts(int(gap.seams.lengths[gap.seam]), growing, gap.outward)
    planes = tuple(costs.known(abs(part)) if part else None for part, _, _ in looked)
    lengths = np.array([part + shift for part, shift, _ in looked], np.int64)  # to where planes have their columns
    weights = np.array([weight for _, _, weight in looked], np.float32)
    compiled.loops.place_seam(
        planes, lengths, weights, gap.shown_before, gap.low, gap.high, gap.seams.places[gap.seam], sideways, closed
    )


@dataclass(frozen=True)
class _Window:
    """The columns between a seam's neighbours.

    Attributes:
        gap: where the seam may be.
        first: the first of the columns.
        seen: [h, columns], what the seam shows there; inf where it must not be.
        priced: [h, columns], what else it costs for it to be there.
    """

    gap: _Gap
    first: int
    seen: Floats
    priced: NDArray[np.float64]


def _window(costs: SeamCosts, gap: _Gap, growing: bool) -> _Window:
    length = int(gap.seams.lengths[gap.seam])
    first = min(int(gap.low.min()), costs.width - 1)
    columns = np.arange(first, max(int(gap.high.max()), first) + 1)
    seen = np.zeros((costs.height, len(columns)), np.float32)
    for part, shift, weight in parts(length, growing, gap.outward):
        seen += np.float32(weight) * costs.at(part, columns[0] + shift, columns[-1] + 1 + shift)
    seen[(columns < gap.low[:, None]) | (columns > gap.high[:, None])] = np.inf
    goes_on = np.clip(columns + length, 0, costs.width)
    priced = gap.shown_before[:, columns[0] : columns[-1] + 1] - gap.shown_before[:, goes_on]
    return _Window(gap, first, seen, priced)


def _place(windows: Sequence[_Window], sideways: float, closed: bool) -> None:
    """Put some seams, none of which are neighbours, where they cost least; the others stay."""
    height = len(windows[0].seen)
    seen = np.full((height, len(windows), max(window.seen.shape[1] for window in windows)), np.inf)
    priced = np.full_like(seen, BEYOND_WINDOW)
    for at, window in enumerate(windows):
        seen[:, at, : window.seen.shape[1]] = window.seen
        priced[:, at, : window.seen.shape[1]] = window.priced
    found = cheapest_paths(seen, priced, sideways)
    if closed:
        elsewhere = np.arange(seen.shape[2]) != found[:, :1]
        for row in (0, -1):
            seen[row][elsewhere] = np.inf
        again = cheapest_paths(seen, priced, sideways)
        for at, window in enumerate(windows):
            low, high, place = window.gap.low, window.gap.high, window.first + found[at, 0]
            if all(low[row] <= place <= high[row] for row in (0, -1)):
                found[at] = again[at]
    for at, window in enumerate(windows):
        window.gap.seams.places[window.gap.seam] = window.first + found[at]
