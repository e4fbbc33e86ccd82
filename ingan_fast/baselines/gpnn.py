"""Patch nearest neighbours, GPNN: Granot et al., "Drop the GAN: In Defense of Patches Nearest Neighbors as Single Image
Generative Models", CVPR 2022 (arXiv 2103.15545).

Coarse to fine: a level's guess is the upsampled output of the previous level; the coarsest guess is the stretched
source. Each patch of the guess (query) is replaced by the source patch (value) whose equally blurred version (key) has
the lowest score: its distance divided by (alpha + the least distance of any query to that key), which favours source
patches that no query is close to. Overlapping patches are averaged. For retargeting no noise is added.

Differences from the paper: a fixed coarsest size; PatchMatch on the finer levels.
"""

from typing import Any

import torch
from numpy.typing import NDArray

from ingan_fast.baselines.inputs import check_task, report
from ingan_fast.baselines.patch_solver import Ballot, PatchSet, level_factors, match, resized, scaled, to_pixels
from ingan_fast.callbacks import Progress
from ingan_fast.geometry import Size
from ingan_fast.pictures import Pixels
from ingan_fast.quality.patches import as_tensor, full_precision


def patch_nearest_neighbours(
    source: NDArray[Any],
    size: Size,
    *,
    alpha: float = 0.005,
    iterations: int = 10,
    seed: int = 0,
    progress: Progress | None = None,
) -> Pixels:
    """Retarget to a size by patch nearest neighbours (GPNN, Granot et al., CVPR 2022).

    Args:
        source, size, progress: see `inputs.check_task`, also for what is returned and raised.
        alpha: in mean squared differences of values in [0, 1]; smaller means more complete.
        iterations: matching and voting at each level.
        seed: seed of PatchMatch's random candidates.
    """
    source, size = check_task(source, size)
    rng = torch.Generator().manual_seed(seed)
    with full_precision():
        whole, goal = as_tensor(source, "source"), size[::-1]
        shape = whole.shape[1], whole.shape[2]
        factors = level_factors([shape, goal])
        nearest = missed = None
        output = coarser = resized(whole, scaled(shape, factors[0]))
        for done, factor in enumerate(factors, 1):
            values = PatchSet(resized(whole, scaled(shape, factor)))
            keys = PatchSet(resized(coarser, scaled(shape, factor)))
            output = resized(output, scaled(goal, factor))
            for _ in range(iterations):
                queries = PatchSet(output)
                missed = match(keys, queries, rng, start=missed)
                nearest = match(queries, keys, rng, 1 / (alpha + missed.cost), start=nearest)
                ballot = Ballot(scaled(goal, factor))
                ballot.vote(values, values.pixels(nearest.index), queries.corners())
                output = ballot.result()
                keys = values  # from here on the guess is as sharp as the source
            coarser = values.image
            report(progress, done, len(factors))
        return to_pixels(output)
