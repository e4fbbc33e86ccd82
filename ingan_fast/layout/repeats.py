"""The best jumps that only repeat, each further on in the picture than the one before.

Then every jump can grow from nothing to its length whether the others are there or not (`growing.py`). Found exactly by
dynamic programming over places in the source and the columns that were repeated before them.
"""

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from ingan_fast.layout import compiled
from ingan_fast.layout.jumps import Jump
from ingan_fast.layout.seam_costs import Floats

EVERY = 3  # px; jumps are placed only at multiples of this


def best_repeats(between: Floats, shown: Floats, run: int, longest: int) -> list[Jump]:
    """The cheapest way from the first source column to the last one, by jumps back whose places are in order.

    Args:
        between: [w, w], the cost of going on at column t where column a would follow, at [t, a]; inf: never.
        shown: [Wo, w], the cost of showing source column s at output column j; Wo > w.
        run: px, the fewest columns between two places.
        longest: px that a jump goes back, at most.
    """
    count, width = shown.shape
    more = count - width
    diagonals = as_strided(np.ascontiguousarray(shown), (more + 1, width), (4 * width, 4 * (width + 1)))
    along = np.zeros((more + 1, width + 1), np.float32)  # [columns repeated before, place], what columns cost up to it
    np.cumsum(diagonals, axis=1, out=along[:, 1:])
    ready = np.full((width + 1, more + 1), np.inf, np.float32)  # [place, columns repeated before it], free to jump
    jumped = np.full_like(ready, np.inf)  # right after a jump
    lengths = np.zeros(ready.shape, np.int64)
    ready[run, 0] = along[0, run]
    if compiled.available:
        between, shown = (np.ascontiguousarray(each) for each in (between, shown))
        compiled.loops.best_repeats(between, shown, along, run, longest, EVERY, ready, jumped, lengths)
        return _traced(ready, jumped, lengths, along, run)
    repeated = np.arange(more + 1)
    for place in range(run + 1, width + 1):
        ready[place] = ready[place - 1] + shown[repeated + place - 1, place - 1]
        before = place - run
        went_on = jumped[before] + along[:, place] - along[:, before]
        np.minimum(ready[place], went_on, out=ready[place])
        if place % EVERY == 0 and place < width:
            costs = _repeating(between, along, ready, place, min(longest, place, more))
            lengths[place] = costs.argmin(axis=1) + 1
            jumped[place] = costs[repeated, lengths[place] - 1]
    return _traced(ready, jumped, lengths, along, run)


def _repeating(between: Floats, along: Floats, ready: Floats, place: int, longest: int) -> Floats:
    """What it costs to have repeated so many columns after a jump: [columns, lengths from 1 on]."""
    repeated = np.arange(ready.shape[1])[:, None]
    length = np.arange(1, longest + 1)
    earlier = repeated - length
    costs = ready[place][np.maximum(earlier, 0)] + between[place - length, place]
    costs += along[:, place, None] - along[:, place - length]
    costs[earlier < 0] = np.inf
    return np.asarray(costs, np.float32)


def _traced(ready: Floats, jumped: Floats, lengths: NDArray[np.int64], along: Floats, run: int) -> list[Jump]:
    jumps: list[Jump] = []
    place, repeated = ready.shape[0] - 1, ready.shape[1] - 1
    while repeated > 0 and place > run:
        before = place - run
        went_on = jumped[before, repeated] + along[repeated, place] - along[repeated, before]
        if ready[place, repeated] >= went_on and np.isfinite(went_on):
            length = int(lengths[before, repeated])
            jumps.append(Jump(before, -length))
            place, repeated = before, repeated - length
        else:
            place -= 1
    return jumps[::-1]
