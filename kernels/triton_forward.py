"""The warp's forward kernel: positions, folding, bilinear sampling and the cast in one pass."""

import triton
import triton.language as tl

from ingan_fast.kernels.triton_sampling import channels, own_pixels, own_tile, taps

SIZES = ["height", "width", "out_height", "out_width"]


@triton.jit
def read_rows(features, pixel, channel, exists, C: tl.constexpr, BLOCK_C: tl.constexpr):
    """Channel rows of source pixels, float32 [pixels, BLOCK_C]."""
    place = features + (pixel[:, None] * C + channel)
    if C % BLOCK_C == 0:
        return tl.load(place).to(tl.float32)
    return tl.load(place, mask=exists, other=0.0).to(tl.float32)


@triton.jit(do_not_specialize=SIZES)
def warp_forward(
    features,  # [N, H, W, C] in memory
    where,  # float32: sampling matrices [N, 3, 3], or with GRID coordinates [N, Ho, Wo, 2]
    warped,  # [N, Ho, Wo, C] in memory
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
    """Each program computes a tile of output pixels of one image, for a block of channels."""
    image, top, left, first = own_tile(out_height, out_width, C, TILE_H, TILE_W, BLOCK_C)
    row, column, out_pixel, valid = own_pixels(image, top, left, out_height, out_width, WIDE, TILE_H, TILE_W)
    pixel, weight = taps(
        where, image, row, column, out_pixel, valid, height, width, out_height, out_width, PADDING, GRID, WIDE
    )

    channel, exists = channels(first, C, BLOCK_C)
    total = read_rows(features, pixel[0], channel, exists, C, BLOCK_C) * weight[0][:, None]
    total += read_rows(features, pixel[1], channel, exists, C, BLOCK_C) * weight[1][:, None]
    total += read_rows(features, pixel[2], channel, exists, C, BLOCK_C) * weight[2][:, None]
    total += read_rows(features, pixel[3], channel, exists, C, BLOCK_C) * weight[3][:, None]
    place = warped + (out_pixel[:, None] * C + channel)
    tl.store(place, total.to(warped.dtype.element_ty), mask=valid[:, None] & exists)
