"""The warp in plain torch: the twin that every faster kernel is checked against, and what a CPU runs.

Coordinates are normalised to [-1, 1]² over pixel edges (`align_corners=False`), x right, y down. They are
float32 whatever the features are: a half-precision grid would shift pixels.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

PADDINGS = ("reflection", "border", "zeros")

DTYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64)

# A sampling w closer to zero than this is held here (with its sign), and a coordinate farther out than this
# many half-sources is held there: nothing non-finite reaches the sampling, whatever the matrix. A `Transform`
# keeps far from both: it refuses a horizon in the frame.
MIN_W = 1e-6
MAX_COORDINATE = 1e4

# On a CPU, channels_last features of this many channels are sampled as rows.
MIN_ROW = 24


def homography_warp(features: Tensor, matrix: Tensor, size: tuple[int, int], padding: str = "reflection") -> Tensor:
    """Resample feature maps bilinearly through homographies (the transformation layer of InGAN §2.2).

    Args:
        features: [N, C, H, W], float32, float16, bfloat16 or float64.
        matrix: [N, 3, 3] sampling matrices, output → source, both normalised
            (`Transform.sampling_matrix()`), of any floating dtype, on the features' device.
        size: (Ho, Wo) of the result, in pixels, at least 1.
        padding: what lies outside the source: "reflection" (mirrored at the edges of the border pixels, as
            often as it takes), "border" (the nearest pixel) or "zeros".

    Returns:
        [N, C, Ho, Wo] in the features' dtype, channels_last if they were. Differentiable once, in `features`
        only. Coordinates and sums are float32 (float64 for float64 features).

    Raises:
        TypeError: not a tensor, or a dtype that isn't allowed.
        ValueError: a shape, device, padding or size that isn't allowed.
    """
    _check_features(features, padding)
    _check_companion("matrix", matrix, features)
    if matrix.shape != (features.shape[0], 3, 3):
        raise ValueError(
            f"matrix has shape {list(matrix.shape)}; needed is [N, 3, 3], here [{features.shape[0]}, 3, 3]"
        )
    return _warp(features, sampling_grid(matrix, size, _coordinate_dtype(features)), padding)


def grid_warp(features: Tensor, grid: Tensor, padding: str = "reflection") -> Tensor:
    """Resample feature maps bilinearly at given source coordinates; else as `homography_warp`.

    Args:
        features: [N, C, H, W], float32, float16, bfloat16 or float64.
        grid: [N, Ho, Wo, 2] source coordinates (x, y), normalised (`Transform.grid()`), on the features'
            device. A coordinate that isn't finite reads some pixel of the source.
        padding: "reflection", "border" or "zeros".

    Returns:
        [N, C, Ho, Wo] in the features' dtype, channels_last if they were.

    Raises:
        TypeError, ValueError: as `homography_warp`.
    """
    _check_features(features, padding)
    _check_companion("grid", grid, features)
    if grid.ndim != 4 or grid.shape[0] != features.shape[0] or grid.shape[3] != 2 or 0 in grid.shape:
        raise ValueError(
            f"grid has shape {list(grid.shape)}; needed is [N, Ho, Wo, 2] with N = {features.shape[0]} "
            "and no empty side"
        )
    return _warp(features, grid.to(_coordinate_dtype(features)), padding)


def sampling_grid(matrix: Tensor, size: tuple[int, int], dtype: torch.dtype = torch.float32) -> Tensor:
    """Source coordinates [N, Ho, Wo, 2] (x, y) of the output's pixel centres, all of them finite.

    Args:
        matrix: [N, 3, 3] sampling matrices, output → source, normalised.
        size: (Ho, Wo) in pixels, at least 1.
        dtype: of the coordinates, float32 or float64.

    Raises:
        ValueError: a size that isn't allowed.
    """
    if len(size) != 2 or min(size) < 1:
        raise ValueError(f"size is {tuple(size)}; needed is (Ho, Wo), each at least 1")
    height, width = size
    x = ((torch.arange(width, device=matrix.device, dtype=dtype) * 2 + 1) / width - 1)[None, None, :]
    y = ((torch.arange(height, device=matrix.device, dtype=dtype) * 2 + 1) / height - 1)[None, :, None]
    coordinates = torch.stack(project(matrix.detach().to(dtype), x, y), dim=-1)
    return coordinates.nan_to_num(0.0).clamp(-MAX_COORDINATE, MAX_COORDINATE)


def project(matrix: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Where points land under homographies.

    Args:
        matrix: [N, 3, 3].
        x, y: of one shape after broadcasting, [N, ...] or [1, ...].

    Returns:
        Their x and y, [N, ...]. Within `MIN_W` of a horizon they are far away, but finite.
    """
    # Products written out, not a matmul: autocast would run that in bfloat16.
    m = matrix.view(-1, 3, 3, *[1] * (x.dim() - 1))
    u, v, w = (m[:, row, 0] * x + (m[:, row, 1] * y + m[:, row, 2]) for row in range(3))
    w = torch.where(w.abs() < MIN_W, torch.copysign(torch.full_like(w, MIN_W), w), w)
    return u / w, v / w


