"""The losses of InGAN (paper section 2), all in float32."""

import torch
from torch import Tensor


def scale_weights(scales: int, progress: float) -> list[float]:
    """Weights of the discriminator's scales, finest first, that sum to 1 (paper section 2.3).

    Each scale weighs twice its finer neighbour at progress 0 and half of it at progress 1; in between the two
    are mixed linearly, so that halfway the scales weigh about the same. `progress` is clamped to [0, 1].
    """
    progress = min(max(progress, 0.0), 1.0)
    total = 2.0**scales - 1
    return [((1 - progress) * 2.0**index + progress * 2.0 ** (scales - 1 - index)) / total for index in range(scales)]


def lsgan(maps: list[Tensor], target: float, progress: float) -> Tensor:
    """Σ_s w_s · mean((D_s − target)²) over the scales that exist, as one float32 scalar."""
    weights = scale_weights(len(maps), progress)
    terms = [w * (m.float() - target).square().mean() for w, m in zip(weights, maps, strict=True)]
    return torch.stack(terms).sum()


def reconstruction_l1(reconstructed: Tensor, image: Tensor, visible: Tensor) -> Tensor:
    """Mean |x̂ − x| over the pixels that T kept inside its output: [N, 3, H, W] twice, visible [H, W]."""
    difference = (reconstructed.float() - image).abs().mean(dim=1)  # [N, H, W]
    return (difference * visible).sum() / (visible.sum() * len(image)).clamp_min(1.0)
