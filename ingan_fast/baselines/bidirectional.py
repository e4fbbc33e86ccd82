"""Bidirectional similarity: Simakov et al., "Summarizing Visual Data Using Bidirectional Similarity", CVPR 2008.

The output's patches should all occur in the source (coherence), and the source's in the output (completeness). Each
pixel is the mean of the votes of the patches that cover it: each output patch votes for its nearest source patch
(weight 1/N_T), each source patch votes for itself at its nearest output patch (weight 1/N_S). Matching and voting
alternate (section 3.1). The size changes in small steps (section 3.2).

Differences from the paper: distances in RGB, as measured in this project, not in CIE L*a*b*; small steps only at the
coarsest resolution, where the layout is decided; a fixed number of iterations; PatchMatch on the finer levels.
"""

from collections.abc import Iterator
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from ingan_fast.baselines.inputs import check_task, report
from ingan_fast.baselines.patch_solver import (
    Ballot,
    Matches,
    PatchSet,
    Shape,
    level_factors,
    match,
    resized,
    scaled,
    to_pixels,
)
from ingan_fast.callbacks import Progress
from ingan_fast.geometry import Size
from ingan_fast.pictures import Pixels
from ingan_fast.quality.patches import as_tensor, full_precision

REFINEMENTS = 3  # iterations per finer level


def bidirectional_similarity(
    source: NDArray[Any],
    size: Size,
    *,
    step: float = 0.05,
    iterations: int = 10,
    seed: int = 0,
    progress: Progress | None = None,
) -> Pixels:
    """Retarget to a size by bidirectional similarity (Simakov et al., CVPR 2008).

    Args:
        source, size, progress: see `inputs.check_task`, also for what is returned and raised.
        step: relative change of a side per step.
        iterations: matching and voting at each intermediate size.
        seed: seed of PatchMatch's random candidates.
    """
    source, size = check_task(source, size)
    rng = torch.Generator().manual_seed(seed)
    with full_precision():
        whole, goal = as_tensor(source, "source"), size[::-1]
        shape = whole.shape[1], whole.shape[2]
        coarsest, *finer = level_factors([shape, goal])
        given = PatchSet(resized(whole, scaled(shape, coarsest)))
        output, matches = given.image, None
        steps = list(_small_steps(scaled(shape, coarsest), scaled(goal, coarsest), step))
        for done, next_shape in enumerate(steps, 1):
            output, matches = _iterate(resized(output, next_shape), given, iterations, None, rng)
            report(progress, done, len(steps) + len(finer))
        for done, factor in enumerate(finer, len(steps) + 1):
            given = PatchSet(resized(whole, scaled(shape, factor)))
            output, matches = _iterate(resized(output, scaled(goal, factor)), given, REFINEMENTS, matches, rng)
            report(progress, done, len(steps) + len(finer))
        return to_pixels(output)


def _small_steps(shape: Shape, goal: Shape, step: float) -> Iterator[Shape]:
    """Intermediate shapes: at least a pixel per step, ending with (and including) the goal."""
    while True:
        shape = _nearer(shape[0], goal[0], step), _nearer(shape[1], goal[1], step)
        yield shape
        if shape == goal:
            return


def _nearer(side: int, goal: int, step: float) -> int:
    by = max(round(side * step), 1)
    return min(side + by, goal) if goal > side else max(side - by, goal)


def _iterate(
    output: Tensor, given: PatchSet, iterations: int, start: tuple[Matches, Matches] | None, rng: torch.Generator
) -> tuple[Tensor, tuple[Matches, Matches]]:
    """Alternate matching in both directions and voting; returns the new output and the last matches."""
    coherent, complete = start or (None, None)
    for _ in range(iterations):
        own = PatchSet(output)
        coherent = match(own, given, rng, start=coherent)
        complete = match(given, own, rng, start=complete)
        ballot = Ballot((output.shape[1], output.shape[2]))
        ballot.vote(given, given.pixels(coherent.index), own.corners(), 1 / len(own))
        ballot.vote(given, given.corners(), own.pixels(complete.index), 1 / len(given))
        output = ballot.result()
    assert coherent is not None
    assert complete is not None
    return output, (coherent, complete)
