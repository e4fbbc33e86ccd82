"""Geometry inputs of a graph, the sampling grid, computed from a transform on the host, without torch."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from ingan_fast.geometry import Transform
from ingan_fast.layout import Frames, Layouts, perspective
from ingan_fast.model.tiling import Tile
from ingan_fast.runtime.backends import Geometry

KEPT = 128 << 20  # bytes of geometry cached


class Geometries:
    """LRU cache of geometry, in the backend's form.

    Args:
        prepare: `Backend.prepare`.
    """

    def __init__(self, prepare: Callable[[Geometry], Any]):
        self._prepare = prepare
        self._kept: OrderedDict[tuple[Transform, Layouts | Frames | None], tuple[Any, int]] = OrderedDict()
        self._bytes = 0

    def get(self, transform: Transform, layouts: Layouts | Frames | None = None) -> Any:
        """Prepared geometry (`make`); evicts the least recently used beyond `KEPT` bytes."""
        key = transform, layouts
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key][0]
        geometry = make(transform, layouts)
        size = sum(array.nbytes for array in geometry.values())
        while self._kept and self._bytes + size > KEPT:
            self._bytes -= self._kept.popitem(last=False)[1][1]
        prepared = self._prepare(geometry)
        self._kept[key] = prepared, size
        self._bytes += size
        return prepared

    def forget(self) -> None:
        self._kept.clear()
        self._bytes = 0


def make(transform: Transform, layouts: Layouts | Frames | None = None) -> Geometry:
    """Geometry of a whole output: float32 [1, Ho, Wo, 2].

    Args:
        transform: what is asked for.
        layouts: of the frame, where its pieces are moved at their own size; without, it is warped as a whole.
    """
    if isinstance(layouts, Frames):
        return {"grid": layouts.grid(transform)[None]}
    grid = transform.grid()
    if layouts is not None:
        laid_out = perspective.lay_out(layouts, transform).grid()
        grid = np.where(transform.mask()[..., None] > 0, laid_out, grid)
    return {"grid": grid[None]}


def region(geometry: Geometry, tile: Tile) -> Geometry:
    """The part of the geometry that a tile is computed from."""
    rows, columns = slice(*tile.computed_rows), slice(*tile.computed_columns)
    return {name: np.ascontiguousarray(array[:, rows, columns]) for name, array in geometry.items()}