def _warp(features: Tensor, grid: Tensor, padding: str) -> Tensor:
    channels_last = features.is_contiguous(memory_format=torch.channels_last)
    if (
        features.device.type == "cpu"
        and channels_last
        and features.shape[1] >= MIN_ROW
        and not torch.compiler.is_compiling()
    ):
        index, weight = _taps(grid.detach(), features.shape[2], features.shape[3], padding)
        return _WeightedRows.apply(features, index, weight, grid.shape[1:3])
    # One node, which compilers fuse and exporters know by name (GridSample).
    warped = F.grid_sample(features.to(grid.dtype), grid, padding_mode=padding, align_corners=False)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    return warped.to(features.dtype).contiguous(memory_format=layout)


class _WeightedRows(torch.autograd.Function):
    """Each output pixel is a weighted sum of four source pixels: rows of C channels, not scalars.

    Forward and backward, a CPU does this up to twice as fast as `grid_sample` at 24 channels and 4 to 6 times
    as fast at 64 (it moves whole rows, and nothing is transposed); the gradient sums in a fixed order.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor, index: Tensor, weight: Tensor, size: tuple[int, int]) -> Tensor:
        count, channels = features.shape[:2]
        rows = features.permute(0, 2, 3, 1).reshape(-1, channels).to(weight.dtype)  # [N·H·W, C]
        warped = F.embedding_bag(index, rows, per_sample_weights=weight, mode="sum")  # [N·Ho·Wo, C]
        ctx.save_for_backward(index, weight)
        ctx.shape, ctx.dtype = features.shape, features.dtype
        return warped.to(features.dtype).view(count, *size, channels).permute(0, 3, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        index, weight = ctx.saved_tensors
        count, channels, height, width = ctx.shape
        rows = gradient.permute(0, 2, 3, 1).reshape(-1, channels).to(weight.dtype)  # [N·Ho·Wo, C]
        # The transpose as another gather: sort the taps by the source pixel that they read, then each source
        # pixel is a weighted sum of output pixels. No scatter, no atomics.
        source, order = index.flatten().int().sort(stable=True)  # int32 sorts twice as fast
        starts = torch.searchsorted(source, torch.arange(count * height * width, dtype=torch.int32))
        weights = weight.flatten()[order]
        summed = F.embedding_bag(order >> 2, rows, starts, per_sample_weights=weights, mode="sum")
        result = summed.to(ctx.dtype).view(count, height, width, channels).permute(0, 3, 1, 2)  # [N, C, H, W]
        return result, None, None, None


def _taps(grid: Tensor, height: int, width: int, padding: str) -> tuple[Tensor, Tensor]:
    """Rows and weights of the four neighbours of each coordinate: [N·Ho·Wo, 4] each."""
    # An index must never leave the table, whatever the grid.
    grid = grid.nan_to_num(0.0).clamp(-MAX_COORDINATE, MAX_COORDINATE)
    left, right, left_weight, right_weight = _neighbours(grid[..., 0], width, padding)
    top, bottom, top_weight, bottom_weight = _neighbours(grid[..., 1], height, padding)
    first = torch.arange(grid.shape[0]).view(-1, 1, 1) * (height * width)
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
    """Pixels before and after a normalised coordinate along an axis of n pixels, and their weights."""
    position = (coordinate + 1) * (n / 2) - 0.5  # pixel centres at integers
    if padding == "reflection":
        folded = torch.remainder(position + 0.5, 2 * n)
        position = (torch.minimum(folded, 2 * n - folded) - 0.5).clamp(0, n - 1)
    elif padding == "border":
        position = position.clamp(0, n - 1)
    else:
        position = position.clamp(-1, n)  # beyond these every weight is zero
    before = position.floor()
    after = before + 1
    before_weight, after_weight = after - position, position - before
    if padding == "zeros":
        before_weight = before_weight * ((before >= 0) & (before < n))
        after_weight = after_weight * (after < n)
    return before.clamp(0, n - 1).long(), after.clamp(0, n - 1).long(), before_weight, after_weight


def _coordinate_dtype(features: Tensor) -> torch.dtype:
    return torch.float64 if features.dtype == torch.float64 else torch.float32


def _check_features(features: Tensor, padding: str) -> None:
    if not isinstance(features, Tensor):
        raise TypeError(f"features is a {type(features).__name__}; needed is a torch.Tensor")
    if features.dtype not in DTYPES:
        raise TypeError(f"features has dtype {features.dtype}; allowed are {', '.join(map(str, DTYPES))}")
    if features.ndim != 4 or 0 in features.shape:
        raise ValueError(f"features has shape {list(features.shape)}; needed is [N, C, H, W] with no empty side")
    if padding not in PADDINGS:
        raise ValueError(f"padding is {padding!r}; allowed are {', '.join(PADDINGS)}")


def _check_companion(name: str, tensor: Tensor, features: Tensor) -> None:
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{name} is a {type(tensor).__name__}; needed is a torch.Tensor")
    if not tensor.is_floating_point():
        raise TypeError(f"{name} has dtype {tensor.dtype}; needed is a floating dtype (best float32)")
    if tensor.device != features.device:
        raise ValueError(f"{name} is on {tensor.device} but features is on {features.device}; move it")
