"""The second half of a convolution by columns (`columns.py`): sums over columns, bias and tanh."""

import triton
import triton.language as tl

COLUMN_SIZES = ["height", "width", "raw_height", "raw_width", "count"]


@triton.jit(do_not_specialize=COLUMN_SIZES)
def columns_forward(
    raw,  # [N, raw_height, raw_width, C] in memory; channel j·OUTPUTS + o is column j's part of output o
    bias,  # [OUTPUTS]
    result,  # float32 [N, height, width, OUTPUTS] in memory
    height,
    width,
    raw_height,
    raw_width,
    count,  # N · height · width
    C: tl.constexpr,
    OUTPUTS: tl.constexpr,
    KERNEL: tl.constexpr,
    TANH: tl.constexpr,
    WIDE: tl.constexpr,  # indices may exceed 2³¹
    TILE: tl.constexpr,
    BLOCK: tl.constexpr,  # OUTPUTS, rounded up to a power of two
):
    """Each program computes a run of pixels."""
    program = tl.program_id(0)
    pixel = (program.to(tl.int64) if WIDE else program) * TILE + tl.arange(0, TILE)
    column, row = pixel % width, pixel // width
    source = (row // height * raw_height + row % height) * raw_width + column
    output = tl.arange(0, BLOCK)[None, :]
    mask = (pixel < count)[:, None] & (output < OUTPUTS)
    place = raw + (source[:, None] * C + output)
    total = tl.load(bias + output, mask=output < OUTPUTS, other=0.0).to(tl.float32)
    for j in tl.static_range(KERNEL):
        total += tl.load(place + j * (C + OUTPUTS), mask=mask, other=0.0).to(tl.float32)
    if TANH:
        total = 1.0 - 2.0 / (1.0 + tl.exp(2.0 * total))
    tl.store(result + (pixel[:, None] * OUTPUTS + output), total, mask=mask)
