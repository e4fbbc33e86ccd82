"""Quality measures of a retargeted picture, without learned weights; compare them with a baseline's values.

Coherence (no artefacts) and completeness (nothing lost): Simakov et al., "Summarizing Visual Data Using Bidirectional
Similarity", CVPR 2008. Patch SWD: Elnekave & Weiss, "Generating natural images with direct patch distributions
matching", ECCV 2022. `verbatim`: fraction of patches copied unchanged. `size_kept` (see `local_stretch`): whether
elements keep their size.

Nearest neighbours are exact, over all patches of the other picture (`neighbours`). Only the *queries* are sampled:
above `EXACT_PAIRS` pairs, a level's mean is taken over `QUERIES` patches, one from each of equal runs in raster order,
with a fixed seed. Results are therefore deterministic, and within about 2% of those over all patches.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ingan_fast.errors import UserError
from ingan_fast.quality.local_stretch import local_stretch
from ingan_fast.quality.neighbours import nearest
from ingan_fast.quality.patches import (
    INSIDE,
    PATCH,
    Level,
    as_tensor,
    levels,
    measuring,
    only,
    patches,
    size_text,
    strips,
)
from ingan_fast.threads import apart

EXACT_PAIRS = 30_000**2
QUERIES = 4096
DIRECTIONS = 256  # within 2% of the mean over thousands
SEED = 0
SAME = 2e-4  # squared distance per value, about 3.6 grey levels: below it a patch counts as copied

Pairs = list[tuple[Level, Level]]  # (output, source), finest first


def coherence(output: NDArray, source: NDArray, mask: NDArray | None = None) -> float:
    """Mean over the output's patches of the squared distance per value to the nearest patch of the source.

    Simakov et al., CVPR 2008, eq. 1 (second term). 0 is best: every patch of the output is in the source.

    Args:
        output: [H, W, 3], uint8 or float in [0, 1].
        source: [h, w, 3], likewise.
        mask: [H, W], float in [0, 1]; 1 inside the output. Patches partly outside don't count.

    Raises:
        UserError: an array of another kind, a side under 7 pixels, or a mask that leaves no patch.
    """
    with measuring():
        return _coherence(levels(output, source, mask))


def completeness(output: NDArray, source: NDArray, mask: NDArray | None = None) -> float:
    """Mean over the source's patches of the squared distance per value to the nearest patch of the output.

    Simakov et al., CVPR 2008, eq. 1 (first term). 0 is best: every patch of the source is in the output.
    Arguments and errors as for `coherence`.
    """
    with measuring():
        return _completeness(levels(output, source, mask))


def verbatim(output: NDArray, source: NDArray, mask: NDArray | None = None) -> float:
    """Fraction of the output's patches, at full size, that are copied from the source: 1 is best.

    Ghosts and painted regions reduce it over their whole area, a hard seam only along itself. (Coherence is blind to
    ghosts, since the mean of two patches is close to both.) A perspective resamples every patch, so use this for
    outputs without one. Arguments and errors as for `coherence`.
    """
    with measuring():
        return _verbatim(_distances(*levels(output, source, mask)[0]))


def patch_swd(output: NDArray, source: NDArray, mask: NDArray | None = None) -> float:
    """Sliced Wasserstein-1 distance between the patch distributions of the two pictures, over all patches.

    Elnekave & Weiss, ECCV 2022, section 3: project on random unit directions (256, fixed seed), sort, take the same
    number of quantiles of both, mean absolute difference. 0 is best. Arguments and errors as for `coherence`.
    """
    with measuring():
        return _patch_swd(levels(output, source, mask))


def psnr(a: NDArray, b: NDArray) -> float:
    """Peak signal-to-noise ratio in dB of two [H, W, 3] pictures (uint8 or float in [0, 1]); inf if equal.

    Raises:
        UserError: the sizes differ, or an array is not a picture.
    """
    first, second = as_tensor(a, "first picture").double(), as_tensor(b, "second picture").double()
    if first.shape != second.shape:
        sizes = f"{size_text(first)} and {size_text(second)}"
        raise UserError(f"PSNR needs pictures of one size, but these are {sizes}; resize one")
    error = float((first - second).square().mean())
    return float("inf") if error == 0 else float(-10 * np.log10(error))


def evaluate(output: NDArray, source: NDArray, mask: NDArray | None = None) -> dict[str, float | None]:
    """All measures: coherence, completeness, swd, verbatim, kept_width, kept_height.

    A `kept_*` is None if undefined: that side is unchanged, the other one is changed, the output is not a full
    rectangle, or has too little contrast. Arguments and errors as for `coherence`.
    """
    with measuring():
        pairs = levels(output, source, mask)
        found = [(_distances(out, src), _distances(src, out)) for out, src in pairs]
        result: dict[str, float | None] = {
            "coherence": float(np.mean([_mean(there) for there, _ in found])),
            "completeness": float(np.mean([_mean(back) for _, back in found])),
            "swd": _patch_swd(pairs),
            "verbatim": _verbatim(found[0][0]),
            "kept_width": None,
            "kept_height": None,
        }
    if mask is None or bool((np.asarray(mask) >= INSIDE).all()):
        for axis in ("width", "height"):
            try:
                result[f"kept_{axis}"] = size_kept(output, source, axis)
            except UserError:  # the pictures are valid, so this measure is undefined here
                continue
    return result


def size_kept(output: NDArray, source: NDArray, axis: str = "width") -> float:
    """How far elements keep their size: 0 for a plain resize, 1 if all do (see `local_stretch`).

    Args:
        output: [H, W, 3], uint8 or float in [0, 1].
        source: [h, w, 3], likewise; H = h for axis "width", W = w for axis "height".
        axis: the axis that was changed, "width" or "height".

    Raises:
        UserError: as for `local_stretch`.
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
    """Squared distance per value to the nearest database patch, for all queries or a sample of `QUERIES`."""
    count = int(queries.valid.sum())
    if count * int(database.valid.sum()) > EXACT_PAIRS and count > QUERIES:
        generator = torch.Generator().manual_seed(SEED)
        chosen = (torch.arange(QUERIES) + torch.rand(QUERIES, generator=generator)) * (count / QUERIES)
        index = queries.valid.flatten().nonzero().flatten()[chosen.long().clamp_max(count - 1)]
        queries = only(queries, index)
    return nearest(patches(queries), strips(database))


