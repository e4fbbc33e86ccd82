"""Between ComfyUI's tensors and arrays: IMAGE is float [B, H, W, C] in 0..1, MASK is float [B, H, W] in 0..1."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Mask = NDArray[np.bool_]


def pictures(image: Tensor, name: str = "image") -> list[NDArray[np.float32]]:
    """The pictures of an IMAGE: float32 [H, W, C] in [0, 1] each."""
    if image.ndim != 4 or not 1 <= image.shape[3] <= 4 or 0 in image.shape:
        raise ValueError(f"{name} has shape {list(image.shape)}; connect an IMAGE: [batch, height, width, 1 to 4]")
    values = image.detach().float().cpu().numpy()
    if not np.isfinite(values).all():
        raise ValueError(f"{name} has values that are not finite (NaN); look at the node that it comes from")
    return list(values.clip(0, 1))  # upscalers and samplers go a little beyond


def image_of(results: Sequence[NDArray]) -> Tensor:
    """An IMAGE of pictures of one size, [H, W, C]: floats in [0, 1], or uint8."""
    if results[0].dtype == np.uint8:
        return torch.from_numpy(np.stack(results)).float() / 255
    return torch.from_numpy(np.stack(results).astype(np.float32, copy=False)).clamp_(0, 1)  # seams overshoot a little


def in_8_bits(picture: NDArray[np.float32], name: str = "image") -> NDArray[np.uint8]:
    """uint8 [H, W, 3], as networks take it."""
    if picture.shape[2] not in (1, 3):
        raise ValueError(f"{name} has opacity, which networks don't take; split it off first (Split Image with Alpha)")
    values = np.rint(picture * 255).astype(np.uint8)
    return values if values.shape[2] == 3 else np.repeat(values, 3, axis=2)


def masks(mask: Tensor | None, name: str, count: int, size: tuple[int, int]) -> list[Mask | None]:
    """The masks of `count` pictures of (width, height), True where the MASK is above a half.

    An empty mask asks for nothing, whatever its size: Load Image gives one of 64x64 for pictures without opacity.
    """
    if mask is None or not mask.any():
        return [None] * count
    return [values > 0.5 for values in mask_values(mask, name, count, size)]


def mask_values(mask: Tensor, name: str, count: int, size: tuple[int, int]) -> list[NDArray[np.float32]]:
    """The values of a MASK for `count` pictures of (width, height): float32 [H, W] each."""
    if mask.ndim == 2:
        mask = mask[None]
    if mask.ndim != 3:
        raise ValueError(f"{name} has shape {list(mask.shape)}; connect a MASK: [batch, height, width]")
    if (mask.shape[2], mask.shape[1]) != size:
        given, wanted = f"{mask.shape[2]}x{mask.shape[1]}", f"{size[0]}x{size[1]}"
        raise ValueError(f"{name} is {given}, but the image {wanted}; connect a mask of its size")
    return matched(list(mask.detach().float().cpu().numpy()), name, count, "images")


def matched(values: list, name: str, count: int, others: str) -> list:
    """One value for each of `count`: a single one is used for all."""
    if len(values) not in (1, count):
        raise ValueError(f"{name} is a batch of {len(values)}, but there are {count} {others}; give 1 or {count}")
    return values * count if len(values) == 1 else values


def outside(cover: NDArray[np.float32], count: int) -> Tensor:
    """A MASK of where the picture is not; Join Image with Alpha makes that transparent."""
    return torch.from_numpy(1 - cover)[None].repeat(count, 1, 1)
