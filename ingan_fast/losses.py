"""The losses of InGAN (paper section 2), all in float32."""

import torch
from torch import Tensor


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
