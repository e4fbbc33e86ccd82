"""Unit-scale sampling: a homography laid out so that what is sampled keeps the source's own pixel size.

Where a plain warp stretches what it samples, here the output is tied to the source along some of its columns and rows
only, the anchors. From an anchor on, one pixel of the output is one pixel of the source, in the direction that the
source's rows (columns) have there; so elements keep their size, and rows and columns follow a tilt. The anchors
lie so far apart that, where one anchor's part ends and the next one's begins, the source position jumps by a given
length: as long as elements are, or their period, and they are repeated or left out whole.

Even and odd anchors take turns: those of one parity each reach to the next of their own parity, so that every pixel
has a choice of two along each axis, and the place of a jump can be chosen within a wide strip. The first anchor is the
source's border, and so is the last one: the picture's borders stay at its borders. The last jump is what is left over,
from three to seven quarters of the others.

A texture has no places to keep, and made much larger, repeating it in order would show. Scattered, the anchors lie
evenly over the output, and what is laid out around each pair of them comes from anywhere in the source.
"""

from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor

from ingan_fast.kernels.anchors import Anchors
from ingan_fast.kernels.reference import project, sampling_grid
from ingan_fast.unit_scale_constants import (
    CELLS,
    KNOTS,
    LAYOUTS,
    MAX_COORDINATE,
    PARTS,
    SCATTERED_FROM,
    SHARPNESS,
    SPACING,
)


class UnitScale(NamedTuple):
    """Sampling grids, float32 [N, 4, Ho, Wo, 2], and logits [N, 4, Ho, Wo] of preferring each."""

    grids: Tensor
    preference: Tensor

    def region(self, rows: slice, columns: slice) -> "UnitScale":
        return UnitScale(self.grids[:, :, rows, columns], self.preference[:, :, rows, columns])


def unit_scale(
    matrix: Tensor,
    size: tuple[int, int],
    source: tuple[int, int],
    jump: tuple[int, int],
    scatter: bool = False,
    image: Tensor | None = None,
) -> UnitScale:
    """Lay a homography out at unit scale, in four ways.

    Args:
        matrix: [N, 3, 3], sampling matrices (output → source, normalised coordinates).
        size: (Ho, Wo) in pixels.
        source: (H, W) of what is sampled, in pixels.
        jump: px (down, across), in the source, from one anchor's part to the next one's.
        scatter: whether it is a texture, that is scattered where it is made much larger.
        image: [N, 3, H, W] in [-1, 1], what is sampled; where given, one layout is preferred to the next up to where
            a cut between them shows least, and not just halfway between their anchors.
    """
    to_output = _adjugate(_in_pixels(matrix.float(), size, source))
    x, y = ((sampling_grid(matrix, size)[..., axis] + 1) * (source[1 - axis] / 2) for axis in (0, 1))
    u = torch.arange(size[1], device=matrix.device)[None, None, :] + 0.5
    v = torch.arange(size[0], device=matrix.device)[None, :, None] + 0.5
    middle = [x.new_full((len(x), KNOTS), side / 2) for side in source]
    knots = [torch.linspace(0, side, KNOTS, device=x.device).expand(len(x), KNOTS) for side in source]
    middle_row, middle_column = (project(to_output, knots[1], middle[0]), project(to_output, middle[1], knots[0]))
    lengths = _lengths(middle_column), _lengths(middle_row)
    growth = torch.stack([each.sum(dim=1, keepdim=True) / side for each, side in zip(lengths, source, strict=True)])
    scattered = (growth > SCATTERED_FROM).any(dim=0) & scatter  # [N, 1]
    spacing = min(SPACING, min(source) / PARTS)
    down, across = (
        Anchors(*axis, scattered, spacing) for axis in zip(lengths, source, source[::-1], jump, strict=True)
    )
    ahead, below = _direction(middle_row), _direction(middle_column)
    if image is not None:
        across.find_cuts(image.detach().permute(0, 3, 1, 2))
        down.find_cuts(image.detach().permute(0, 2, 1, 3))
    columns_before, rows_before = across.numbers(x), down.numbers(y)
    columns, rows = [], []
    for parity in (0, 1):
        anchor, number = across.nearest(columns_before, parity)
        columns.append(across.choice(anchor, number, _along(ahead, project(to_output, anchor, y), (u, v))))
        anchor, number = down.nearest(rows_before, parity)
        rows.append(down.choice(anchor, number, _along(below, project(to_output, x, anchor), (u, v))))
    grids = x.new_empty(len(x), LAYOUTS, *size, 2)
    preference = x.new_empty(len(x), LAYOUTS, *size)
    for layout, (row, column) in enumerate(product(rows, columns)):
        place_x, place_y = column.place, row.place
        if scatter:
            cell = ((row.number % CELLS) * CELLS + column.number % CELLS).long()
            place_x = place_x + (across.anywhere(cell, 0) - column.anchor) * scattered[..., None]
            place_y = place_y + (down.anywhere(cell, 1) - row.anchor) * scattered[..., None]
        grids[:, layout, ..., 0] = (place_x * (2 / source[1]) - 1).clamp_(-MAX_COORDINATE, MAX_COORDINATE)
        grids[:, layout, ..., 1] = (place_y * (2 / source[0]) - 1).clamp_(-MAX_COORDINATE, MAX_COORDINATE)
        # A cut goes around what is seen there: it is looked up where this layout has its pixels along the other axis.
        aside = (across.away(columns_before, row.place) - column.number).abs() + column.outside
        preference[:, layout] = aside + (down.away(rows_before, column.place) - row.number).abs() + row.outside
    return UnitScale(grids, preference.mul_(-SHARPNESS))


def _along(direction: Tensor, start: tuple[Tensor, Tensor], end: tuple[Tensor, Tensor]) -> Tensor:
    """How far it is from one point to another in a direction [N, 2].

    That of the middle row (or column) for all: along each row's own, the parts of rows that slant more would be
    compressed more, and straight columns bent.
    """
    x, y = direction[:, :, None, None].unbind(dim=1)
    return (end[0] - start[0]) * x + (end[1] - start[1]) * y


def _in_pixels(matrix: Tensor, size: tuple[int, int], source: tuple[int, int]) -> Tensor:
    """Sampling matrices in pixels, edge to edge, of normalised ones."""
    # Written out: autocast would run matmuls in bfloat16, and what is made of numbers can't be recorded by a GPU.
    a, b, c = matrix.unbind(dim=2)
    x, y, w = torch.stack([a * (2 / size[1]), b * (2 / size[0]), c - a - b], dim=2).unbind(dim=1)
    return torch.stack([(x + w) * (source[1] / 2), (y + w) * (source[0] / 2), w], dim=1)


def _adjugate(matrix: Tensor) -> Tensor:
    """The inverses of [N, 3, 3] up to factors, which homographies do not care about: nothing has to be solved."""
    a, b, c = matrix.unbind(dim=1)
    adjugate = torch.stack([torch.linalg.cross(b, c), torch.linalg.cross(c, a), torch.linalg.cross(a, b)], dim=2)
    return adjugate / torch.linalg.vector_norm(adjugate, dim=(1, 2), keepdim=True)


def _lengths(line: tuple[Tensor, Tensor]) -> Tensor:
    """Of the pieces of polylines [N, KNOTS]."""
    return torch.hypot(line[0].diff(dim=1), line[1].diff(dim=1))


def _direction(line: tuple[Tensor, Tensor]) -> Tensor:
    """From the first to the last point of polylines: unit vectors [N, 2]."""
    return torch.nn.functional.normalize(torch.stack([part[:, -1] - part[:, 0] for part in line], dim=1), dim=1)
