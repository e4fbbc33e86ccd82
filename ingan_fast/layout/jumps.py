"""The best jumps: which places of the picture an output shows, found exactly by dynamic programming.

Output column j shows source column s(j). From column to column s goes on by one, or it jumps. The cheapest s is found
over all numbers, places and lengths of jumps (Viterbi's algorithm), from the source's first column to its last.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingan_fast.layout.seam_costs import Floats

EVERY = 3  # px; jumps are made at output columns that are multiples of it


@dataclass(frozen=True)
class Jump:
    """Where `place` would follow, the picture goes on at `place + length`."""

    place: int
    length: int


def best_jumps(between: Floats, shown: Floats, run: int) -> list[Jump]:
    """The cheapest way from the first source column to the last one, in the output's width.

    Args:
        between: [w, w], the cost of going on at column t where column a would follow, at [t, a]; inf: never.
        shown: [Wo, w], the cost of showing source column s at output column j.
        run: px, the fewest columns between two jumps.
    """
    count, width = shown.shape
    reached = np.full((count + 1, width + 1), np.inf, np.float32)
    reached[run, run] = float(np.trace(shown[:run, :run]))
    so_far = np.zeros((count + 1, width + 1), np.float32)  # the costs of what is shown, along each diagonal
    for column in range(count):
        so_far[column + 1, 1:] = so_far[column, :-1] + shown[column]
    best = np.empty(width, np.float32)
    sums = np.empty_like(between)
    for column in range(run + 1, count + 1):
        here = reached[column]
        here[1:] = reached[column - 1, :-1] + shown[column - 1]
        start = column - run
        if start >= run and start % EVERY == 0:
            np.add(between, reached[start, None, :width], out=sums)
            sums.min(axis=1, out=best)
            landed = best[: width - run + 1] + so_far[column, run:] - so_far[start, : width - run + 1]
            np.minimum(here[run:], landed, out=here[run:])
    return _traced(between, shown, run, reached, so_far)


def _traced(between: Floats, shown: Floats, run: int, reached: Floats, so_far: Floats) -> list[Jump]:
    count, width = shown.shape
    jumps: list[Jump] = []
    column, place = count, width
    while column > run:
        start, landing = column - run, place - run
        if start >= run and start % EVERY == 0 and landing >= 0:
            options = between[landing] + reached[start, :width]
            origin = int(options.argmin())
            cost = options[origin] + so_far[column, place] - so_far[start, landing]  # rounded as above
            if reached[column, place] >= cost:
                jumps.append(Jump(origin, landing - origin))
                column, place = start, origin
                continue
        column, place = column - 1, place - 1
    return jumps[::-1]


def shown_columns(jumps: list[Jump], width: int) -> NDArray[np.intp]:
    """The source columns that an output of these jumps shows, in order."""
    starts = [0, *(jump.place + jump.length for jump in jumps)]
    ends = [*(jump.place for jump in jumps), width]
    return np.concatenate([np.arange(start, end) for start, end in zip(starts, ends, strict=True)])
