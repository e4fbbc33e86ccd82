"""What follows a convolution without bias, in one pass over channels_last maps: bias, LeakyReLU, addition, border."""

import triton
import triton.language as tl

from ingan_fast.kernels.triton_pad import inside
from ingan_fast.kernels.triton_sampling import channels, own_pixels, own_tile

EPILOGUE_SIZES = ["height", "width", "border", "frame"]


@triton.jit
def read(features, pixel, channel, mask, C: tl.constexpr):
    """Rows of pixels in float32, [pixels, BLOCK_C]."""
    return tl.load(features + (pixel[:, None] * C + channel), mask=mask, other=0.0).to(tl.float32)


@triton.jit(do_not_specialize=EPILOGUE_SIZES)
def epilogue_forward(
    raw,  # [N, height, width, C] in memory; with RESIZE "shuffle" [N, height, width, 4, C]
    bias,  # [C]
    added,  # with ADDED: [N, H + 2·frame, W + 2·frame, C] in memory, for a result of H × W px without its border
    result,  # [N, H + 2·border, W + 2·border, C] in memory
    height,
    width,
    border,
    frame,
    slope,  # float32
    C: tl.constexpr,
    RESIZE: tl.constexpr,  # "none", "pool" (maximum of 2 × 2) or "shuffle" (four phases to 2 × 2, outermost px cut off)
    EDGES: tl.constexpr,  # "reflect" or "replicate"
    ADDED: tl.constexpr,
    WIDE: tl.constexpr,  # indices may exceed 2³¹
    TILE_H: tl.constexpr,
    TILE_W: tl.constexpr,
    BLOCK_C: tl.constexpr,
):
    """Each program computes a tile of the result of one image, for a block of channels."""
    shown_height, shown_width = height, width
    if RESIZE == "pool":
        shown_height, shown_width = height // 2, width // 2
    elif RESIZE == "shuffle":
        shown_height, shown_width = 2 * (height - 1), 2 * (width - 1)
    out_height, out_width = shown_height + 2 * border, shown_width + 2 * border
    image, top, left, first = own_tile(out_height, out_width, C, TILE_H, TILE_W, BLOCK_C)
    row, column, out_pixel, valid = own_pixels(image, top, left, out_height, out_width, WIDE, TILE_H, TILE_W)
    index = image.to(tl.int64) if WIDE else image
    if EDGES == "reflect":
        y, x = inside(row - border, shown_height), inside(column - border, shown_width)
    else:
        y = tl.minimum(tl.maximum(row - border, 0), shown_height - 1)
        x = tl.minimum(tl.maximum(column - border, 0), shown_width - 1)

    channel, exists = channels(first, C, BLOCK_C)
    mask = valid[:, None] & exists
    if RESIZE == "pool":
        # The maximum first: LeakyReLU and the addition of a bias keep the order.
        pixel = (index * height + 2 * y) * width + 2 * x
        values = tl.maximum(read(raw, pixel, channel, mask, C), read(raw, pixel + 1, channel, mask, C))
        values = tl.maximum(values, read(raw, pixel + width, channel, mask, C))
        values = tl.maximum(values, read(raw, pixel + width + 1, channel, mask, C))
    elif RESIZE == "shuffle":
        phase = (y + 1) % 2 * 2 + (x + 1) % 2
        pixel = (index * height + (y + 1) // 2) * width + (x + 1) // 2
        values = read(raw, pixel * 4 + phase, channel, mask, C)
    else:
        values = read(raw, (index * height + y) * width + x, channel, mask, C)
    values += tl.load(bias + channel, mask=exists, other=0.0).to(tl.float32)
    values = tl.where(values < 0, values * slope, values)
    if ADDED:
        pixel = (index * (shown_height + 2 * frame) + y + frame) * (shown_width + 2 * frame) + x + frame
        values += read(added, pixel, channel, mask, C)
    tl.store(result + (out_pixel[:, None] * C + channel), values.to(result.dtype.element_ty), mask=mask)
