"""Direct patch distribution matching, GPDM: Elnekave & Weiss, "Generating Natural Images with Direct Patch
Distributions Matching", ECCV 2022.

Coarse to fine, starting from the stretched coarsest source: gradient descent (Adam) on the pixels minimises the sliced
Wasserstein distance between the patches of output and source. Each step draws new random directions; along each,
patches move towards where the source's distribution exceeds the output's.

Differences from the paper: distributions are compared as finely binned cumulative sums instead of by sorting, which
also works for pictures of different sizes without repeating patches; a fixed coarsest size.
"""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ingan_fast.baselines.inputs import check_task, report
from ingan_fast.baselines.patch_solver import level_factors, resized, scaled, to_pixels
from ingan_fast.callbacks import Progress
from ingan_fast.geometry import Size
from ingan_fast.pictures import Pixels
from ingan_fast.quality.patches import PATCH, as_tensor, full_precision

BINS = 4096  # bins of the cumulative distributions: as good as sorting, and seven times faster


def patch_distribution_matching(
    source: NDArray[Any],
    size: Size,
    *,
    steps: int = 300,
    directions: int = 64,
    learning_rate: float = 0.005,
    seed: int = 0,
    progress: Progress | None = None,
) -> Pixels:
    """Retarget to a size by matching patch distributions (GPDM, Elnekave & Weiss, ECCV 2022).

    Args:
        source, size, progress: see `inputs.check_task`, also for what is returned and raised.
        steps: gradient steps at each level.
        directions: random projections per step.
        learning_rate: Adam's, for values in [0, 1].
        seed: seed of the directions.
    """
    source, size = check_task(source, size)
    rng = torch.Generator().manual_seed(seed)
    with full_precision():
        whole, goal = as_tensor(source, "source"), size[::-1]
        shape = whole.shape[1], whole.shape[2]
        factors = level_factors([shape, goal])
        output = resized(whole, scaled(shape, factors[0]))
        for done, factor in enumerate(factors, 1):
            given = resized(whole, scaled(shape, factor))
            output = resized(output, scaled(goal, factor)).clone()
            optimiser = torch.optim.Adam([output], lr=learning_rate)
            for _ in range(steps):
                weights = torch.randn(directions, 3, PATCH, PATCH, generator=rng)
                weights /= weights.flatten(1).norm(dim=1)[:, None, None, None]
                output.grad = _gradient(output, given, weights)
                optimiser.step()
            output.clamp_(0, 1)
            report(progress, done, len(factors))
        return to_pixels(output)


def _gradient(output: Tensor, given: Tensor, weights: Tensor) -> Tensor:
    """Gradient of the sum over directions of the Wasserstein-1 distances, times the number of patches: [3, H, W]."""
    own, theirs = (F.conv2d(image[None], weights) for image in (output, given))  # [1, directions, rows, columns]
    slopes = np.empty(own.shape[1:], np.float32)
    for slope, values, reference in zip(slopes, own[0].numpy(), theirs[0].numpy(), strict=True):
        slope[:] = _slope(values, reference)
    return F.conv_transpose2d(torch.from_numpy(slopes)[None], weights)[0]


def _slope(values: NDArray[np.float32], reference: NDArray[np.float32]) -> NDArray[np.float32]:
    """Derivative of the Wasserstein-1 distance of two sets of numbers with respect to the first: -1, 0 or 1 each.

    The distance is the area between the two cumulative distributions: a value should grow if a larger part of its own
    set lies below it than of the reference.
    """
    low, high = min(values.min(), reference.min()), max(values.max(), reference.max())
    scale = (BINS - 1) / max(high - low, 1e-6)
    bins = ((values - low) * scale).astype(np.intp)
    theirs = ((reference - low) * scale).astype(np.intp)
    # In integers, so that equal distributions have zero slope; half of a bin counts as below itself
    surplus = np.bincount(theirs.ravel(), minlength=BINS) * values.size
    surplus -= np.bincount(bins.ravel(), minlength=BINS) * reference.size
    slopes = np.sign(2 * np.cumsum(surplus) - surplus).astype(np.float32)
    return slopes[bins]