def swd(a: Level, b: Level) -> float:
    """Sliced Wasserstein-1 distance of two levels' patches (see `patch_swd`)."""
    generator = torch.Generator().manual_seed(SEED)
    directions = torch.randn(3 * PATCH * PATCH, DIRECTIONS, generator=generator)
    directions = (directions / directions.norm(dim=0)).t()
    distances = np.empty(DIRECTIONS, np.float32)

    def measure(part: slice) -> None:
        with torch.inference_mode():  # of this thread
            first, second = (_sorted_projections(level, directions[part]) for level in (a, b))
        count = min(first.shape[1], second.shape[1])
        at = [((np.arange(count) + 0.5) * side.shape[1] / count).astype(np.int64) for side in (first, second)]
        pairs = zip(first, second, strict=True)
        distances[part] = [np.abs(one[at[0]] - other[at[1]]).mean() for one, other in pairs]

    with apart() as in_parts:
        in_parts(measure, DIRECTIONS)
    return float(distances.mean(dtype=np.float64))


def _sorted_projections(level: Level, directions: Tensor) -> NDArray[np.float32]:
    """Projections of the patches on the directions, each row sorted: [directions, patches]."""
    projected = torch.empty(len(directions), int(level.valid.sum()))
    done = 0
    for strip in strips(level):
        projected[:, done : done + len(strip)] = directions @ strip.t()
        done += len(strip)
    values = projected.numpy()
    values.sort(axis=1)  # NumPy's sort is vectorised, many times faster than torch's
    return values
