"""Unit-scale sampling: a transformation laid out in blocks that each keep the source's own pixel size.

Where a plain warp stretches what it samples, here each block of the output samples the source at scale one, upright,
around the place that the transformation gives to the block's anchor. Elements keep their size; what does not fit lies
at the borders between blocks. A second layout, shifted by half a block, has its borders elsewhere, so that nearly
every pixel is inside a block of one of the two.
"""

from typing import NamedTuple

import torch
from torch import Tensor

# The logit by which a layout is preferred where the other one has a border; zero halfway between their borders.
SHARPNESS = 16.0


class UnitScale(NamedTuple):
    """Two sampling grids, float32 [N, Ho, Wo, 2], and the logit [N, 1, Ho, Wo] of preferring the first."""

    first: Tensor
    second: Tensor
    preference: Tensor


def unit_scale(grid: Tensor, source: tuple[int, int], block: int) -> UnitScale:
    """Lay a smooth sampling grid out in blocks of unit scale.

    Args:
        grid: [N, Ho, Wo, 2], normalised source coordinates (x, y) at the output's pixel centres.
        source: (H, W) of what is sampled, in pixels.
        block: px a side of a block, even.
    """
    height, width = grid.shape[1:3]
    pixel = grid.new_tensor([2 / source[1], 2 / source[0]])  # one source pixel, normalised (x, y)
    layouts, borders = [], []
    for offset in (0, -block // 2):
        rows, columns = _anchors(grid, height, block, offset), _anchors(grid, width, block, offset)
        anchored = _at(_at(grid, rows, dim=1), columns, dim=2)
        across = (_centres(grid, width) - columns)[None, None, :, None] * pixel * grid.new_tensor([1, 0])
        down = (_centres(grid, height) - rows)[None, :, None, None] * pixel * grid.new_tensor([0, 1])
        layouts.append(anchored + across + down)
        borders.append((_nearness(grid, height, block, offset)[:, None], _nearness(grid, width, block, offset)))
    # How far neighbouring blocks disagree, along each axis: there, a border shows.
    jump_x = _disagreement(grid, pixel, axis=0)
    jump_y = _disagreement(grid, pixel, axis=1)
    first, second = (jump_y * near_rows + jump_x * near_columns for near_rows, near_columns in borders)
    preference = SHARPNESS * (second - first) / (jump_x + jump_y + 1e-3)
    return UnitScale(layouts[0], layouts[1], preference[:, None])


def _centres(like: Tensor, length: int) -> Tensor:
    return torch.arange(length, device=like.device, dtype=like.dtype) + 0.5


def _anchors(like: Tensor, length: int, block: int, offset: int) -> Tensor:
    """For each pixel along an axis, where (px, edge to edge) its block is tied to the transformation: [length].

    The first block at its near end, the last at its far end, so that the picture's borders stay at its borders; in
    between in proportion, so that nothing jumps when the length grows by a pixel.
    """
    if length <= block:
        return like.new_full((length,), length / 2)
    start = torch.floor((_centres(like, length) - offset) / block) * block + offset
    place = (start / (length - block)).clamp(0, 1)
    return (start + place * block).clamp(0, length)


def _nearness(like: Tensor, length: int, block: int, offset: int) -> Tensor:
    """1 at a border between blocks, 0 in the middle of one: [length]."""
    phase = torch.remainder(_centres(like, length) - offset, block) / block
    return (2 * phase - 1).abs()


def _at(grid: Tensor, places: Tensor, dim: int) -> Tensor:
    """The grid's rows (dim 1) or columns (dim 2) at fractional places, linearly inter- and extrapolated."""
    length = grid.shape[dim]
    if length == 1:
        return grid
    index = (places - 0.5).floor().clamp(0, length - 2)
    shape = [1, 1, 1, 1]
    shape[dim] = -1
    fraction = (places - 0.5 - index).view(shape)
    index = index.long()
    return torch.lerp(grid.index_select(dim, index), grid.index_select(dim, index + 1), fraction)


def _disagreement(grid: Tensor, pixel: Tensor, axis: int) -> Tensor:
    """How far the grid's step along an axis (0: x, 1: y) is from one source pixel: [N, Ho, Wo], in pixels."""
    dim = 2 - axis
    if grid.shape[dim] == 1:
        return torch.zeros_like(grid[..., 0])
    step = grid.diff(dim=dim)
    step = torch.cat([step, step.narrow(dim, -1, 1)], dim=dim) / pixel
    unit = torch.zeros_like(pixel)
    unit[axis] = 1
    return (step - unit).norm(dim=-1)
