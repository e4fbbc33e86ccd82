"""The best jumps: which places of the picture an output shows, found exactly by dynamic programming.

Output column j shows source column s(j). From column to column s goes on by one, or it jumps. The cheapest s is found
over all numbers and lengths of jumps (Viterbi's algorithm), from the source's first column to its last, or from and to
where `Ends` allow it; places of jumps lie close together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from ingan_fast.layout import compiled
from ingan_fast.layout.ends import Ends
from ingan_fast.layout.seam_costs import Floats

EVERY = 4  # px; jumps are placed only at output columns that are multiples of this
PLACE_EVERY = 2  # px; and only at source columns that are multiples of this


@dataclass(frozen=True)
class Jump:
    """Where `place` would follow, the picture goes on at `place + length`."""

    place: int
    length: int


def best_jumps(tables: Sequence[Floats], shown: Floats, run: int, ends: Ends) -> list[Jump]:
    """The cheapest way through the source's columns, in the output's width.

    Args:
        tables: each [w, w], the cost of going on at column t where column a would follow, at [t, a]; inf: never. With
            more than one, each counts in some parts of the output, as long as a quarter of the source.
        shown: [Wo, w], the cost of showing source column s at output column j.
        run: px, the fewest columns between two jumps.
        ends: where the way begins and ends.
    """
    count, width = shown.shape
    tables = [np.ascontiguousarray(table.T[::PLACE_EVERY]) for table in tables]  # minima over rows are the quickest
    part = width // 4 + 1
    turns = np.random.default_rng(0).integers(len(tables), size=count // part + 1)
    starts = range(-(-run // EVERY) * EVERY, count - run + 1, EVERY)
    if compiled.available:
        begins = np.asarray(starts, np.int64)
        jumps = np.empty((len(starts) + 2, 2), np.int64)
        found = compiled.loops.best_jumps(
            tuple(tables),
            turns[begins // part],
            begins,
            np.ascontiguousarray(shown),
            ends.begin,
            ends.end,
            run,
            PLACE_EVERY,
            jumps,
        )
        return [Jump(place, length) for place, length in jumps[:found][::-1].tolist()]
    along = along_diagonals(shown)
    in_turn = [tables[turns[start // part]] for start in starts]  # of each start, [a, t]
    # What it costs to come to each diagonal (a place less its output column), beside the costs along it.
    cheapest = np.full(along.shape[1], np.inf, np.float32)
    cheapest[count:] = ends.begin
    reached = np.empty((len(starts), len(tables[0])), np.float32)
    landed = np.full((len(starts), width), np.inf, np.float32)
    sums = np.empty_like(tables[0])
    merged = 0
    for at, start in enumerate(starts):
        while starts[merged] + run <= start:
            _merge(cheapest, landed[merged], count - starts[merged], run)
            merged += 1
        here = slice(count - start, count - start + width)
        np.add(cheapest[here], along[start, here], out=landed[at])
        reached[at] = landed[at, ::PLACE_EVERY]
        np.add(in_turn[at], reached[at, :, None], out=sums)
        sums.min(axis=0, out=landed[at])
        landed[at] -= along[start, here]
    for at in range(merged, len(starts)):
        _merge(cheapest, landed[at], count - starts[at], run)
    wholes = cheapest[: width + 1] + along[count, : width + 1] + ends.end
    end = width - int(wholes[::-1].argmin())
    crop = [Jump(end, width - end)] if end < width else []
    return _traced(in_turn, reached, landed, starts, run, count, ends.begin, end) + crop


def along_diagonals(shown: Floats) -> Floats:
    """What it costs to show source columns one after another: [Wo + 1, Wo + w + 1].

    At [j, d] it is the sum over the output columns before j, where column i shows source column i + d - Wo.
    """
    count, width = shown.shape
    room = count + width + 1
    result = np.zeros((count + 1, room), np.float32)
    # Row j of `shown`, moved right by Wo - j: in memory each row begins one value earlier than the one before.
    moved = as_strided(result[1:].reshape(-1)[count:], shown.shape, (4 * (room - 1), 4))
    moved[:] = shown
    return np.cumsum(result, axis=0, out=result)


def _merge(cheapest: Floats, landed: Floats, shift: int, run: int) -> None:
    """Let jumps that landed be gone on from: only where `run` columns follow."""
    part = cheapest[shift : shift + len(landed) - run + 1]
    np.minimum(part, landed[: len(landed) - run + 1], out=part)


def _traced(
    in_turn: list[Floats],
    reached: Floats,
    landed: Floats,
    starts: Sequence[int],
    run: int,
    count: int,
    begin_costs: Floats,
    end: int,
) -> list[Jump]:
    """The jumps of the cheapest way that ends before column `end`, from there back."""
    width = landed.shape[1]
    begin = np.asarray(starts, np.intp)
    jumps: list[Jump] = []
    diagonal, column = end - count, count
    while True:
        landings = begin + diagonal
        possible = (begin <= column - run) & (landings >= 0) & (landings <= width - run)
        options = np.where(possible, landed[np.arange(len(begin)), np.clip(landings, 0, width - 1)], np.inf)
        at = int(options.argmin()) if len(options) else 0
        begun = float(begin_costs[diagonal]) if diagonal >= 0 else np.inf
        if not possible.any() or begun <= options[at]:
            if diagonal > 0 and np.isfinite(begun):
                jumps.append(Jump(0, diagonal))
            return jumps[::-1]
        landing = int(landings[at])
        place = PLACE_EVERY * int((in_turn[at][:, landing] + reached[at]).argmin())
        jumps.append(Jump(place, landing - place))
        column = starts[at]
        diagonal = place - column


def shown_columns(jumps: list[Jump], width: int) -> NDArray[np.intp]:
    """The source columns that an output of these jumps shows, in order."""
    starts = [0, *(jump.place + jump.length for jump in jumps)]
    ends = [*(jump.place for jump in jumps), width]
    return np.concatenate([np.arange(start, end) for start, end in zip(starts, ends, strict=True)])
