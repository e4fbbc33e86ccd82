"""Other good layouts of one side.

Seams find other ways where the price of a place changes a little from part to part of the picture. So there are many
candidates, from several sets of jumps and from fields of prices by chance. A variation is the candidate that is least
worse than the best layout, of those that differ visibly from the variations before: by what its seams show, and by how
often it shows each kind of patch.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ingan_fast.layout.drawing import copy_pieces
from ingan_fast.layout.frequency import Distributions
from ingan_fast.layout.jumps import Jump
from ingan_fast.layout.patch_responses import patch_responses
from ingan_fast.layout.seam_costs import Floats
from ingan_fast.layout.seams import Seams
from ingan_fast.layout.solver import JUMP, Axis

TOGETHER = 8  # number of variations chosen from the same candidates
JUMP_SETS = 4  # number of searches for jumps, each avoiding the earlier jumps
NEAR = 0.05  # fraction of the width; jumps closer than this in place and length count as equal
USED = 0.5  # penalty for a jump like an earlier one
VARIED = 0.6  # fraction of the jump costs that is random from the eighth variation on
GRAIN = 16  # side of the grid of random factors, of places and lengths
FIELDS = 40  # number of random price fields, shared by all jump sets
STRENGTHS = (0.2, 0.5, 1.0)  # amplitudes of these fields, in mean costs per row
CELLS = ((2, 6), (3, 8))  # (min, max) number of cells of a random field along the height and the width
ROUNDS = (1, 1, 1)  # rounds of bending a candidate, as `solver.BENT`
SLANTED = 0.4  # cost per row of a sideways step of one px; with it, the cost predicts coherence at full resolution
EXACT = 1e-4  # fraction of the value range; distributions closer than this count as equal
VISIBLE = 0.05  # minimum difference of a variation from the others, as a fraction of the mean difference of two pixels
COMPARED_EVERY = 2  # px


def solve(
    axis: Axis, count: int, variation: int = 0, closed: bool = False, any_change: bool = False, one_way: bool = False
) -> Seams:
    """The seams of an output `count` columns wide.

    Args:
        axis: what is laid out.
        count: columns of the output.
        variation: 0 for the best ones, other numbers for other good ones.
        closed, any_change, one_way: see `Axis.solve`.
    """
    best = axis.solve(count, closed, any_change, one_way)
    if variation == 0 or not len(best.lengths):
        return best
    block, number = divmod(variation, TOGETHER)
    candidates = [best, *_candidates(axis, count, block, closed, any_change, one_way)]
    return _chosen(axis, candidates, number + (block > 0), one_way)


def _chosen(axis: Axis, candidates: Sequence[Seams], number: int, one_way: bool) -> Seams:
    """The candidate that is chosen as the given one after the first.

    Each is the best of those that differ visibly from all before, or if none does, the one that differs most.

    Args:
        axis: what is laid out.
        candidates: the first one is the best layout.
        number: how many are chosen.
        one_way: see `Axis.solve`.
    """
    worse = _worse_than_the_first(axis, candidates, one_way)
    drawn = np.stack([_looked_at(axis.picture, candidate) for candidate in candidates])
    visible = VISIBLE * _contrast(axis.picture)
    nearest = np.full(len(candidates), np.inf)
    chosen = 0
    for _ in range(number):
        apart = np.abs(drawn - drawn[chosen]).mean(axis=1, dtype=np.float32)
        nearest = np.minimum(nearest, apart)
        differs = nearest >= visible
        chosen = int(np.where(differs, worse, np.inf).argmin() if differs.any() else nearest.argmax())
    return candidates[chosen]


def _worse_than_the_first(axis: Axis, candidates: Sequence[Seams], one_way: bool) -> NDArray[np.float64]:
    """How many times as much candidates show, or deviate, as the first one."""
    patches = Distributions(patch_responses(axis.picture))
    shown = np.array([axis.seen_cost(each, one_way) + SLANTED * _slant(each) for each in candidates])
    deviating = np.array([np.abs(patches.deviations_of_pieces(each)).sum() for each in candidates])
    deviating /= patches.levels.shape[2]
    return np.maximum(shown / max(shown[0], JUMP), deviating / max(deviating[0], EXACT))


def _candidates(axis: Axis, count: int, block: int, closed: bool, any_change: bool, one_way: bool) -> Iterator[Seams]:
    """Other seams by the same costs, or for other blocks of variations by costs that differ by chance."""
    rng = np.random.default_rng(block)
    between = axis.costs_of_jumps(count, one_way)
    if block:
        between = between * _smooth(rng.uniform(1 - VARIED, 1 + VARIED, (GRAIN, GRAIN)), between.shape)
    for _ in range(JUMP_SETS):
        found = axis.candidates(count, between, any_change, one_way)
        for turn in range(FIELDS):
            parts = [int(rng.integers(fewest, most + 1)) for fewest, most in zip(*CELLS, strict=True)]
            strength = axis.costs.typical * STRENGTHS[turn % len(STRENGTHS)]
            prices: NDArray[np.float64] = strength * _smooth(
                rng.normal(size=parts), (axis.costs.height, axis.costs.width + 1)
            ).astype(np.float64)
            yield axis.bent([found[turn % len(found)]], count, closed, one_way, ROUNDS, prices)
        between = _elsewhere(between, found[0][0], axis.costs.width)


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


def _slant(seams: Seams) -> float:
    """How far seams go sideways, px a row: slanted ones are longer."""
    return float(np.abs(np.diff(seams.places, axis=1)).mean(axis=1).sum()) if seams.places.shape[1] > 1 else 0.0


def _looked_at(picture: Floats, seams: Seams) -> NDArray[np.float16]:
    """Some pixels of an output."""
    part = slice(None, None, COMPARED_EVERY)
    return copy_pieces(picture, seams)[part, part].ravel().astype(np.float16)


def _contrast(picture: Floats) -> float:
    """The mean difference between two pixels of a picture."""
    values = np.sort(picture.reshape(-1, picture.shape[2]), axis=0).astype(np.float64)
    rank = 2 * np.arange(len(values)) - len(values) + 1
    return float((2 * rank @ values / len(values) ** 2).mean())
