"""Launches of the Triton kernels: memory layouts, tile sizes and index widths. Callers check the arguments.

Importing this module imports Triton; `ops` does so at the first warp on a CUDA device.
"""

import math
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import triton
from torch import Tensor
from triton.errors import TritonError

from ingan_fast.kernels.triton_columns import columns_forward
from ingan_fast.kernels.triton_epilogue import epilogue_forward
from ingan_fast.kernels.triton_forward import warp_forward
from ingan_fast.kernels.triton_gather import warp_gather
from ingan_fast.kernels.triton_pad import pad_backward, pad_forward
from ingan_fast.kernels.triton_scatter import warp_scatter

__all__ = ["DTYPES", "TritonError"]  # and the launch functions

DTYPES = (torch.float32, torch.float16, torch.bfloat16)

MAX_BLOCK_C = 64
# Output pixels (height, width) per program, by its maximum number of channels. Forward: 4,096 values, 32 per thread,
# loaded 128 bits at a time. Scatter: half of that, since each value goes to four addresses. If the channels are no
# multiple of `VECTOR`, each value needs its own address: a quarter.
TILES = {16: (16, 16), 32: (8, 16), 64: (8, 8)}
SCATTER_TILES = {16: (8, 16), 32: (8, 8), 64: (4, 8)}
ROUGH_TILES = {16: (8, 16), 32: (4, 8), 64: (4, 4)}
VECTOR = 8
# Source pixels per gather program, and output pixels per step: the sides of its matrix product. The step is flat
# because at scale 1 the box around a tile is about 10 × 10: five steps of 2 × 16.
GATHER_TILE, GATHER_STEP = (8, 8), (2, 16)
# `tl.dot` needs at least 16 columns; 64 columns of float32 would spill registers on sm_80.
GATHER_BLOCK_C = {torch.float32: (16, 32), torch.float16: (16, 64), torch.bfloat16: (16, 64)}
INDEX_LIMIT = 2**31
COLUMNS_TILE = 256  # pixels per program that sums columns
# Fused multiply-add, the default up to Triton 3.9 (which warns if it is not set explicitly).
OPTIONS = {"num_warps": 4, "enable_fp_fusion": True}


def homography_warp(features: Tensor, matrix: Tensor, size: tuple[int, int], padding: str) -> Tensor:
    """Like `kernels.homography_warp`, for CUDA features in `DTYPES`; matrix [N, 3, 3]."""
    return _forward(features, matrix, size, padding, grid=False)


def grid_warp(features: Tensor, grid: Tensor, padding: str) -> Tensor:
    """Like `kernels.grid_warp`, for CUDA features in `DTYPES`; grid [N, Ho, Wo, 2]."""
    return _forward(features, grid, (grid.shape[1], grid.shape[2]), padding, grid=True)


def homography_warp_scatter(gradient: Tensor, matrix: Tensor, size: tuple[int, int], padding: str) -> Tensor:
    """Gradient of the features, [N, C, H, W] with `size` (H, W), by float32 atomics: not deterministic."""
    return _scatter(gradient, matrix, size, padding, grid=False)


def grid_warp_scatter(gradient: Tensor, grid: Tensor, size: tuple[int, int], padding: str) -> Tensor:
    """Like `homography_warp_scatter`, for a grid [N, Ho, Wo, 2]."""
    return _scatter(gradient, grid, size, padding, grid=True)


def homography_warp_gather(gradient: Tensor, matrix: Tensor, size: tuple[int, int], padding: str) -> Tensor:
    """Gradient of the features, [N, C, H, W] with `size` (H, W), summed in a fixed order.

    A non-finite gradient spreads to the whole tile around the source pixels it affects.
    """
    gradient, matrix = _rows(gradient), _coordinates(matrix)
    result = _empty(gradient, size)
    channels, *out_size = gradient.shape[1:]
    constants = gather_constants(channels, gradient.dtype, padding, is_wide(gradient, result))
    with _on(gradient):
        warp_gather[_programs(result, constants)](gradient, matrix, result, *size, *out_size, **constants, **OPTIONS)
    return result


