"""Seams that bend: for each jump of a solution the cheapest path from top to bottom between its neighbours."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingan_fast.layout.jumps import Jump
from ingan_fast.layout.paths import cheapest_paths
from ingan_fast.layout.seam_costs import Floats, SeamCosts

Places = NDArray[np.intp]

GAP = 2  # px that stay between two seams
GROWING = 0.5  # the weight of what a seam shows while its jump grows
STEPS = 4  # lengths of a growing jump that are looked at
SIDEWAYS = 0.04  # what a px sideways costs beside what it shows, in the picture's mean costs of a row


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


def while_growing(between: Floats, repeats: bool) -> Floats:
    """The costs of jumps that grow from nothing to their lengths: what they show then counts, too.

    Args:
        between: [w, w], as for `best_jumps`.
        repeats: whether the jumps go back.
    """
    result = between.copy()
    width = len(between)
    total = np.zeros(width, np.float32)  # of the jumps from each place on, up to this length
    for length in range(1, width):
        place = np.arange(length, width) if repeats else np.arange(width - length)
        goes_on = place - length if repeats else place + length
        total[place] += between[goes_on, place]
        result[goes_on, place] = (1 - GROWING) * between[goes_on, place] + GROWING / length * total[place]
    return result


def parts(length: int, growing: bool) -> list[tuple[int, float]]:
    """The lengths at which a seam is looked at, and their weights."""
    if not growing:
        return [(length, 1.0)]
    shorter = [round(length * step / STEPS) for step in range(1, STEPS)]
    return [(length, 1 - GROWING), *((part, GROWING / len(shorter)) for part in shorter)]


def bend(
    costs: SeamCosts,
    candidates: Sequence[Seams],
    prices: Sequence[Floats],
    closed: bool = False,
    in_order: bool = False,
    near: int | None = None,
) -> list[Seams]:
    """The seams of each candidate, each seam where it costs least between its neighbours.

    Args:
        costs: of the picture.
        candidates: seams as they are now; all of them move, every other one at a time.
        prices: [h, w] of each candidate, what it costs to show each pixel, in the picture's mean costs of a row.
        closed: seams end in the column in which they begin.
        in_order: each seam stays behind the place of the one before, also where that one goes back.
        near: px that a seam goes away from the mean of its places now, at most; None: as far as it pays.
    """
    results = [Seams(seams.lengths, seams.places.copy()) for seams in candidates]
    before = [costs.typical * np.pad(np.cumsum(price, axis=1, dtype=np.float64), ((0, 0), (1, 0))) for price in prices]
    for parity in (0, 1):
        windows = [
            _window(costs, seams, seam, shown_before, in_order, near)
            for seams, shown_before in zip(results, before, strict=True)
            for seam in range(parity, len(seams.lengths), 2)
        ]
        if windows:
            _place(windows, SIDEWAYS * costs.typical, closed)
    return results


@dataclass(frozen=True)
class _Window:
    """The columns between a seam's neighbours.

    Attributes:
        seams: that the seam is one of.
        seam: its index.
        first: the first of the columns.
        low: [h], the least that the seam's place may be in each row.
        high: [h], the largest.
        seen: [h, columns], what the seam shows there; inf where it must not be.
        priced: [h, columns], what else it costs for it to be there.
    """

    seams: Seams
    seam: int
    first: int
    low: Places
    high: Places
    seen: Floats
    priced: NDArray[np.float64]


def _window(
    costs: SeamCosts,
    seams: Seams,
    seam: int,
    shown_before: NDArray[np.float64],
    in_order: bool,
    near: int | None,
) -> _Window:
    lengths, places = seams.lengths, seams.places
    length = int(lengths[seam])
    forward = np.maximum(lengths, 0) if in_order else lengths
    low = np.full(costs.height, max(0, -length))
    high = np.full(costs.height, min(costs.width - 1, costs.width - 1 - length))
    if seam > 0:
        low = np.maximum(low, places[seam - 1] + forward[seam - 1] + GAP)
    if seam + 1 < len(lengths):
        high = np.minimum(high, places[seam + 1] - forward[seam] - GAP)
    if near is not None:
        middle = int(places[seam].mean())
        low, high = np.maximum(low, middle - near), np.minimum(high, middle + near)
    first = min(int(low.min()), costs.width - 1)
    columns = np.arange(first, max(int(high.max()), first) + 1)
    seen = np.zeros((costs.height, len(columns)), np.float32)
    for part, weight in parts(length, in_order):
        seen += np.float32(weight) * costs.at(part, columns[0], columns[-1] + 1)
    seen[(columns < low[:, None]) | (columns > high[:, None])] = np.inf
    goes_on = np.clip(columns + length, 0, costs.width)
    priced = shown_before[:, columns[0] : columns[-1] + 1] - shown_before[:, goes_on]
    return _Window(seams, seam, first, low, high, seen, priced)


def _place(windows: Sequence[_Window], sideways: float, closed: bool) -> None:
    """Put some seams, none of which are neighbours, where they cost least; the others stay."""
    height = len(windows[0].seen)
    seen = np.full((height, len(windows), max(window.seen.shape[1] for window in windows)), np.inf)
    priced = np.zeros_like(seen)
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
            if all(window.low[row] <= window.first + found[at, 0] <= window.high[row] for row in (0, -1)):
                found[at] = again[at]
    for at, window in enumerate(windows):
        window.seams.places[window.seam] = window.first + found[at]
