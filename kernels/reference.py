"""The warp in plain torch: runs on a CPU, and is the reference that faster kernels are checked against.

Coordinates are normalised to [-1, 1]² over pixel edges (`align_corners=False`), x right, y down. They are float32
for features of any smaller dtype: a half-precision grid would shift pixels.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from ingan_fast.kernels.arguments import check_size

# `grid_sample`'s internal number of the mode.
_BILINEAR = 0
# |w| is clamped to at least MIN_W (keeping its sign) and coordinates to ±MAX_COORDINATE (in half sources), so that
# sampling positions are finite for any matrix. A `Transform` stays far from both limits: it rejects a horizon in the
# frame.
MIN_W = 1e-6
MAX_COORDINATE = 1e4

_GRID_SAMPLE_PADDING = {"zeros": 0, "border": 1, "reflection": 2}

# On a CPU, channels_last features with at least this many channels are sampled row-wise.
MIN_ROW = 24


def homography_warp(features: Tensor, matrix: Tensor, size: tuple[int, int], padding: str) -> Tensor:
    """`kernels.homography_warp` for checked arguments, differentiable by autograd."""
    return _warp(features, sampling_grid(matrix, size, _coordinate_dtype(features)), padding)


def grid_warp(features: Tensor, grid: Tensor, padding: str) -> Tensor:
    """`kernels.grid_warp` for checked arguments, differentiable by autograd."""
    return _warp(features, grid.to(_coordinate_dtype(features)), padding)


def homography_warp_gradient(
    gradient: Tensor, matrix: Tensor, size: tuple[int, int], padding: str, channels_last: bool
) -> Tensor:
    """Gradient of the result [N, C, Ho, Wo] → gradient of the features [N, C, H, W], without autograd.

    Args:
        size: (H, W) of the features.
        channels_last: memory format of the features and of the returned gradient.
    """
    out_size = (gradient.shape[2], gradient.shape[3])
    grid = sampling_grid(matrix, out_size, _coordinate_dtype(gradient))
    return grid_warp_gradient(gradient, grid, size, padding, channels_last)


def grid_warp_gradient(
    gradient: Tensor, grid: Tensor, size: tuple[int, int], padding: str, channels_last: bool
) -> Tensor:
    """Like `homography_warp_gradient`, for a grid [N, Ho, Wo, 2]. Deterministic if torch is set to be."""
    grid = grid.to(_coordinate_dtype(gradient))
    shape = torch.Size((*gradient.shape[:2], *size))
    if torch.are_deterministic_algorithms_enabled() or _goes_by_rows(gradient, channels_last):
        result = _sum_rows(gradient, *_taps(grid, *size, padding), shape)
    else:
        rows, like = gradient.to(grid.dtype), torch.empty(shape, dtype=grid.dtype, device=grid.device)
        mode = _BILINEAR, _GRID_SAMPLE_PADDING[padding], False, (True, False)
        result = torch.ops.aten.grid_sampler_2d_backward(rows, like, grid, *mode)[0].to(gradient.dtype)
    return result.contiguous(memory_format=layout(channels_last))


def is_channels_last(features: Tensor) -> bool:
    """Whether a warp's result is channels_last; also True if both formats coincide (one channel or one pixel)."""
    return features.is_contiguous(memory_format=torch.channels_last)


def layout(channels_last: bool) -> torch.memory_format:
    return torch.channels_last if channels_last else torch.contiguous_format


def sampling_grid(matrix: Tensor, size: tuple[int, int], dtype: torch.dtype = torch.float32) -> Tensor:
    """Source coordinates [N, Ho, Wo, 2] (x, y) of the output's pixel centres, all finite.

    Args:
        matrix: [N, 3, 3] sampling matrices, output → source, normalised.
        size: (Ho, Wo) in pixels, at least 1.
        dtype: float32 or float64, of the coordinates.

    Raises:
        TypeError, ValueError: `size` isn't allowed.
    """
    check_size(size)
    height, width = size
    x = ((torch.arange(width, device=matrix.device, dtype=dtype) * 2 + 1) / width - 1)[None, None, :]
    y = ((torch.arange(height, device=matrix.device, dtype=dtype) * 2 + 1) / height - 1)[None, :, None]
    coordinates = torch.stack(project(matrix.detach().to(dtype), x, y), dim=-1)
    return coordinates.nan_to_num(0.0).clamp(-MAX_COORDINATE, MAX_COORDINATE)


