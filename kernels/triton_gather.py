"""The warp's gradient as a gather: each source pixel sums the output pixels that sampled it.

A program owns a tile of source pixels. The inverse homography bounds the rectangle of output pixels that can sample
the tile; the program goes through it in blocks and adds weights [source, output] @ gradient [output, C]. The weights
are computed from the same positions as in the forward kernel. The order of sums is fixed: no atomics, deterministic.

Reflected samples lie in mirrored copies of the source, numbered (kx, ky) by their distance in sides. The program
visits each copy that overlaps the output's range, and counts an output pixel in the copy that contains its unfolded
position. With border padding the tiles at an edge extend to infinity. If the inverse is unreliable (a horizon in the
output, a nearly singular matrix, too many copies), the rectangle is the whole output, visited once: slow, but right.

Lengths here are in source px measured from pixel *edges* (a pixel's centre is at its index + 1/2). Bounds are
conservative: widened by the possible float32 error.
"""

import triton
import triton.language as tl

from ingan_fast.kernels.triton_forward import SIZES
from ingan_fast.kernels.triton_sampling import (
    MAX_COORDINATE,
    MIN_W,
    channels,
    fold,
    load_matrix,
    own_pixels,
    own_tile,
    project,
)

# These constants come second in a product or a sum: the interpreter of Triton 3.7 can't have them first.
# About 16 float32 roundings: more than occur between a matrix and any bound here.
ROUNDING = tl.constexpr(1e-6)
# Below this, relative to the products it sums, a determinant may be pure rounding error.
SINGULAR = tl.constexpr(1e-5)
# px added to every bound, for roundings that don't depend on the matrix.
SLACK = tl.constexpr(0.01)
MAX_COPIES = tl.constexpr(256)


@triton.jit
def minor(a, b, c, d):
    """(a·d - b·c, |a·d| + |b·c|): an entry of the adjugate, and the magnitude that its rounding error scales with."""
    return a * d - b * c, tl.abs(a * d) + tl.abs(b * c)


@triton.jit
def smaller(a, b):
    return tl.minimum(a, b)


@triton.jit
def larger(a, b):
    return tl.maximum(a, b)


@triton.jit
def lowest(values):
    """`tl.min`; the interpreter supports that only if enabled before Triton was imported."""
    return tl.reduce(values, 0, smaller)


@triton.jit
def highest(values):
    return tl.reduce(values, 0, larger)


@triton.jit
def corners():
    """Signs (x, y) of the four corners of a rectangle."""
    corner = tl.arange(0, 4)
    return tl.where(corner % 2 == 0, -1.0, 1.0), tl.where(corner < 2, -1.0, 1.0)


@triton.jit
def seen_range(coordinate, rounding, side):
    """(first, last) of four corners' coordinates, in px from the edge, widened."""
    half = side.to(tl.float32) * 0.5
    margin = (rounding + (1.0 + highest(tl.abs(coordinate))) * ROUNDING) * half + SLACK
    return (lowest(coordinate) + 1.0) * half - margin, (highest(coordinate) + 1.0) * half + margin


@triton.jit
def seen_source(m, height, width, out_height, out_width):
    """Bounds (x0, x1, y0, y1) of the output's positions in the unfolded source, whether they are reliable, sign of w.

    A homography without a horizon in the output maps it to the convex quadrilateral spanned by its corners.
    """
    sign_x, sign_y = corners()
    x = sign_x * (1.0 - 1.0 / out_width.to(tl.float32))
    y = sign_y * (1.0 - 1.0 / out_height.to(tl.float32))
    w = m[6] * x + (m[7] * y + m[8])
    nearest = lowest(tl.abs(w))
    safe = (nearest > 2 * MIN_W) & ((lowest(w) > 0) | (highest(w) < 0))
    u, v = (m[0] * x + (m[1] * y + m[2])) / w, (m[3] * x + (m[4] * y + m[5])) / w
    farthest = tl.maximum(highest(tl.abs(u)), highest(tl.abs(v)))
    safe &= farthest < 0.99 * MAX_COORDINATE  # positions beyond are clamped
    scale_w = tl.abs(m[6]) + tl.abs(m[7]) + tl.abs(m[8])
    scale_u = tl.abs(m[0]) + tl.abs(m[1]) + tl.abs(m[2])
    scale_v = tl.abs(m[3]) + tl.abs(m[4]) + tl.abs(m[5])
    x0, x1 = seen_range(u, (scale_u + farthest * scale_w) * ROUNDING / nearest, width)
    y0, y1 = seen_range(v, (scale_v + farthest * scale_w) * ROUNDING / nearest, height)
    return x0, x1, y0, y1, safe, lowest(w) > 0


