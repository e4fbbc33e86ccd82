"""How good is a retargeted picture? Numbers without network weights, always to be read beside a baseline's.

Coherence (no artefacts) and completeness (nothing lost) follow Simakov et al., "Summarizing Visual Data Using
Bidirectional Similarity", CVPR 2008; the patch SWD follows Elnekave & Weiss, "Generating natural images with
direct patch distributions matching", ECCV 2022; `size_kept` (in `local_stretch`) asks whether the elements
keep their size.

Patches are 7x7 RGB in [0, 1], stride 1, at three levels (1, 1/2, 1/4, antialiased); a picture too small for
a level is judged on the finer ones. Nearest neighbours are exact, over all patches of the other picture. Only
the *queries* are sampled where there are many: above `EXACT_PAIRS` pairs a level's mean is taken over
`QUERIES` of its patches, one from each of as many equal runs in raster order, with a fixed seed. So the same
pictures always give the same numbers, within about 2% of those over all patches.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ingan_fast.errors import UserError

PATCH = 7
SCALES = (1, 2, 4)
EXACT_PAIRS = 30_000**2
QUERIES = 4096
DIRECTIONS = 128
SEED = 0

# A pixel partly outside the output shows partly background, so it isn't the output's to answer for.
INSIDE = 0.99


@dataclass(frozen=True)
class _Level:
    image: Tensor  # [3, h, w], float32
    valid: Tensor  # [h - 6, w - 6], bool: the patch whose top left corner is here counts


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
        levels = _levels(output, source, mask)
        return float(np.mean([_mean_nearest(out, src) for out, src in levels]))


def completeness(output: NDArray, source: NDArray, mask: NDArray | None = None) -> float:
    """Mean over the source's patches of the squared distance per value to the nearest patch of the output.

    Simakov et al., CVPR 2008, eq. 1 (first term). 0 is best: every patch of the source is in the output.
    Arguments and errors as for `coherence`.
    """
    with full_precision():
        levels = _levels(output, source, mask)
        return float(np.mean([_mean_nearest(src, out) for out, src in levels]))


def patch_swd(output: NDArray, source: NDArray, mask: NDArray | None = None) -> float:
    """Sliced Wasserstein-1 distance between the two pictures' patch distributions, all patches of each.

    Elnekave & Weiss, ECCV 2022, section 3: project on random unit directions (128, fixed seed), sort, take
    as many quantiles of both, mean absolute difference. 0 is best. Arguments and errors as for `coherence`.
    """
    with full_precision():
        return float(np.mean([_swd(out, src) for out, src in _levels(output, source, mask)]))


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
    """All measures at once: coherence, completeness, swd, kept_width, kept_height.

    A `kept_*` is None where it isn't defined: that side unchanged, the other one changed, the output not a
    full rectangle, or too little in it to measure. Arguments and errors as for `coherence`.
    """
    result: dict[str, float | None] = {
        "coherence": coherence(output, source, mask),
        "completeness": completeness(output, source, mask),
        "swd": patch_swd(output, source, mask),
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
    from ingan_fast.local_stretch import kept_along_width  # it builds on this file's nearest neighbours

    if axis not in ("width", "height"):
        raise UserError(f"axis is {axis!r}; it is 'width' or 'height'")
    pair = as_tensor(output, "output"), as_tensor(source, "source")
    with full_precision():
        if axis == "height":
            pair = pair[0].transpose(1, 2), pair[1].transpose(1, 2)
        return kept_along_width(*pair, axis=axis)


@contextmanager
def full_precision() -> Iterator[None]:
    """No gradients, and float32 products in float32: a trainer may have allowed bfloat16 for the process."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_float32_matmul_precision(before)


def as_tensor(image: NDArray, name: str, inside: Tensor | None = None) -> Tensor:
    """[H, W, 3] uint8 or float in [0, 1] -> [3, H, W] float32; black where `inside` is False."""
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise UserError(f"{name} has shape {image.shape}; give a colour picture [height, width, 3]")
    if image.dtype != np.uint8 and not np.issubdtype(image.dtype, np.floating):
        raise UserError(f"{name} has type {image.dtype}; give uint8 or floats in [0, 1]")
    tensor = torch.from_numpy(np.ascontiguousarray(image, dtype=np.float32)).permute(2, 0, 1)
    if image.dtype == np.uint8:
        tensor = tensor / 255
    if inside is not None:
        tensor = torch.where(inside, tensor, torch.zeros(()))
    # 0.01 leaves room for a resampling's overshoot; NaN fails the comparison too
    if not bool(((tensor >= -0.01) & (tensor <= 1.01)).all()):
        raise UserError(f"{name} has values outside [0, 1] or not finite; give uint8 or floats in [0, 1]")
    return tensor


def size_text(image: Tensor) -> str:
    return f"{image.shape[-1]}x{image.shape[-2]}"


