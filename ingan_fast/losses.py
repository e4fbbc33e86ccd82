"""The losses of InGAN (paper section 2), all in float32."""

import torch
from torch import Tensor
from torch.nn import functional as F


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


def patch_swd(
    output: Tensor, source: Tensor, directions: Tensor, generator: torch.Generator, samples: int = 2048
) -> Tensor:
    """Sliced Wasserstein-1 distance between the patches of two images (Elnekave & Weiss, ECCV 2022)."""

    def quantiles(image: Tensor) -> Tensor:
        projected = F.conv2d(image, directions)[0].flatten(1)  # [P, L]
        count = projected.shape[1]
        index = torch.randint(count, (samples,), generator=generator)
        return projected[:, index].float().sort(dim=1).values

    with torch.no_grad():
        target = quantiles(source)
    return (quantiles(output) - target).abs().mean()


def nn_loss(
    output: Tensor, source: Tensor, generator: torch.Generator, queries: int = 512, keys: int = 8192, size: int = 7
) -> Tensor:
    def patches(image: Tensor, count: int) -> Tensor:
        h, w = image.shape[-2] - size + 1, image.shape[-1] - size + 1
        if count >= h * w:
            idx = torch.arange(h * w)
        else:
            idx = torch.randint(h * w, (count,), generator=generator)
        y, x = idx // w, idx % w
        off = (torch.arange(size)[:, None] * image.shape[-1] + torch.arange(size)[None]).flatten()
        lin = (y * image.shape[-1] + x)[:, None] + off[None]  # [K, 49]
        flat = image[0].flatten(1)  # [3, HW]
        return flat.float()[:, lin].permute(1, 0, 2).flatten(1)  # [K, 147]

    q = patches(output, queries)
    with torch.no_grad():
        k = patches(source, keys)
        # min ||q-k||^2
        score = k.square().sum(1)[None] - 2 * (q.bfloat16() @ k.bfloat16().T).float()
        best = score.argmin(1)
    return (q - k[best]).square().mean()