@triton.jit
def inverse(m):
    """Adjugate, magnitudes for its entries' rounding errors, determinant, and whether that is reliably non-zero."""
    a0, s0 = minor(m[4], m[5], m[7], m[8])
    a1, s1 = minor(m[2], m[1], m[8], m[7])
    a2, s2 = minor(m[1], m[2], m[4], m[5])
    a3, s3 = minor(m[5], m[3], m[8], m[6])
    a4, s4 = minor(m[0], m[2], m[6], m[8])
    a5, s5 = minor(m[2], m[0], m[5], m[3])
    a6, s6 = minor(m[3], m[4], m[6], m[7])
    a7, s7 = minor(m[1], m[0], m[7], m[6])
    a8, s8 = minor(m[0], m[1], m[3], m[4])
    determinant = m[0] * a0 + m[1] * a3 + m[2] * a6
    scale = tl.abs(m[0]) * s0 + tl.abs(m[1]) * s3 + tl.abs(m[2]) * s6
    regular = tl.abs(determinant) > scale * SINGULAR
    return (a0, a1, a2, a3, a4, a5, a6, a7, a8), (s0, s1, s2, s3, s4, s5, s6, s7, s8), determinant, regular


@triton.jit
def reach(start, TILE: tl.constexpr, side, copy, first, last, PADDING: tl.constexpr):
    """Interval (low, high) of positions that sample a tile, on one axis of a copy, clipped to [first, last]."""
    n = side.to(tl.float32)
    low = start.to(tl.float32) - 0.5
    high = tl.minimum((start + TILE).to(tl.float32), n) + 0.5
    if PADDING == "reflection":
        mirrored = copy % 2 != 0
        shift = copy.to(tl.float32) * n
        low, high = shift + tl.where(mirrored, n - high, low), shift + tl.where(mirrored, n - low, high)
    if PADDING == "border":
        low = tl.where(start == 0, first, low)
        high = tl.where(start + TILE >= side, last, high)
    margin = tl.maximum(tl.abs(low), tl.abs(high)) * ROUNDING + SLACK
    return tl.maximum(low - margin, first), tl.minimum(high + margin, last)


@triton.jit
def pixel_range(coordinate, rounding, side):
    """(first, last + 1) of the output pixels between four corners' normalised coordinates, clipped to the output."""
    n = side.to(tl.float32)
    low = (lowest(coordinate - rounding) + 1.0) * (n * 0.5) - 0.5 - SLACK
    high = (highest(coordinate + rounding) + 1.0) * (n * 0.5) - 0.5 + SLACK
    start = tl.floor(tl.minimum(tl.maximum(low, 0.0), n))
    end = tl.minimum(tl.maximum(tl.ceil(high) + 1.0, 0.0), n)
    return start.to(tl.int32), end.to(tl.int32)


@triton.jit
def box_of(x0, x1, y0, y1, adjugate, scale, sign, height, width, out_height, out_width):
    """Output pixels that can sample within [x0, x1] × [y0, y1]: (left, right, top, bottom), ends exclusive."""
    sign_x, sign_y = corners()
    x = tl.where(sign_x < 0, x0, x1) * (2.0 / width.to(tl.float32)) - 1.0
    y = tl.where(sign_y < 0, y0, y1) * (2.0 / height.to(tl.float32)) - 1.0
    size_x, size_y = tl.abs(x) + 1.0, tl.abs(y) + 1.0
    w = (adjugate[6] * x + (adjugate[7] * y + adjugate[8])) * sign  # positive for points of the output
    off_w = (scale[6] * size_x + scale[7] * size_y + scale[8]) * ROUNDING
    u = (adjugate[0] * x + (adjugate[1] * y + adjugate[2])) * sign / w
    v = (adjugate[3] * x + (adjugate[4] * y + adjugate[5])) * sign / w
    off_u = (scale[0] * size_x + scale[1] * size_y + scale[2]) * ROUNDING + tl.abs(u) * off_w
    off_v = (scale[3] * size_x + scale[4] * size_y + scale[5]) * ROUNDING + tl.abs(v) * off_w
    left, right = pixel_range(u, off_u / w + (1.0 + tl.abs(u)) * ROUNDING, out_width)
    top, bottom = pixel_range(v, off_v / w + (1.0 + tl.abs(v)) * ROUNDING, out_height)
    across_horizon = lowest(w - 2.0 * off_w) <= 0
    behind = (highest(w + off_w) < 0) | (x0 > x1) | (y0 > y1)
    left, right = tl.where(across_horizon, 0, left), tl.where(across_horizon, out_width, right)
    top, bottom = tl.where(across_horizon, 0, top), tl.where(across_horizon, out_height, bottom)
    return left, tl.where(behind, left, right), top, tl.where(behind, top, bottom)


@triton.jit
def hat(distance):
    """Bilinear weight on one axis."""
    return tl.maximum(1.0 - tl.abs(distance), 0.0)