def project(matrix: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Apply homographies to points.

    Args:
        matrix: [N, 3, 3].
        x, y: coordinates that broadcast to one shape, [N, ...] or [1, ...].

    Returns:
        The mapped x and y, [N, ...]. Within `MIN_W` of a horizon they are large but finite.
    """
    # Written out instead of a matmul, which autocast would run in bfloat16.
    m = matrix.view(-1, 3, 3, *[1] * (x.dim() - 1))
    u, v, w = (m[:, row, 0] * x + (m[:, row, 1] * y + m[:, row, 2]) for row in range(3))
    w = torch.where(w.abs() < MIN_W, torch.copysign(torch.full_like(w, MIN_W), w), w)
    return u / w, v / w


def _warp(features: Tensor, grid: Tensor, padding: str) -> Tensor:
    channels_last = is_channels_last(features)
    if _goes_by_rows(features, channels_last) and not torch.compiler.is_compiling() and not torch.jit.is_tracing():
        index, weight = _taps(grid.detach(), features.shape[2], features.shape[3], padding)
        return _WeightedRows.apply(features, index, weight, grid.shape[1:3])
    # A single node, which compilers can fuse and exporters can translate (GridSample).
    warped = F.grid_sample(features.to(grid.dtype), grid, padding_mode=padding, align_corners=False)
    return warped.to(features.dtype).contiguous(memory_format=layout(channels_last))


def _goes_by_rows(tensor: Tensor, channels_last: bool) -> bool:
    return tensor.device.type == "cpu" and channels_last and tensor.shape[1] >= MIN_ROW


class _WeightedRows(torch.autograd.Function):
    """Bilinear sampling as weighted sums of four rows of C channels each.

    On a CPU, forward plus backward are up to 2x as fast as `grid_sample` at 24 channels and 4x to 6x at 64 (whole
    rows are moved, nothing is transposed), and the gradient sums in a fixed order.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor, index: Tensor, weight: Tensor, size: tuple[int, int]) -> Tensor:
        count, channels = features.shape[:2]
        rows = features.permute(0, 2, 3, 1).reshape(-1, channels).to(weight.dtype)  # [N·H·W, C]
        warped = F.embedding_bag(index, rows, per_sample_weights=weight, mode="sum")  # [N·Ho·Wo, C]
        ctx.save_for_backward(index, weight)
        ctx.shape = features.shape
        return warped.to(features.dtype).view(count, *size, channels).permute(0, 3, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        index, weight = ctx.saved_tensors
        return _sum_rows(gradient, index, weight, ctx.shape), None, None, None


def _sum_rows(gradient: Tensor, index: Tensor, weight: Tensor, shape: torch.Size) -> Tensor:
    """The transpose of sampling at `_taps`, [N, C, H, W], as another gather: no scatter, no atomics.

    With the taps sorted by source pixel, the gradient of a source pixel is a weighted sum of output pixels.
    """
    count, channels, height, width = shape
    rows = gradient.permute(0, 2, 3, 1).reshape(-1, channels).to(weight.dtype)  # [N·Ho·Wo, C]
    source, order = index.flatten().int().sort(stable=True)  # int32 sorts twice as fast
    pixels = torch.arange(count * height * width, dtype=torch.int32, device=source.device)
    starts = torch.searchsorted(source, pixels)
    weights = weight.flatten()[order]
    summed = F.embedding_bag(order >> 2, rows, starts, per_sample_weights=weights, mode="sum")
    return summed.to(gradient.dtype).view(count, height, width, channels).permute(0, 3, 1, 2)


def _taps(grid: Tensor, height: int, width: int, padding: str) -> tuple[Tensor, Tensor]:
    """Row indices and weights of the four neighbours of each coordinate, [N·Ho·Wo, 4] each."""
    # Keeps indices in range for any grid.
    grid = grid.nan_to_num(0.0).clamp(-MAX_COORDINATE, MAX_COORDINATE)
    left, right, left_weight, right_weight = _neighbours(grid[..., 0], width, padding)
    top, bottom, top_weight, bottom_weight = _neighbours(grid[..., 1], height, padding)
    first = torch.arange(grid.shape[0], device=grid.device).view(-1, 1, 1) * (height * width)
    top, bottom = first + top * width, first + bottom * width
    index = torch.stack((top + left, top + right, bottom + left, bottom + right), dim=-1)
    weight = torch.stack(
        (
            top_weight * left_weight,
            top_weight * right_weight,
            bottom_weight * left_weight,
            bottom_weight * right_weight,
        ),
        dim=-1,
    )
    return index.view(-1, 4), weight.view(-1, 4)


def _neighbours(coordinate: Tensor, n: int, padding: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Pixels before and after a normalised coordinate on an axis of n pixels, and their weights."""
    position = (coordinate + 1) * (n / 2) - 0.5  # pixel centres at integers
    if padding == "reflection":
        folded = torch.remainder(position + 0.5, 2 * n)
        position = (torch.minimum(folded, 2 * n - folded) - 0.5).clamp(0, n - 1)
    elif padding == "border":
        position = position.clamp(0, n - 1)
    else:
        position = position.clamp(-1, n)  # beyond these all weights are zero
    before = position.floor()
    after = before + 1
    before_weight, after_weight = after - position, position - before
    if padding == "zeros":
        before_weight = before_weight * ((before >= 0) & (before < n))
        after_weight = after_weight * (after < n)
    return before.clamp(0, n - 1).long(), after.clamp(0, n - 1).long(), before_weight, after_weight


def _coordinate_dtype(features: Tensor) -> torch.dtype:
    return torch.float64 if features.dtype == torch.float64 else torch.float32
