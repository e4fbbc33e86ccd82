"""The losses of InGAN (paper section 2), all in float32."""

import torch
from torch import Tensor
from torch.nn import functional as F


def scale_weights(scales: int, progress: Tensor) -> Tensor:
    """Weights of the discriminator's scales, float32 [scales], finest first, that sum to 1 (paper section 2.3).

    Each scale weighs twice its finer neighbour at progress 0 and half of it at progress 1; in between the two
    are mixed linearly, so that halfway the scales weigh about the same. `progress`, a scalar, is clamped to [0, 1].
    """
    progress = progress.clamp(0.0, 1.0)
    coarse = torch.exp2(torch.arange(scales, dtype=torch.float32, device=progress.device))
    return torch.lerp(coarse, coarse.flip(0), progress) / (2**scales - 1)


def lsgan(maps: list[Tensor], target: float, progress: Tensor) -> Tensor:
    """Σ_s w_s · mean((D_s − target)²) over the scales that exist, as one float32 scalar."""
    terms = torch.stack([(scores.float() - target).square().mean() for scores in maps])
    return (scale_weights(len(maps), progress) * terms).sum()


def reconstruction_l1(reconstructed: Tensor, image: Tensor, visible: Tensor) -> Tensor:
    """Mean |x̂ − x| over the pixels that T kept inside its output: [N, 3, H, W] twice, visible [H, W]."""
    difference = (reconstructed.float() - image).abs().mean(dim=1)  # [N, H, W]
    return (difference * visible).sum() / (visible.sum() * len(image)).clamp_min(1.0)


def patch_swd(image: Tensor, other: Tensor, directions: Tensor, levels: int = 2) -> Tensor:
    """Sliced Wasserstein-1 distance between the 7×7 patches of two images, at full and half size, as a scalar.

    Along `directions` [K, 3, 7, 7]; where one image has more, quantiles of it.
    """
    total = torch.zeros((), device=image.device)
    for level in range(levels):
        if min(*image.shape[-2:], *other.shape[-2:]) < 14:
            break
        a, b = (_projected(each, directions) for each in (image, other))
        count = min(a.shape[1], b.shape[1])
        total = total + (_quantiles(a, count) - _quantiles(b, count)).abs().mean()
        image, other = F.avg_pool2d(image, 2), F.avg_pool2d(other, 2)
    return total / levels


def _projected(image: Tensor, directions: Tensor) -> Tensor:
    """Sorted, [K, patches]."""
    return F.conv2d(image, directions)[0].flatten(1).sort(dim=1).values


def _quantiles(values: Tensor, count: int) -> Tensor:
    if values.shape[1] == count:
        return values
    places = torch.linspace(0, values.shape[1] - 1, count, device=values.device).round().long()
    return values.index_select(1, places)


def out_of_place(y: Tensor, warped: Tensor, place: int) -> Tensor:
    """Mean |y - x warped|, both averaged over squares of `place` px."""
    place = min(place, *y.shape[-2:])
    return (F.avg_pool2d(y, place, ceil_mode=True) - F.avg_pool2d(warped, place, ceil_mode=True)).abs().mean()
