"""Sampling positions on the device: code shared by the Triton kernels of both directions.

Positions are in source pixels, with pixel centres at integers; all arithmetic is float32. Each step corresponds to
one in `reference.py` (`sampling_grid`, `_neighbours`), which gives the reasons.
"""

import triton
import triton.language as tl

from ingan_fast.kernels import reference

MIN_W = tl.constexpr(reference.MIN_W)
MAX_COORDINATE = tl.constexpr(reference.MAX_COORDINATE)


@triton.jit
def load_matrix(matrices, image):
    """One image's sampling matrix as nine numbers, row by row."""
    first = matrices + image * 9
    return (
        tl.load(first),
        tl.load(first + 1),
        tl.load(first + 2),
        tl.load(first + 3),
        tl.load(first + 4),
        tl.load(first + 5),
        tl.load(first + 6),
        tl.load(first + 7),
        tl.load(first + 8),
    )


@triton.jit
def pixel_centre(index, side):
    """Normalised coordinate of the centre of pixel `index` along a side."""
    return tl.div_rn((index * 2 + 1).to(tl.float32), side.to(tl.float32)) - 1.0


@triton.jit
def to_position(coordinate, side):
    """Normalised coordinate → finite position, px."""
    coordinate = tl.where(coordinate == coordinate, coordinate, 0.0)  # NaN
    coordinate = tl.minimum(tl.maximum(coordinate, -MAX_COORDINATE), MAX_COORDINATE)
    return (coordinate + 1.0) * (side.to(tl.float32) * 0.5) - 0.5


@triton.jit
def project(matrix, row, column, height, width, out_height, out_width):
    """Unfolded positions (x, y) that output pixels sample under a homography."""
    x, y = pixel_centre(column, out_width), pixel_centre(row, out_height)
    u = matrix[0] * x + (matrix[1] * y + matrix[2])
    v = matrix[3] * x + (matrix[4] * y + matrix[5])
    w = matrix[6] * x + (matrix[7] * y + matrix[8])
    negative = w.to(tl.int32, bitcast=True) < 0  # -0.0 too
    w = tl.where(tl.abs(w) < MIN_W, tl.where(negative, -MIN_W, MIN_W), w)
    return to_position(tl.div_rn(u, w), width), to_position(tl.div_rn(v, w), height)


@triton.jit
def read_grid(grid, pixel, valid, height, width):
    """Unfolded positions (x, y) from a given grid, for output pixels by flat index."""
    x = tl.load(grid + pixel * 2, mask=valid, other=0.0)
    y = tl.load(grid + pixel * 2 + 1, mask=valid, other=0.0)
    return to_position(x, width), to_position(y, height)


@triton.jit
def fold(position, side, PADDING: tl.constexpr):
    """Map an unfolded position into the source; for zeros padding, to at most one pixel outside."""
    n = side.to(tl.float32)
    if PADDING == "reflection":
        edge = position + 0.5
        edge = edge - tl.floor(edge / (n * 2)) * (n * 2)
        position = tl.minimum(edge, n * 2 - edge) - 0.5
    if PADDING == "zeros":
        return tl.minimum(tl.maximum(position, -1.0), n)
    return tl.minimum(tl.maximum(position, 0.0), n - 1.0)


@triton.jit
def neighbours(position, side, PADDING: tl.constexpr):
    """Pixels before and after a folded position, and their weights."""
    floor = tl.floor(position)
    before = floor.to(tl.int32)
    after = before + 1
    after_weight = position - floor
    before_weight = 1.0 - after_weight
    if PADDING == "zeros":
        before_weight = tl.where((before >= 0) & (before < side), before_weight, 0.0)
        after_weight = tl.where(after < side, after_weight, 0.0)
    last = side - 1
    before = tl.minimum(tl.maximum(before, 0), last)
    after = tl.minimum(after, last)
    return before, after, before_weight, after_weight


@triton.jit
def own_tile(height, width, C: tl.constexpr, TILE_H: tl.constexpr, TILE_W: tl.constexpr, BLOCK_C: tl.constexpr):
    """(image, first row, first column, first channel) of this program.

    All dimensions share grid axis 0, because the others are limited to 65,535. Channel blocks vary fastest, then the
    tiles of a row, so that concurrent programs read the same rows of the source.
    """
    blocks: tl.constexpr = (C + BLOCK_C - 1) // BLOCK_C
    program = tl.program_id(0)
    channel = (program % blocks) * BLOCK_C
    tile = program // blocks
    across = (width + TILE_W - 1) // TILE_W
    down = (height + TILE_H - 1) // TILE_H
    left = (tile % across) * TILE_W
    tile = tile // across
    return tile // down, (tile % down) * TILE_H, left, channel


@triton.jit
def own_pixels(image, top, left, height, width, WIDE: tl.constexpr, TILE_H: tl.constexpr, TILE_W: tl.constexpr):
    """Rows, columns, flat indices over the batch, and validity of a tile's pixels, [TILE_H·TILE_W] each.

    With WIDE the flat indices, and everything computed from them, are int64.
    """
    lane = tl.arange(0, TILE_H * TILE_W)
    row, column = top + lane // TILE_W, left + lane % TILE_W
    index = image.to(tl.int64) if WIDE else image
    return row, column, (index * height + row) * width + column, (row < height) & (column < width)


@triton.jit
def taps(
    where, image, row, column, pixel, valid, height, width, out_height, out_width,
    PADDING: tl.constexpr, GRID: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    """Flat indices of the four source pixels that each output pixel sums, and their weights.

    The indices are inside the source for any matrix or grid.
    """
    if GRID:
        x, y = read_grid(where, pixel, valid, height, width)
    else:
        x, y = project(load_matrix(where, image), row, column, height, width, out_height, out_width)
    x0, x1, x0_weight, x1_weight = neighbours(fold(x, width, PADDING), width, PADDING)
    y0, y1, y0_weight, y1_weight = neighbours(fold(y, height, PADDING), height, PADDING)
    index = image.to(tl.int64) if WIDE else image
    upper, lower = (index * height + y0) * width, (index * height + y1) * width
    pixels = (upper + x0, upper + x1, lower + x0, lower + x1)
    return pixels, (y0_weight * x0_weight, y0_weight * x1_weight, y1_weight * x0_weight, y1_weight * x1_weight)


@triton.jit
def channels(first, C: tl.constexpr, BLOCK_C: tl.constexpr):
    """Channel indices [1, BLOCK_C] of a block, and whether each exists."""
    channel = first + tl.arange(0, BLOCK_C)[None, :]
    return channel, channel < C
