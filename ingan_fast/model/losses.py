"""The losses of InGAN (paper section 2), all in float32."""

import torch
from torch import Tensor
from torch.nn import functional as F

from ingan_fast.kernels import homography_warp


def scale_weights(scales: int, progress: Tensor) -> Tensor:
    """Weights of the discriminator's scales, float32 [scales], finest first, that sum to 1 (paper section 2.3).

    Each scale weighs twice its finer neighbour at progress 0 and half of it at progress 1, with linear interpolation
    in between: halfway, all scales weigh about the same. `progress`, a scalar, is clamped to [0, 1].
    """
    progress = progress.clamp(0.0, 1.0)
    coarse = torch.exp2(torch.arange(scales, dtype=torch.float32, device=progress.device))
    return torch.lerp(coarse, coarse.flip(0), progress) / (2**scales - 1)


def lsgan(maps: list[Tensor], target: float, progress: Tensor) -> Tensor:
    """Σ_s w_s · mean((D_s − target)²) over the scales in `maps`, a float32 scalar."""
    terms = torch.stack([(scores.float() - target).square().mean() for scores in maps])
    return (scale_weights(len(maps), progress) * terms).sum()


def reconstruction_l1(reconstructed: Tensor, image: Tensor, visible: Tensor) -> Tensor:
    """Mean |x̂ − x| over the visible pixels: x̂ and x [N, 3, H, W], visible [H, W] in [0, 1]."""
    difference = (reconstructed.float() - image).abs().mean(dim=1)  # [N, H, W]
    return (difference * visible).sum() / (visible.sum() * len(image)).clamp_min(1.0)


# Output px. Displacements up to this cost nothing, so that elements of this size can keep their size.
PLACE = 16
AREA = 64  # output px, side of the windows whose mean colour and contrast are held
CELLS = 3  # per side of such a window, which is at every cell


def out_of_place(apart: Tensor, coarse: int) -> Tensor:
    """Penalty for displaced colours: mean |y - warped x| after averaging over squares of `PLACE` output px.

    Args:
        apart: y - warped x, [N, 3, H, W].
        coarse: output px per pixel of `apart`.
    """
    side = min(max(PLACE // coarse, 1), *apart.shape[-2:])
    return F.avg_pool2d(apart, side, ceil_mode=True).abs().mean()


def moment_distance(y: Tensor, x: Tensor, matrix: Tensor, coarse: int) -> Tensor:
    """Distance between y's local mean and standard deviation of colours and x's, where T puts them: a float32 scalar.

    D sees small patches, whatever their place, so it can tell neither a slightly wrong colour or contrast nor a texture
    that belongs elsewhere in the picture. Both are measured over windows of `AREA` output px. The source is measured
    before T moves the values, not after it: stretched elements have other values, and would then be asked for.

    Args:
        y: [N, 3, H, W], float32 in [-1, 1].
        x: the source, [N, 3, h, w], likewise.
        matrix: [N, 3, 3], the sampling matrix of T.
        coarse: output px per pixel of `y` and `x`.
    """
    cell = AREA / CELLS / coarse
    moments, of_x = _local_moments(y, cell), _local_moments(x, cell)
    aim = homography_warp(of_x, matrix, (moments.shape[-2], moments.shape[-1]), "border")
    return 2 * (moments - aim).abs().mean()


def _local_moments(picture: Tensor, cell: float) -> Tensor:
    """Mean and standard deviation over windows of `CELLS` × `CELLS` cells around each cell of about `cell` px.

    [N, 3, H, W] → [N, 6, rows, columns]. The cells divide the picture evenly, so that T maps them as it maps pixels.
    """
    height, width = picture.shape[-2:]
    size = max(1, round(height / cell)), max(1, round(width / cell))
    cells = F.adaptive_avg_pool2d(torch.cat([picture, picture.square()], dim=1), size)
    windows = F.avg_pool2d(cells, CELLS, stride=1, padding=CELLS // 2, count_include_pad=False)
    mean, of_squares = windows.chunk(2, dim=1)
    # The gradient of a root has no limit at 0: a deviation under 0.01, one grey level, counts as none.
    deviation = (of_squares - mean.square()).clamp_min(0.0).add(1e-4).sqrt()
    return torch.cat([mean, deviation], dim=1)


def guidance_weight(progress: Tensor, left: float) -> Tensor:
    """Weight of the losses that compare y with the warped source: 1 at progress 0, falling to `left` at progress 1.

    They are needed early: without them, dark areas saturate tanh and stay black for thousands of iterations. Later
    they would hold everything larger than `PLACE` to its warped, stretched shape, so they fall while D's scales move
    from coarsest- to finest-heavy (`scale_weights`).
    """
    return 1.0 - (1.0 - left) * progress.clamp(0.0, 1.0)


def refinement_l1(fine: Tensor, coarse: Tensor, again: Tensor, real: Tensor) -> Tensor:
    """Loss of a refiner: `fine` shrunk must equal `coarse`; `again`, a shrunk real crop refined, must equal `real`."""
    return (F.avg_pool2d(fine, 2) - coarse).abs().mean() / 2 + (again - real).abs().mean() / 2
