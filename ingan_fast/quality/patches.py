"""Building blocks of the measures: patches of a picture at three levels.

Patches are 7x7 RGB in [0, 1], stride 1, at scales 1, 1/2 and 1/4 (antialiased). A picture too small for a level is
evaluated on the finer ones.
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
from ingan_fast.threads import apart

PATCH = 7
SCALES = (1, 2, 4)

# Pixels covered less than this are treated as outside, because they partly show background.
INSIDE = 0.99


@dataclass(frozen=True)
class Level:
    """A picture at one resolution, and which of its patches are valid."""

    image: Tensor  # [3, h, w], float32
    valid: Tensor  # [h - 6, w - 6], bool: validity of the patch with its top left corner here
    scale: int  # of SCALES: full-resolution px per px


@contextmanager
def full_precision() -> Iterator[None]:
    """Disable gradients, and compute float32 products in full precision: a trainer may have allowed bfloat16."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_float32_matmul_precision(before)


@contextmanager
def measuring() -> Iterator[None]:
    """How measures are computed: in full precision, one thread an operation (`threads.apart`)."""
    with full_precision(), apart():
        yield


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
    # 0.01 allows for overshoot of resampling; NaN fails the comparison, too
    if not bool(((tensor >= -0.01) & (tensor <= 1.01)).all()):
        raise UserError(f"{name} has non-finite values or values outside [0, 1]; give uint8 or floats in [0, 1]")
    return tensor


def size_text(image: Tensor) -> str:
    return f"{image.shape[-1]}x{image.shape[-2]}"


def levels(output: NDArray, source: NDArray, mask: NDArray | None) -> list[tuple[Level, Level]]:
    """Pairs of levels (output, source) at which both pictures have valid patches, finest first.

    Arguments and errors as for `metrics.coherence`.
    """
    inside = None
    if mask is not None:
        mask = np.asarray(mask)
        if mask.shape != np.asarray(output).shape[:2]:
            shape = np.asarray(output).shape
            raise UserError(f"the mask has shape {mask.shape}, but the output {shape}; give [height, width]")
        inside = torch.from_numpy(mask.astype(np.float32) >= INSIDE)
    out, src = as_tensor(output, "output", inside), as_tensor(source, "source")
    for name, image in (("output", out), ("source", src)):
        if min(image.shape[1:]) < PATCH:
            raise UserError(f"the {name} is {size_text(image)}; give at least {PATCH} pixels on each side")
    pairs = []
    for scale in SCALES:
        if min(*out.shape[1:], *src.shape[1:]) // scale < PATCH:
            break
        level = level_of(out, inside, scale)
        if not bool(level.valid.any()):
            break
        pairs.append((level, level_of(src, None, scale)))
    if not pairs:
        raise UserError(f"the mask leaves no {PATCH}x{PATCH} patch of the output; give one that covers more")
    return pairs


def level_of(image: Tensor, inside: Tensor | None, scale: int) -> Level:
    """The picture at 1/scale; each pixel is the mean of the inside pixels under the filter."""
    if inside is None:
        image = _shrink(image, scale)
        height, width = image.shape[1:]
        return Level(image, torch.ones(height - PATCH + 1, width - PATCH + 1, dtype=torch.bool), scale)
    cover = _shrink(inside[None].float(), scale)
    image = _shrink(image, scale) / cover.clamp_min(1e-6)
    whole = F.max_pool2d((cover < 0.5).float()[None], PATCH, stride=1)[0, 0] == 0
    return Level(image, whole, scale)


def _shrink(image: Tensor, scale: int) -> Tensor:
    """[C, h, w] -> [C, h // scale, w // scale], antialiased, exactly 1/scale for any remainder.

    The filter has no negative lobes, so dividing by the shrunk mask gives a mean over the inside pixels.
    """
    if scale == 1:
        return image
    return F.interpolate(
        image[None], scale_factor=1 / scale, mode="bilinear", antialias=True, recompute_scale_factor=False
    )[0]


def patches(level: Level, first: int = 0, last: int | None = None) -> Tensor:
    """Valid patches with their top row in [first, last): [n, 3 * 7 * 7]."""
    valid = level.valid[first:last]
    strip = level.image[:, first : first + valid.shape[0] + PATCH - 1]
    windows = strip.unfold(1, PATCH, 1).unfold(2, PATCH, 1).permute(1, 2, 0, 3, 4)  # [rows, columns, 3, 7, 7]
    return windows[valid].flatten(1)


def only(level: Level, index: Tensor) -> Level:
    """The level with only the patches at `index` (into the flattened `valid`) marked valid."""
    valid = torch.zeros(level.valid.numel(), dtype=torch.bool)
    valid[index] = True
    return Level(level.image, valid.view_as(level.valid), level.scale)


def strips(level: Level) -> Iterator[Tensor]:
    """All valid patches, in chunks of some thousands: together they can exceed a gigabyte."""
    rows = max(1, 16_384 // level.valid.shape[1])
    for first in range(0, level.valid.shape[0], rows):
        yield patches(level, first, first + rows)
