"""Unit-scale sampling: a transformation laid out in blocks that each keep the source's own pixel size.

Where a plain warp stretches what it samples, here each block of the output samples the source at scale one, around the
place that the transformation gives to the block's anchor: one source pixel for one output pixel along the direction
that the source's rows have there, and along that of its columns. Elements keep their size and rows follow a tilt; what
does not fit lies at the borders between blocks. Several layouts, their blocks shifted against each other, have their
borders in different places: every pixel is well inside a block of one of them, and from one layout to another there
are jumps of several lengths to choose from.
"""

from typing import NamedTuple

import torch
from torch import Tensor

# How far, in logits, a layout is disliked at its borders; not at all halfway between them.
SHARPNESS = 16.0


class UnitScale(NamedTuple):
    """Sampling grids, float32 [N, K, Ho, Wo, 2], and logits [N, K, Ho, Wo] of preferring each, 0 at most."""

    grids: Tensor
    preference: Tensor

    def region(self, rows: slice, columns: slice) -> "UnitScale":
        return UnitScale(self.grids[:, :, rows, columns], self.preference[:, :, rows, columns])


def unit_scale(grid: Tensor, source: tuple[int, int], block: int, layouts: int) -> UnitScale:
    """Lay a smooth sampling grid out in blocks of unit scale.

    Args:
        grid: [N, Ho, Wo, 2], normalised source coordinates (x, y) at the output's pixel centres.
        source: (H, W) of what is sampled, in pixels.
        block: px a side of a block, a multiple of `layouts`.
        layouts: K, how many; each is shifted by 1/K of a block against the one before.
    """
    height, width = grid.shape[1:3]
    pixel = grid.new_tensor([2 / source[1], 2 / source[0]])  # one source pixel, normalised (x, y)
    smooth = _steps(grid, pixel)
    unit = _at_scale_one(smooth)
    fields = torch.cat([grid, unit * pixel.repeat(2)], dim=-1)  # [N, Ho, Wo, 6]
    # How far neighbouring blocks disagree, along each axis: there, a border shows.
    jump_x, jump_y = ((smooth - unit)[..., part].norm(dim=-1) for part in (slice(0, 2), slice(2, 4)))  # [N, Ho, Wo]
    scale = -SHARPNESS / (jump_x + jump_y + 1e-3)
    share_x, share_y = jump_x * scale, jump_y * scale
    grids, preference = [], []
    for layout in range(layouts):
        offset = -(layout * block // layouts)
        (rows, row_of), (columns, column_of) = (_anchors(grid, side, block, offset) for side in (height, width))
        anchored = _at(_at(fields, rows, dim=1), columns, dim=2)  # one a block
        place, across, down = anchored.index_select(1, row_of).index_select(2, column_of).split(2, dim=-1)
        beside = (_centres(grid, width) - columns[column_of])[None, None, :, None]
        below = (_centres(grid, height) - rows[row_of])[None, :, None, None]
        grids.append(place + beside * across + below * down)
        near_rows, near_columns = _nearness(grid, height, block, offset)[:, None], _nearness(grid, width, block, offset)
        preference.append(share_y * near_rows + share_x * near_columns)
    return UnitScale(torch.stack(grids, dim=1), torch.stack(preference, dim=1))


def _centres(like: Tensor, length: int) -> Tensor:
    return torch.arange(length, device=like.device, dtype=like.dtype) + 0.5


def _anchors(like: Tensor, length: int, block: int, offset: int) -> tuple[Tensor, Tensor]:
    """Where (px, edge to edge) the blocks along an axis are tied to the transformation: [blocks]; and the block of
    each pixel: [length].

    The first block at its near end, the last at its far end, so that the picture's borders stay at its borders; in
    between in proportion, so that nothing jumps when the length grows by a pixel.
    """
    pixels = torch.arange(length, device=like.device)
    if length <= block:
        return like.new_full((1,), length / 2), torch.zeros_like(pixels)
    count = (length - 1 - offset) // block + 1
    start = torch.arange(count, device=like.device, dtype=like.dtype) * block + offset
    place = (start / (length - block)).clamp(0, 1)
    return (start + place * block).clamp(0, length), (pixels - offset) // block


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


def _steps(grid: Tensor, pixel: Tensor) -> Tensor:
    """How far the grid goes in source pixels from an output pixel to the next: (∂x, ∂y across, ∂x, ∂y down)."""
    steps = []
    for dim in (2, 1):
        if grid.shape[dim] == 1:  # any step will do
            step = grid.new_tensor([1.0, 0.0] if dim == 2 else [0.0, 1.0]).expand_as(grid)
        else:
            step = grid.diff(dim=dim) / pixel
            step = torch.cat([step, step.narrow(dim, -1, 1)], dim=dim)
        steps.append(step)
    return torch.cat(steps, dim=-1)  # [N, Ho, Wo, 4]


def _at_scale_one(steps: Tensor) -> Tensor:
    """The steps of a layout that keeps the directions of the source's rows and columns, but not their lengths.

    With A = ∂output/∂source, the columns of A are made unit vectors; of its inverse, which is what `steps` are, that
    scales the rows: ∂x by the length of A's first column, ∂y by that of its second.
    """
    ax, ay, dx, dy = steps.unbind(dim=-1)  # across and down
    determinant = (ax * dy - ay * dx).abs().clamp_min(1e-6)
    along_rows = torch.hypot(ay, dy) / determinant
    along_columns = torch.hypot(ax, dx) / determinant
    return torch.stack([ax * along_rows, ay * along_columns, dx * along_rows, dy * along_columns], dim=-1)