def _levels(output: NDArray, source: NDArray, mask: NDArray | None) -> list[tuple[_Level, _Level]]:
    """The pairs of levels (output, source) on which both pictures have patches that count, finest first."""
    inside = None
    if mask is not None:
        mask = np.asarray(mask)
        if mask.shape != np.asarray(output).shape[:2]:
            shape = np.asarray(output).shape
            raise UserError(f"the mask has shape {mask.shape}, the output {shape}; give [height, width]")
        inside = torch.from_numpy(mask.astype(np.float32) >= INSIDE)
    out, src = as_tensor(output, "output", inside), as_tensor(source, "source")
    for name, image in (("output", out), ("source", src)):
        if min(image.shape[1:]) < PATCH:
            raise UserError(f"the {name} is {size_text(image)}; give at least {PATCH} pixels a side")
    pairs = []
    for scale in SCALES:
        if min(*out.shape[1:], *src.shape[1:]) // scale < PATCH:
            break
        level = _level(out, inside, scale)
        if not bool(level.valid.any()):
            break
        pairs.append((level, _level(src, None, scale)))
    if not pairs:
        raise UserError(f"the mask leaves no {PATCH}x{PATCH} patch of the output; give one that covers more")
    return pairs


def _level(image: Tensor, inside: Tensor | None, scale: int) -> _Level:
    """The picture at 1/scale; each pixel there is the mean of the inside pixels under the filter."""
    if inside is None:
        image = _shrink(image, scale)
        height, width = image.shape[1:]
        return _Level(image, torch.ones(height - PATCH + 1, width - PATCH + 1, dtype=torch.bool))
    cover = _shrink(inside[None].float(), scale)
    image = _shrink(image, scale) / cover.clamp_min(1e-6)
    whole = F.max_pool2d((cover < 0.5).float()[None], PATCH, stride=1)[0, 0] == 0
    return _Level(image, whole)


def _shrink(image: Tensor, scale: int) -> Tensor:
    """[C, h, w] -> [C, h // scale, w // scale], antialiased, exactly 1/scale whatever the size's remainder.

    The filter has no negative lobes, so dividing by the shrunk mask is a mean over the pixels inside.
    """
    if scale == 1:
        return image
    return F.interpolate(
        image[None], scale_factor=1 / scale, mode="bilinear", antialias=True, recompute_scale_factor=False
    )[0]


def _patches(level: _Level, first: int = 0, last: int | None = None) -> Tensor:
    """The patches that count whose top row is in [first, last): [n, 3 * 7 * 7]."""
    valid = level.valid[first:last]
    strip = level.image[:, first : first + valid.shape[0] + PATCH - 1]
    windows = strip.unfold(1, PATCH, 1).unfold(2, PATCH, 1).permute(1, 2, 0, 3, 4)  # [rows, columns, 3, 7, 7]
    return windows[valid].flatten(1)


def _strips(level: _Level) -> Iterator[Tensor]:
    """All patches that count, some thousands at a time: together they can exceed a gigabyte."""
    rows = max(1, 16_384 // level.valid.shape[1])
    for first in range(0, level.valid.shape[0], rows):
        yield _patches(level, first, first + rows)


def _mean_nearest(queries: _Level, database: _Level) -> float:
    count = int(queries.valid.sum())
    if count * int(database.valid.sum()) > EXACT_PAIRS and count > QUERIES:
        generator = torch.Generator().manual_seed(SEED)
        chosen = (torch.arange(QUERIES) + torch.rand(QUERIES, generator=generator)) * (count / QUERIES)
        index = queries.valid.flatten().nonzero().flatten()[chosen.long().clamp_max(count - 1)]
        valid = torch.zeros(queries.valid.numel(), dtype=torch.bool)
        valid[index] = True
        queries = _Level(queries.image, valid.view_as(queries.valid))
    return float(nearest(_patches(queries), _strips(database)).double().mean())


def nearest(queries: Tensor, database: Iterator[Tensor], block: int = 512, columns: int = 1024) -> Tensor:
    """Squared distance per value from each query to its nearest row of the database: [n, d] -> [n].

    |q - p|^2 = |q|^2 + (|p|^2 - 2 p.q), with |p|^2 as one more column of the product. Taking the queries'
    mean from both sides keeps the terms, and so the rounding, small (about 1e-8). Blocks stay in the cache.
    """
    centre = queries.mean(0)
    queries = queries - centre
    best = torch.full((queries.shape[0],), torch.inf)
    turned = F.pad(queries, (0, 1), value=1.0).t()  # [d + 1, n]
    parts = [part.contiguous() for part in turned.split(columns, dim=1)]
    for strip in database:
        strip = strip - centre
        rows = torch.cat([-2 * strip, strip.square().sum(1, keepdim=True)], dim=1)
        for rows_block in rows.split(block):
            for part, so_far in zip(parts, best.split(columns), strict=True):
                torch.minimum(so_far, (rows_block @ part).amin(0), out=so_far)
    return (best + queries.square().sum(1)).clamp_min(0) / queries.shape[1]


def _swd(a: _Level, b: _Level) -> float:
    generator = torch.Generator().manual_seed(SEED)
    directions = torch.randn(3 * PATCH * PATCH, DIRECTIONS, generator=generator)
    directions = directions / directions.norm(dim=0)
    count = min(int(a.valid.sum()), int(b.valid.sum()))
    quantiles = []
    for level in (a, b):
        projected = torch.cat([strip @ directions for strip in _strips(level)]).t().contiguous().numpy()
        projected.sort(axis=1)  # numpy's is vectorised, many times faster than torch's
        at = ((np.arange(count) + 0.5) * projected.shape[1] / count).astype(np.int64)
        quantiles.append(projected[:, at])
    return float(np.abs(quantiles[0] - quantiles[1]).mean(dtype=np.float64))
