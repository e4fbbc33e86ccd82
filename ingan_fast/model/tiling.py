"""Tiling: computes a large output in pieces; equal to the untiled output up to rounding.

Each tile is computed with everything its pixels depend on. A convolution library may sum in a different order for a
different input size, so a value halfway between two grey levels may round the other way: one level, in at most 1 of
10,000 values.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ingan_fast.settings import Settings

Span = tuple[int, int]
CELL = 16  # px; tiles start at multiples of this, a multiple of every generator's cell


@dataclass(frozen=True)
class Tile:
    """An output region and the larger region computed for it, both half-open, in pixels."""

    rows: Span
    columns: Span
    computed_rows: Span
    computed_columns: Span


def halo(settings: Settings) -> int:
    """Receptive field after the warp: px that the generator reads around an output pixel, a multiple of 2^downscales.

    The exit adds 3 px; each stage down or up at resolution 1/2^i adds 2^i; each residual block adds
    2^downscales; pooling and upsampling align to cells of 2^downscales.
    """
    coarse = 2 ** (settings.stages - 1)  # output px per pixel of the first stage
    cell = 2**settings.downscales
    reach = 3 + 2 * (cell - 1) + settings.blocks * cell + (cell - 1)
    # Each refiner: three convolutions at half size, one pixel for resampling, two convolutions at full size.
    refined = sum(9 * 2**stage for stage in range(settings.stages - 1))
    reach = coarse * reach + refined
    cell *= coarse
    return (reach + cell - 1) // cell * cell


def tiles(size: tuple[int, int], tile: int, margin: int) -> Iterator[Tile]:
    """Cover an output of `size` (height, width) with tiles of at most `tile` px plus a `margin` on each side.

    `tile` is a multiple of 16 and `margin` of the generator's cell, so that computed regions start at cell borders.
    """
    for rows, computed_rows in _spans(size[0], tile, margin):
        for columns, computed_columns in _spans(size[1], tile, margin):
            yield Tile(rows, columns, computed_rows, computed_columns)


def _spans(side: int, tile: int, margin: int) -> list[tuple[Span, Span]]:
    """Split one side into about equal parts: on very narrow tiles convolutions sum in a different order."""
    count = -(-side // tile)
    step = -(-side // (count * CELL)) * CELL
    spans = []
    for start in range(0, side, step):
        end = min(start + step, side)
        spans.append(((start, end), (max(start - margin, 0), min(end + margin, side))))
    return spans
