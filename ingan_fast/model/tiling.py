"""Tiling: a large output made piece by piece, equal to the output made at once up to rounding.

Each pixel is computed from all that it depends on. A convolution library may sum in another order where its input has
another size, so that a value which lies halfway between two grey levels can be rounded the other way: one level, in at
most 1 of 10,000 values.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ingan_fast.settings import Settings

Span = tuple[int, int]
CELL = 16  # px; tiles start at its multiples, which are multiples of every generator's cell


@dataclass(frozen=True)
class Tile:
    """One output region and the larger region that has to be computed for it, both half-open, in pixels."""

    rows: Span
    columns: Span
    computed_rows: Span
    computed_columns: Span


def halo(settings: Settings) -> int:
    """Pixels around an output pixel that the generator reads after the warp, a multiple of 2^downscales.

    The exit reaches 3 px; each stage down or up at resolution 1/2^i reaches 2^i; each residual block reaches
    2^downscales; pooling and upsampling align to cells of 2^downscales.
    """
    coarse = 2 ** (settings.stages - 1)  # px to one of the first stage's
    cell = 2**settings.downscales
    reach = 3 + 2 * (cell - 1) + settings.blocks * cell + (cell - 1)
    # Each refiner: three convolutions at half size, one pixel of the larger picture's resampling, two convolutions.
    refined = sum(9 * 2**stage for stage in range(settings.stages - 1))
    reach = coarse * reach + refined
    cell *= coarse
    return (reach + cell - 1) // cell * cell


def tiles(size: tuple[int, int], tile: int, margin: int) -> Iterator[Tile]:
    """Cover an output of `size` (height, width) with tiles of at most `tile` px plus a `margin` on each side.

    `tile` is a multiple of 16 and `margin` of the generator's cell, so that every computed region starts at one.
    """
    for rows, computed_rows in _spans(size[0], tile, margin):
        for columns, computed_columns in _spans(size[1], tile, margin):
            yield Tile(rows, columns, computed_rows, computed_columns)


def _spans(side: int, tile: int, margin: int) -> list[tuple[Span, Span]]:
    """The parts of one side, about equally long: a convolution over a sliver of pixels sums in another order."""
    count = -(-side // tile)
    step = -(-side // (count * CELL)) * CELL
    spans = []
    for start in range(0, side, step):
        end = min(start + step, side)
        spans.append(((start, end), (max(start - margin, 0), min(end + margin, side))))
    return spans