@triton.jit
def copy_of(position, side):
    """Number of the mirrored copy that contains an unfolded position."""
    return tl.floor((position + 0.5) / side.to(tl.float32)).to(tl.int32)


@triton.jit(do_not_specialize=SIZES)
def warp_gather(
    gradient,  # of the output, [N, Ho, Wo, C] in memory order
    matrices,  # float32 [N, 3, 3]
    result,  # [N, H, W, C] in memory
    height,
    width,
    out_height,
    out_width,
    C: tl.constexpr,
    PADDING: tl.constexpr,
    WIDE: tl.constexpr,  # indices may exceed 2³¹
    TILE_H: tl.constexpr,
    TILE_W: tl.constexpr,
    BLOCK_C: tl.constexpr,
    OUT_H: tl.constexpr,  # block of output pixels
    OUT_W: tl.constexpr,
    PRECISION: tl.constexpr,  # `input_precision` of `tl.dot`
):
    """Each program computes a tile of source pixels of one image, for a block of channels."""
    image, top, left, first = own_tile(height, width, C, TILE_H, TILE_W, BLOCK_C)
    row, column, pixel, valid = own_pixels(image, top, left, height, width, WIDE, TILE_H, TILE_W)
    channel, exists = channels(first, C, BLOCK_C)
    matrix = load_matrix(matrices, image)
    adjugate, scale, determinant, regular = inverse(matrix)
    seen_x0, seen_x1, seen_y0, seen_y1, safe, positive = seen_source(matrix, height, width, out_height, out_width)
    sign = tl.where((determinant > 0) == positive, 1.0, -1.0)
    safe &= regular

    first_x, first_y, copies_across, copies_down = 0, 0, 1, 1
    if PADDING == "reflection":
        first_x, copies_across = copies(seen_x0, seen_x1, width, safe)
        first_y, copies_down = copies(seen_y0, seen_y1, height, safe)
        safe &= copies_across * copies_down <= MAX_COPIES
        copies_across = tl.where(safe, copies_across, 1)
        copies_down = tl.where(safe, copies_down, 1)

    total = tl.full((TILE_H * TILE_W, BLOCK_C), 0.0, tl.float32)
    for copy in range(copies_across * copies_down):
        kx, ky = first_x + copy % copies_across, first_y + copy // copies_across
        x0, x1 = reach(left, TILE_W, width, kx, seen_x0, seen_x1, PADDING)
        y0, y1 = reach(top, TILE_H, height, ky, seen_y0, seen_y1, PADDING)
        out_left, out_right, out_top, out_bottom = box_of(
            x0, x1, y0, y1, adjugate, scale, sign, height, width, out_height, out_width
        )
        out_left, out_right = tl.where(safe, out_left, 0), tl.where(safe, out_right, out_width)
        out_top, out_bottom = tl.where(safe, out_top, 0), tl.where(safe, out_bottom, out_height)
        blocks_across = tl.maximum((out_right - out_left + OUT_W - 1) // OUT_W, 0)
        blocks_down = tl.maximum((out_bottom - out_top + OUT_H - 1) // OUT_H, 0)
        for block in range(blocks_across * blocks_down):
            out_row, out_column, out_pixel, counts = own_pixels(
                image,
                out_top + (block // blocks_across) * OUT_H,
                out_left + (block % blocks_across) * OUT_W,
                out_height,
                out_width,
                WIDE,
                OUT_H,
                OUT_W,
            )
            place = gradient + (out_pixel[:, None] * C + channel)
            rows = tl.load(place, mask=counts[:, None] & exists, other=0.0).to(tl.float32)
            x, y = project(matrix, out_row, out_column, height, width, out_height, out_width)
            if PADDING == "reflection":
                here = (copy_of(x, width) == kx) & (copy_of(y, height) == ky)
                counts = counts & (here | (safe == 0))
            across = hat(fold(x, width, PADDING)[None, :] - column[:, None].to(tl.float32))
            down = hat(fold(y, height, PADDING)[None, :] - row[:, None].to(tl.float32))
            weights = tl.where(counts[None, :], across * down, 0.0)
            total = tl.dot(weights, rows, total, input_precision=PRECISION)
    place = result + (pixel[:, None] * C + channel)
    tl.store(place, total.to(result.dtype.element_ty), mask=valid[:, None] & exists)


@triton.jit
def copies(first, last, side, safe):
    """(first, count) of the mirrored copies between two positions; (0, 1) if those are unreliable."""
    n = side.to(tl.float32)
    low = tl.where(safe, tl.floor(first / n), 0.0)
    high = tl.where(safe, tl.floor(last / n), 0.0)
    return low.to(tl.int32), (high - low).to(tl.int32) + 1
