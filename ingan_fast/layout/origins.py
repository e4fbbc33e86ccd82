"""Where in a picture the points of an output come from, for jumps whose lengths are no whole pixels."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


def origins(
    places: tuple[Doubles, Doubles], lengths: tuple[Doubles, Doubles], x: Doubles, y: Doubles
) -> tuple[Doubles, Doubles]:
    """The places in the picture, px, that points of an output come from: x and y, as far as they depend on each.

    Args:
        places: [n, h] and [m, w] px, where the seams of both axes lie in the picture (`Growth.places`).
        lengths: [n] and [m] px, theirs.
        x, y: the points, px from the output's corner; arrays that can be broadcast.
    """
    across, down = places
    # In the row that `Frames` takes the places of the other axis' seams from.
    middle = _origins(x, across[:, across.shape[1] // 2], lengths[0])
    y = _origins(y, _at(down, middle), lengths[1])
    return _origins(x, _at(across, y), lengths[0]), y


def _at(places: Doubles, points: Doubles) -> Iterable[Doubles]:
    """Where each seam of [n, h] lies at points along it, px."""
    pixels = np.clip(points.astype(np.intp), 0, places.shape[1] - 1)
    return (seam[pixels] for seam in places)


def _origins(points: Doubles, seams: Iterable[NDArray], lengths: Doubles) -> Doubles:
    """Points along one axis of the output, moved by the lengths of all seams that lie before them."""
    result, moved = points, 0.0
    for seam, length in zip(seams, lengths.tolist(), strict=True):
        if length:
            result = result + length * (points >= seam - moved)
        moved += length
    return result
