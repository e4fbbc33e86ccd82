"""The warp's gradient by atomics: each output pixel adds to the four source pixels that it sampled."""

import triton
import triton.language as tl

from ingan_fast.kernels.triton_forward import SIZES
from ingan_fast.kernels.triton_sampling import channels, own_pixels, own_tile, taps


@triton.jit
def add_rows(total, pixel, channel, weight, gradient, valid, C: tl.constexpr):
    """total[pixel] += weight · gradient, where the weight isn't zero."""
    place = total + (pixel[:, None] * C + channel)
    adds = valid & (weight != 0.0)[:, None]
    tl.atomic_add(place, weight[:, None] * gradient, mask=adds, sem="relaxed")


@triton.jit(do_not_specialize=SIZES)
def warp_scatter(
    gradient,  # of the output, [N, Ho, Wo, C] in memory
    where,  # float32: sampling matrices [N, 3, 3], or with GRID coordinates [N, Ho, Wo, 2]
    total,  # float32, initially zero, [N, H, W, C] in memory
    height,
    width,
    out_height,
    out_width,
    C: tl.constexpr,
    PADDING: tl.constexpr,
    GRID: tl.constexpr,
    WIDE: tl.constexpr,  # indices may exceed 2³¹
    TILE_H: tl.constexpr,
    TILE_W: tl.constexpr,
    BLOCK_C: tl.constexpr,
):
    """Each program adds a tile of output pixels of one image, for a block of channels."""
    image, top, left, first = own_tile(out_height, out_width, C, TILE_H, TILE_W, BLOCK_C)
    row, column, out_pixel, valid = own_pixels(image, top, left, out_height, out_width, WIDE, TILE_H, TILE_W)
    pixel, weight = taps(
        where, image, row, column, out_pixel, valid, height, width, out_height, out_width, PADDING, GRID, WIDE
    )

    channel, exists = channels(first, C, BLOCK_C)
    valid = valid[:, None] & exists
    rows = tl.load(gradient + (out_pixel[:, None] * C + channel), mask=valid, other=0.0).to(tl.float32)
    add_rows(total, pixel[0], channel, weight[0], rows, valid, C)
    add_rows(total, pixel[1], channel, weight[1], rows, valid, C)
    add_rows(total, pixel[2], channel, weight[2], rows, valid, C)
    add_rows(total, pixel[3], channel, weight[3], rows, valid, C)
