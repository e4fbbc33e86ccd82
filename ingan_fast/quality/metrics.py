"""How good is a retargeted picture? Numbers without network weights, always to be read beside a baseline's.

Coherence (no artefacts) and completeness (nothing lost) follow Simakov et al., "Summarizing Visual Data Using
Bidirectional Similarity", CVPR 2008; the patch SWD follows Elnekave & Weiss, "Generating natural images with
direct patch distributions matching", ECCV 2022; `verbatim` counts the patches that were neither blended nor
painted; `size_kept` (in `local_stretch`) asks whether the elements keep their size.

Nearest neighbours are exact, over all patches of the other picture (`patches`). Only the *queries* are sampled
where there are many: above `EXACT_PAIRS` pairs a level's mean is taken over `QUERIES` of its patches, one from
each of as many equal runs in raster order, with a fixed seed. So the same pictures always give the same
numbers, within about 2% of those over all patches.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ingan_fast.errors import UserError
from ingan_fast.quality.local_stretch import local_stretch
from ingan_fast.quality.patches import (
    INSIDE,
    PATCH,
    Level,
    as_tensor,
    full_precision,
    levels,
    nearest,
    only,
    patches,
    size_text,
    strips,
)

EXACT_PAIRS = 30_000**2
QUERIES = 4096
DIRECTIONS = 256  # within 2% of the mean over thousands
SEED = 0
SAME = 2e-4  # squared distance per value, about 3.6 grey levels: below it a patch counts as the source's own

Pairs = list[tuple[Level, Level]]  # (output, source), finest first


def coherence(output: NDArray, source: NDArray, mask: NDArray | None = None) -> float:
    """Mean over the output's patches of the squared distance per value to the nearest patch of the source.

    Simakov et al., CVPR 2008, eq. 1 (second term). 0 is best: every patch of the output is in the source.

    Args:
        output: [H, W, 3], uint8 or float in [0, 1].
        source: [h, w, 3], likewise.
        mask: [H, W], float in [0, 1]; 1 inside the output. Patches not wholly inside don't count.

    Raises:
        UserError: an array that is no such picture, a side under 7 pixels, a mask that leaves no patch.
    """
    with full_precision():
        return _coherence(levels(output, source, mask))


def completeness(output: NDArray, source: NDArray, mask: NDArray | None = None) -> float:
    """Mean over the source's patches of the squared distance per value to the nearest patch of the output.

    Simakov et al., CVPR 2008, eq. 1 (first term). 0 is best: every patch of the source is in the output.
    Arguments and errors as for `coherence`.
    """
    with full_precision():
        return _completeness(levels(output, source, mask))


def verbatim(output: NDArray, source: NDArray, mask: NDArray | None = None) -> float:
    """The share of the output's patches, at full size, that are the source's own: 1 is best.

    A ghost or a painted place costs it over its whole area, a hard seam only along itself. Coherence forgives a
    ghost, since the mean of two patches is near to both. A perspective resamples every patch, so this is for outputs
    without one. Arguments and errors as for `coherence`.
    """
    with full_precision():
        return _verbatim(_distances(*levels(output, source, mask)[0]))


def patch_swd(output: NDArray, source: NDArray, mask: NDArray | None = None) -> float:
    """Sliced Wasserstein-1 distance between the two pictures' patch distributions, all patches of each.

    Elnekave & Weiss, ECCV 2022, section 3: project on random unit directions (256, fixed seed), sort, take
    as many quantiles of both, mean absolute difference. 0 is best. Arguments and errors as for `coherence`.
    """
    with full_precision():
        return _patch_swd(levels(output, source, mask))


def psnr(a: NDArray, b: NDArray) -> float:
    """Peak signal-to-noise ratio in dB of two [H, W, 3] pictures (uint8 or float in [0, 1]); inf if equal.

    Raises:
        UserError: the sizes differ, or an array is no picture.
    """
    first, second = as_tensor(a, "first picture").double(), as_tensor(b, "second picture").double()
    if first.shape != second.shape:
        sizes = f"{size_text(first)} and {size_text(second)}"
        raise UserError(f"PSNR compares pictures of one size, these are {sizes}; resize one")
    error = float((first - second).square().mean())
    return float("inf") if error == 0 else float(-10 * np.log10(error))


def evaluate(output: NDArray, source: NDArray, mask: NDArray | None = None) -> dict[str, float | None]:
    """All measures at once: coherence, completeness, swd, verbatim, kept_width, kept_height.

    A `kept_*` is None where it isn't defined: that side unchanged, the other one changed, the output not a
    full rectangle, or too little in it to measure. Arguments and errors as for `coherence`.
    """
    with full_precision():
        pairs = levels(output, source, mask)
        finest = _distances(*pairs[0])
        result: dict[str, float | None] = {
            "coherence": float(np.mean([_mean(finest), *(_mean(_distances(*pair)) for pair in pairs[1:])])),
            "completeness": _completeness(pairs),
            "swd": _patch_swd(pairs),
            "verbatim": _verbatim(finest),
            "kept_width": None,
            "kept_height": None,
        }
    if mask is None or bool((np.asarray(mask) >= INSIDE).all()):
        for axis in ("width", "height"):
            try:
                result[f"kept_{axis}"] = size_kept(output, source, axis)
            except UserError:  # the pictures passed above, so it is the measure that isn't defined here
                continue
    return result


def size_kept(output: NDArray, source: NDArray, axis: str = "width") -> float:
    """Whether elements keep their size: 0 for a plain resize, 1 where all do (see `local_stretch`).

    Args:
        output: [H, W, 3], uint8 or float in [0, 1].
        source: [h, w, 3], likewise; H = h for axis "width", W = w for axis "height".
        axis: "width" or "height", the one that was changed.

    Raises:
        UserError: the axis is unchanged or the other one isn't, or there is too little to measure.
    """
    return local_stretch(output, source, axis).kept


def _coherence(pairs: Pairs) -> float:
    return float(np.mean([_mean(_distances(out, src)) for out, src in pairs]))


def _completeness(pairs: Pairs) -> float:
    return float(np.mean([_mean(_distances(src, out)) for out, src in pairs]))


def _patch_swd(pairs: Pairs) -> float:
    return float(np.mean([swd(out, src) for out, src in pairs]))


def _verbatim(finest: Tensor) -> float:
    return float((finest < SAME).double().mean())


def _mean(distances: Tensor) -> float:
    return float(distances.double().mean())


def _distances(queries: Level, database: Level) -> Tensor:
    """Squared distance per value to the nearest patch of the database, for all queries or `QUERIES` of them."""
    count = int(queries.valid.sum())
    if count * int(database.valid.sum()) > EXACT_PAIRS and count > QUERIES:
        generator = torch.Generator().manual_seed(SEED)
        chosen = (torch.arange(QUERIES) + torch.rand(QUERIES, generator=generator)) * (count / QUERIES)
        index = queries.valid.flatten().nonzero().flatten()[chosen.long().clamp_max(count - 1)]
        queries = only(queries, index)
    return nearest(patches(queries), strips(database))


def swd(a: Level, b: Level) -> float:
    """The sliced Wasserstein-1 distance of two levels' patches (see `patch_swd`)."""
    generator = torch.Generator().manual_seed(SEED)
    directions = torch.randn(3 * PATCH * PATCH, DIRECTIONS, generator=generator)
    directions = (directions / directions.norm(dim=0)).t()
    count = min(int(a.valid.sum()), int(b.valid.sum()))
    first, second = (_quantiles(level, directions, count) for level in (a, b))
    return float(np.abs(first - second).mean(dtype=np.float64))


def _quantiles(level: Level, directions: Tensor, count: int) -> NDArray[np.float32]:
    """The patches' projections, `count` quantiles a direction: [directions, count]."""
    projected = torch.cat([directions @ strip.t() for strip in strips(level)], dim=1).numpy()
    projected.sort(axis=1)  # numpy's is vectorised, many times faster than torch's
    at = ((np.arange(count) + 0.5) * projected.shape[1] / count).astype(np.int64)
    return projected[:, at]