def reflect_pad(features: Tensor, border: int) -> Tensor:
    """Like `kernels.reflect_pad`, for CUDA features in `DTYPES` with sides longer than `border`; channels_last."""
    features = _rows(features)
    height, width = features.shape[2:]
    padded = _empty(features, (height + 2 * border, width + 2 * border))
    constants = pad_constants(features.shape[1], is_wide(padded))
    with _on(features):
        pad_forward[_programs(padded, constants)](features, padded, height, width, border, **constants, **OPTIONS)
    return padded


def reflect_pad_gather(gradient: Tensor, border: int) -> Tensor:
    """Gradient of the features, channels_last, summed in a fixed order."""
    gradient = _rows(gradient)
    height, width = (side - 2 * border for side in gradient.shape[2:])
    result = _empty(gradient, (height, width))
    constants = pad_constants(gradient.shape[1], is_wide(gradient))
    with _on(gradient):
        pad_backward[_programs(result, constants)](gradient, result, height, width, border, **constants, **OPTIONS)
    return result


def epilogue(
    raw: Tensor,
    bias: Tensor,
    slope: float,
    border: int,
    edges: str,
    resize: str,
    added: Tensor | None,
    shown: tuple[int, int],
    frame: int,
) -> Tensor:
    """Like `kernels.epilogue`, for checked CUDA maps in `DTYPES`; channels_last.

    Args:
        shown: (height, width) of the result without its border.
        frame: border of `added`, px.
    """
    raw, bias = _rows(raw), bias.detach().contiguous()
    other = raw if added is None else _rows(added)  # not read without ADDED
    shape = (raw.shape[0], bias.shape[0], shown[0] + 2 * border, shown[1] + 2 * border)
    result = torch.empty(shape, dtype=raw.dtype, device=raw.device, memory_format=torch.channels_last)
    constants = epilogue_constants(bias.shape[0], resize, edges, added is not None, is_wide(raw, other, result))
    height, width = raw.shape[2:]
    with _on(raw):
        epilogue_forward[_programs(result, constants)](
            raw, bias, other, result, height, width, border, frame, float(slope), **constants, **OPTIONS
        )
    return result


def epilogue_constants(channels: int, resize: str, edges: str, adds: bool, wide: bool) -> dict[str, Any]:
    """Compile-time constants of `epilogue_forward`."""
    return {**pad_constants(channels, wide), "RESIZE": resize, "EDGES": edges, "ADDED": adds}


def sum_columns(raw: Tensor, bias: Tensor, kernel: int, size: tuple[int, int], tanh: bool) -> Tensor:
    """Like `kernels.sum_columns`, for checked CUDA maps in `DTYPES`."""
    raw, bias = _rows(raw), bias.detach().contiguous()
    shape = (raw.shape[0], bias.shape[0], *size)
    result = torch.empty(shape, dtype=torch.float32, device=raw.device, memory_format=torch.channels_last)
    count = raw.shape[0] * size[0] * size[1]
    constants = columns_constants(raw.shape[1], bias.shape[0], kernel, tanh, is_wide(raw, result))
    programs = (triton.cdiv(count, COLUMNS_TILE),)
    with _on(raw):
        columns_forward[programs](raw, bias, result, *size, *raw.shape[2:], count, **constants, **OPTIONS)
    return result


def columns_constants(channels: int, outputs: int, kernel: int, tanh: bool, wide: bool) -> dict[str, Any]:
    """Compile-time constants of `columns_forward`."""
    return {
        "C": channels,
        "OUTPUTS": outputs,
        "KERNEL": kernel,
        "TANH": tanh,
        "WIDE": wide,
        "TILE": COLUMNS_TILE,
        "BLOCK": triton.next_power_of_2(outputs),
    }


def pad_constants(channels: int, wide: bool) -> dict[str, Any]:
    """Compile-time constants of `pad_forward` and `pad_backward`."""
    block = min(triton.next_power_of_2(channels), MAX_BLOCK_C)
    tile_h, tile_w = _tile(channels, block, TILES)
    return {"C": channels, "WIDE": wide, "TILE_H": tile_h, "TILE_W": tile_w, "BLOCK_C": block}


