"""Exact tiling: a large output made piece by piece, identical to the output made at once."""

from collections.abc import Iterator
from dataclasses import dataclass

from ingan_fast.config import Settings


@dataclass(frozen=True)
class Tile:
    """One output region and the larger region that has to be computed for it, both half-open, in pixels."""

    rows: tuple[int, int]
    columns: tuple[int, int]
    computed_rows: tuple[int, int]
    computed_columns: tuple[int, int]


def halo(settings: Settings) -> int:
    """Pixels around an output pixel that the generator reads after the warp, a multiple of 2^downscales.

    The exit reaches 3 px, and so does the entry where it follows the warp (unit-scale layouts); each stage down or
    up at resolution 1/2^i reaches 2^i; each residual block reaches 2^downscales; pooling and upsampling align to
    cells of 2^downscales.
    """
    cell = 2**settings.downscales
    reach = (6 if settings.block else 3) + 2 * (cell - 1) + settings.blocks * cell + (cell - 1)
    return (reach + cell - 1) // cell * cell


def tiles(size: tuple[int, int], tile: int, margin: int) -> Iterator[Tile]:
    """Cover an output of `size` (height, width) with tiles of `tile` px plus a `margin` on each side.

    `tile` and `margin` are multiples of the generator's cell, so that every computed region starts at one.
    """
    height, width = size
    for top in range(0, height, tile):
        bottom = min(top + tile, height)
        for left in range(0, width, tile):
            right = min(left + tile, width)
            yield Tile(
                rows=(top, bottom),
                columns=(left, right),
                computed_rows=(max(top - margin, 0), min(bottom + margin, height)),
                computed_columns=(max(left - margin, 0), min(right + margin, width)),
            )
