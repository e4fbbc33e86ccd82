"""Launches of the Triton kernels: layouts, tiles and index widths. Arguments are checked by the callers.

Importing this module imports Triton; `ops` does so at the first warp on a CUDA device.
"""

from contextlib import AbstractContextManager, nullcontext

import torch
import triton
from torch import Tensor

from ingan_fast.kernels.triton_forward import warp_forward
from ingan_fast.kernels.triton_gather import warp_gather
from ingan_fast.kernels.triton_scatter import warp_scatter

DTYPES = (torch.float32, torch.float16, torch.bfloat16)

WARPS = 4
MAX_BLOCK_C = 64
# Output pixels (height, width) of a program that holds at most so many channels. Forward that is 4,096 values, 32 a
# thread, which loads them 128 bits at a time; half of it where each value goes to four addresses.
TILES = {16: (16, 16), 32: (8, 16), 64: (8, 8)}
SCATTER_TILES = {16: (8, 16), 32: (8, 8), 64: (4, 8)}
# Source pixels of a gathering program, and output pixels of a step: the sides of its matrix product. The step is
# flat, since at scale 1 the box around a tile is some 10 x 10: five steps of 2 x 16.
GATHER_TILE, GATHER_STEP = (8, 8), (2, 16)
# `tl.dot` takes 16 columns at least; 64 of float32 would spill on sm_80.
GATHER_BLOCK_C = {torch.float32: (16, 32), torch.float16: (16, 64), torch.bfloat16: (16, 64)}
INDEX_LIMIT = 2**31
# Products and sums fused, which is the default up to Triton 3.9 (that release warns unless told).
OPTIONS = {"num_warps": WARPS, "enable_fp_fusion": True}


def homography_warp(features: Tensor, matrix: Tensor, size: tuple[int, int], padding: str) -> Tensor:
    """As `kernels.homography_warp`, for CUDA features in `DTYPES`; matrix [N, 3, 3]."""
    return _forward(features, matrix, size, padding, grid=False)


def grid_warp(features: Tensor, grid: Tensor, padding: str) -> Tensor:
    """As `kernels.grid_warp`, for CUDA features in `DTYPES`; grid [N, Ho, Wo, 2]."""
    return _forward(features, grid, (grid.shape[1], grid.shape[2]), padding, grid=True)


def homography_warp_scatter(gradient: Tensor, matrix: Tensor, size: tuple[int, int], padding: str) -> Tensor:
    """The gradient in the features, [N, C, H, W] with `size` (H, W), by float32 atomics: bits vary."""
    return _scatter(gradient, matrix, size, padding, grid=False)


def grid_warp_scatter(gradient: Tensor, grid: Tensor, size: tuple[int, int], padding: str) -> Tensor:
    """As `homography_warp_scatter`, for a grid [N, Ho, Wo, 2]."""
    return _scatter(gradient, grid, size, padding, grid=True)


def homography_warp_gather(gradient: Tensor, matrix: Tensor, size: tuple[int, int], padding: str) -> Tensor:
    """The gradient in the features, [N, C, H, W] with `size` (H, W), summed in a fixed order.

    A gradient that isn't finite reaches the tile of source pixels around the ones that it belongs to.
    """
    gradient, matrix = _rows(gradient), _coordinates(matrix)
    result = _empty(gradient, size)
    _, channels, out_height, out_width = gradient.shape
    tile_c = gather_block_c(channels, gradient.dtype)
    with _on(gradient):
        warp_gather[_programs(result, GATHER_TILE, tile_c)](
            gradient,
            matrix,
            result,
            *size,
            out_height,
            out_width,
            C=channels,
            PADDING=padding,
            WIDE=is_wide(gradient, result),
            TILE_H=GATHER_TILE[0],
            TILE_W=GATHER_TILE[1],
            BLOCK_C=tile_c,
            OUT_H=GATHER_STEP[0],
            OUT_W=GATHER_STEP[1],
            PRECISION=precision(gradient.dtype),
            **OPTIONS,
        )
    return result


def block_c(channels: int) -> int:
    """Channels of a program: all of them up to `MAX_BLOCK_C`, as a power of two."""
    return min(triton.next_power_of_2(channels), MAX_BLOCK_C)


def gather_block_c(channels: int, dtype: torch.dtype) -> int:
    """As `block_c`, for a gathering program."""
    least, most = GATHER_BLOCK_C[dtype]
    return min(max(block_c(channels), least), most)


def tile(channels: int, tiles: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """(height, width) of a program's output pixels, one of `TILES` or `SCATTER_TILES`."""
    return next(shape for most, shape in tiles.items() if block_c(channels) <= most)


def precision(dtype: torch.dtype) -> str:
    """Of the gather's products: TensorFloat-32 holds a half gradient whole, float32 takes three products of it."""
    return "tf32x3" if dtype == torch.float32 else "tf32"


def is_wide(*tensors: Tensor) -> bool:
    """Whether an index into one of them can pass 2³¹."""
    return any(tensor.numel() >= INDEX_LIMIT for tensor in tensors)


def _forward(features: Tensor, where: Tensor, size: tuple[int, int], padding: str, grid: bool) -> Tensor:
    features, where = _rows(features), _coordinates(where)
    warped = _empty(features, size)
    _, channels, height, width = features.shape
    tile_h, tile_w = tile(channels, TILES)
    with _on(features):
        warp_forward[_programs(warped, (tile_h, tile_w), block_c(channels))](
            features,
            where,
            warped,
            height,
            width,
            *size,
            C=channels,
            PADDING=padding,
            GRID=grid,
            WIDE=is_wide(features, where, warped),
            TILE_H=tile_h,
            TILE_W=tile_w,
            BLOCK_C=block_c(channels),
            **OPTIONS,
        )
    return warped


def _scatter(gradient: Tensor, where: Tensor, size: tuple[int, int], padding: str, grid: bool) -> Tensor:
    gradient, where = _rows(gradient), _coordinates(where)
    count, channels, out_height, out_width = gradient.shape
    total = torch.zeros(count, *size, channels, dtype=torch.float32, device=gradient.device).permute(0, 3, 1, 2)
    tile_h, tile_w = tile(channels, SCATTER_TILES)
    with _on(gradient):
        warp_scatter[_programs(gradient, (tile_h, tile_w), block_c(channels))](
            gradient,
            where,
            total,
            *size,
            out_height,
            out_width,
            C=channels,
            PADDING=padding,
            GRID=grid,
            WIDE=is_wide(gradient, where, total),
            TILE_H=tile_h,
            TILE_W=tile_w,
            BLOCK_C=block_c(channels),
            **OPTIONS,
        )
    return total.to(gradient.dtype)


def _rows(tensor: Tensor) -> Tensor:
    return tensor.detach().contiguous(memory_format=torch.channels_last)


def _coordinates(tensor: Tensor) -> Tensor:
    return tensor.detach().to(torch.float32).contiguous()


def _empty(like: Tensor, size: tuple[int, int]) -> Tensor:
    shape = (*like.shape[:2], *size)
    return torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=torch.channels_last)


def _programs(tensor: Tensor, tile: tuple[int, int], channels: int) -> tuple[int]:
    """How many programs cover a tensor [N, C, H, W]."""
    count, *sides = tensor.shape
    each = [triton.cdiv(side, part) for side, part in zip(sides, (channels, *tile), strict=True)]
    return (count * each[0] * each[1] * each[2],)


def _on(tensor: Tensor) -> AbstractContextManager[object]:
    """Triton launches on the current device, whichever the tensors are on."""
    return torch.cuda.device(tensor.device) if tensor.is_cuda else nullcontext()