def sampling_constants(channels: int, padding: str, grid: bool, wide: bool, scatters: bool) -> dict[str, Any]:
    """Compile-time constants of `warp_forward`, or with `scatters` of `warp_scatter`."""
    block = min(triton.next_power_of_2(channels), MAX_BLOCK_C)
    tile_h, tile_w = _tile(channels, block, SCATTER_TILES if scatters else TILES)
    return {
        "C": channels,
        "PADDING": padding,
        "GRID": grid,
        "WIDE": wide,
        "TILE_H": tile_h,
        "TILE_W": tile_w,
        "BLOCK_C": block,
    }


def _tile(channels: int, block: int, tiles: dict[int, tuple[int, int]]) -> tuple[int, int]:
    tiles = ROUGH_TILES if channels % VECTOR else tiles
    return next(shape for most, shape in tiles.items() if block <= most)


def gather_constants(channels: int, dtype: torch.dtype, padding: str, wide: bool) -> dict[str, Any]:
    """Compile-time constants of `warp_gather`."""
    least, most = GATHER_BLOCK_C[dtype]
    block = min(max(triton.next_power_of_2(channels), least), most)
    return {
        "C": channels,
        "PADDING": padding,
        "WIDE": wide,
        "TILE_H": GATHER_TILE[0],
        "TILE_W": GATHER_TILE[1],
        "BLOCK_C": block,
        "OUT_H": GATHER_STEP[0],
        "OUT_W": GATHER_STEP[1],
        "PRECISION": precision(dtype, block),
    }


def precision(dtype: torch.dtype, block: int) -> str:
    """`input_precision` of the gather's matrix products."""
    if dtype != torch.float32:
        return "tf32"  # TensorFloat-32 represents half-precision gradients exactly
    # Three TF32 products reach float32 accuracy; for few columns they are not worth the registers.
    return "tf32x3" if block > 16 else "ieee"


def is_wide(*tensors: Tensor) -> bool:
    """Whether an index into one of the tensors can exceed 2³¹."""
    return any(tensor.numel() >= INDEX_LIMIT for tensor in tensors)


def _forward(features: Tensor, where: Tensor, size: tuple[int, int], padding: str, grid: bool) -> Tensor:
    features, where = _rows(features), _coordinates(where)
    warped = _empty(features, size)
    channels, *source_size = features.shape[1:]
    constants = sampling_constants(channels, padding, grid, is_wide(features, where, warped), scatters=False)
    with _on(features):
        warp_forward[_programs(warped, constants)](features, where, warped, *source_size, *size, **constants, **OPTIONS)
    return warped


def _scatter(gradient: Tensor, where: Tensor, size: tuple[int, int], padding: str, grid: bool) -> Tensor:
    gradient, where = _rows(gradient), _coordinates(where)
    count, channels, *out_size = gradient.shape
    total = torch.zeros(count, *size, channels, dtype=torch.float32, device=gradient.device).permute(0, 3, 1, 2)
    constants = sampling_constants(channels, padding, grid, is_wide(gradient, where, total), scatters=True)
    with _on(gradient):
        warp_scatter[_programs(gradient, constants)](gradient, where, total, *size, *out_size, **constants, **OPTIONS)
    return total.to(gradient.dtype)


def _rows(tensor: Tensor) -> Tensor:
    return tensor.detach().contiguous(memory_format=torch.channels_last)


def _coordinates(tensor: Tensor) -> Tensor:
    return tensor.detach().to(torch.float32).contiguous()


def _empty(like: Tensor, size: tuple[int, int]) -> Tensor:
    shape = (*like.shape[:2], *size)
    return torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=torch.channels_last)


def _programs(tensor: Tensor, constants: dict[str, Any]) -> tuple[int]:
    """Number of programs that cover a tensor [N, C, H, W], as a launch grid."""
    count, *sides = tensor.shape
    parts = constants["BLOCK_C"], constants["TILE_H"], constants["TILE_W"]
    return (count * math.prod(triton.cdiv(side, part) for side, part in zip(sides, parts, strict=True)),)


def _on(tensor: Tensor) -> AbstractContextManager[object]:
    """Make the tensor's device current: Triton launches on the current device."""
    return torch.cuda.device(tensor.device) if tensor.is_cuda else nullcontext()
