"""What a graph takes beside the image: made of a transform, on the host, without torch."""

import zlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from ingan_fast.geometry import Size, Transform
from ingan_fast.pictures import Pixels
from ingan_fast.runtime.arrangement import Arrangement
from ingan_fast.runtime.backends import Geometry
from ingan_fast.runtime.layout import Source, arrange, unit_scale
from ingan_fast.runtime.sidecar import Layout
from ingan_fast.tiling import Tile

KEPT = 128 << 20  # bytes of prepared geometry


class Geometries:
    """Makes geometry, and keeps what was made last, as the backend has it.

    Args:
        layout: None for the paper's generator, whose geometry is the transform's sampling grid.
        prepare: `Backend.prepare`.
    """

    def __init__(self, layout: Layout | None, prepare: Callable[[Geometry], Any]):
        self._layout, self._prepare = layout, prepare
        self._kept: OrderedDict[tuple[Any, ...], tuple[Any, int]] = OrderedDict()
        self._bytes = 0
        self._reference: tuple[int, Source | None] = (0, None)  # checksum, lines

    def get(
        self,
        transform: Transform,
        source_size: Size,
        reference: Pixels | None,
        arrangement: Arrangement | None = None,
    ) -> Any:
        """Prepared geometry; `reference` is where cuts between layouts are looked for, None: halfway.

        `arrangement`: where they are; then nothing is looked for.
        """
        key = (transform, source_size, arrangement or self._seen(reference))
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key][0]
        geometry = self.make(transform, source_size, reference, arrangement)
        size = sum(array.nbytes for array in geometry.values())
        while self._kept and self._bytes + size > KEPT:
            self._bytes -= self._kept.popitem(last=False)[1][1]
        prepared = self._prepare(geometry)
        self._kept[key] = prepared, size
        self._bytes += size
        return prepared

    def make(
        self,
        transform: Transform,
        source_size: Size,
        reference: Pixels | None,
        arrangement: Arrangement | None = None,
    ) -> Geometry:
        """Geometry of a whole output, in numpy; arguments as for `get`."""
        if self._layout is None:
            return {"grid": transform.grid()[None]}
        lines = self._lines(reference) if arrangement is None else None
        layout = unit_scale(transform, source_size, self._layout.jump, self._layout.scatter, lines, arrangement)
        return {"grid": layout.grids, "preference": layout.preference}

    def arrange(self, transform: Transform, source_size: Size, reference: Pixels | None) -> Arrangement | None:
        """What of the geometry can't change gradually; None: nothing."""
        if self._layout is None:
            return None
        lines = self._lines(reference)
        return arrange(transform, source_size, self._layout.jump, self._layout.scatter, lines)

    def forget(self) -> None:
        self._kept.clear()
        self._bytes = 0

    def _lines(self, reference: Pixels | None) -> Source | None:
        self._seen(reference)
        return self._reference[1]

    def _seen(self, reference: Pixels | None) -> int:
        """A checksum of what cuts depend on, whose lines are kept; a buffer's content may change between calls."""
        if self._layout is None:
            return 0
        checksum = 0 if reference is None else zlib.crc32(np.ascontiguousarray(reference).data)
        if checksum != self._reference[0]:
            self._reference = checksum, None if reference is None else Source(reference)
        return checksum


def region(geometry: Geometry, tile: Tile) -> Geometry:
    """The part of geometry that a tile is computed from: [1, Ho, Wo, 2], [1, 4, Ho, Wo, 2] or [1, 4, Ho, Wo]."""
    rows, columns = slice(*tile.computed_rows), slice(*tile.computed_columns)
    parts = {}
    for name, array in geometry.items():
        first = array.ndim - (3 if name == "grid" else 2)  # the axis of rows
        parts[name] = np.ascontiguousarray(array[(slice(None),) * first + (rows, columns)])
    return parts
