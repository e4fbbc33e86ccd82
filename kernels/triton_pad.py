"""Reflection padding of channels_last feature maps, and its gradient as a gather.

torch's reflection padding on CUDA supports contiguous maps only, and sums its gradient with atomics.
"""

import triton
import triton.language as tl

from ingan_fast.kernels.triton_sampling import channels, own_pixels, own_tile

PAD_SIZES = ["height", "width", "border"]


@triton.jit
def inside(index, side):
    """The source pixel shown at `index` of a padded side; at most `side` - 1 px beyond either end."""
    last = side - 1
    return last - tl.abs(last - tl.abs(index))


@triton.jit
def mirrored(index, side, border):
    """Padded positions before the start and after the end that repeat pixel `index`, each with whether it exists."""
    before = border - index
    after = before + 2 * (side - 1)
    return before, (before >= 0) & (before < border), after, (after >= side + border) & (after < side + 2 * border)


@triton.jit
def read_shown(gradient, pixel, shown, channel, exists, C: tl.constexpr):
    """Rows of the padded map's gradient in float32, zero where `shown` is false."""
    return tl.load(gradient + (pixel[:, None] * C + channel), mask=shown[:, None] & exists, other=0.0).to(tl.float32)


@triton.jit(do_not_specialize=PAD_SIZES)
def pad_forward(
    features,  # [N, H, W, C] in memory
    padded,  # [N, H + 2·border, W + 2·border, C] in memory
    height,
    width,
    border,
    C: tl.constexpr,
    WIDE: tl.constexpr,  # indices may exceed 2³¹
    TILE_H: tl.constexpr,
    TILE_W: tl.constexpr,
    BLOCK_C: tl.constexpr,
):
    """Each program computes a tile of the padded map of one image, for a block of channels."""
    out_height, out_width = height + 2 * border, width + 2 * border
    image, top, left, first = own_tile(out_height, out_width, C, TILE_H, TILE_W, BLOCK_C)
    row, column, out_pixel, valid = own_pixels(image, top, left, out_height, out_width, WIDE, TILE_H, TILE_W)
    index = image.to(tl.int64) if WIDE else image
    pixel = (index * height + inside(row - border, height)) * width + inside(column - border, width)

    channel, exists = channels(first, C, BLOCK_C)
    mask = valid[:, None] & exists
    values = tl.load(features + (pixel[:, None] * C + channel), mask=mask)
    tl.store(padded + (out_pixel[:, None] * C + channel), values, mask=mask)


@triton.jit(do_not_specialize=PAD_SIZES)
def pad_backward(
    gradient,  # of the padded map, [N, H + 2·border, W + 2·border, C] in memory
    result,  # [N, H, W, C] in memory
    height,
    width,
    border,
    C: tl.constexpr,
    WIDE: tl.constexpr,
    TILE_H: tl.constexpr,
    TILE_W: tl.constexpr,
    BLOCK_C: tl.constexpr,
):
    """Each program sums, for a tile of pixels and a block of channels, all positions that show them: up to 3 × 3."""
    image, top, left, first = own_tile(height, width, C, TILE_H, TILE_W, BLOCK_C)
    row, column, pixel, valid = own_pixels(image, top, left, height, width, WIDE, TILE_H, TILE_W)
    index = image.to(tl.int64) if WIDE else image
    wide = width + 2 * border
    start = index * (height + 2 * border)
    channel, exists = channels(first, C, BLOCK_C)

    middle = (start + row + border) * wide
    x = column + border
    total = read_shown(gradient, middle + x, valid, channel, exists, C)
    # Only tiles near a border have further positions.
    near_rows = (top <= border) | (top + TILE_H + border >= height)
    near_columns = (left <= border) | (left + TILE_W + border >= width)
    if near_rows | near_columns:
        above, has_above, below, has_below = mirrored(row, height, border)
        x0, has_x0, x1, has_x1 = mirrored(column, width, border)
        upper, lower = (start + above) * wide, (start + below) * wide
        has_above, has_below, has_x0, has_x1 = has_above & valid, has_below & valid, has_x0 & valid, has_x1 & valid
        total += read_shown(gradient, middle + x0, has_x0, channel, exists, C)
        total += read_shown(gradient, middle + x1, has_x1, channel, exists, C)
        total += read_shown(gradient, upper + x, has_above, channel, exists, C)
        total += read_shown(gradient, upper + x0, has_above & has_x0, channel, exists, C)
        total += read_shown(gradient, upper + x1, has_above & has_x1, channel, exists, C)
        total += read_shown(gradient, lower + x, has_below, channel, exists, C)
        total += read_shown(gradient, lower + x0, has_below & has_x0, channel, exists, C)
        total += read_shown(gradient, lower + x1, has_below & has_x1, channel, exists, C)
    place = result + (pixel[:, None] * C + channel)
    tl.store(place, total.to(result.dtype.element_ty), mask=valid[:, None] & exists)
