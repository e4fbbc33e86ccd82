"""The cheapest paths from top to bottom through pictures of costs."""

import numpy as np
from numpy.typing import NDArray

OUTSIDE = 1e6  # what a place costs that is out of bounds: much, yet little enough to add and subtract exactly

Doubles = NDArray[np.float64]


def cheapest_paths(seen: NDArray, priced: Doubles, sideways: float) -> NDArray[np.intp]:
    """The cheapest path from the first row to the last, in each of some pictures of costs: [n, h].

    From row to row a path goes any way sideways, at the cost of all that it passes there: a seam that runs along
    between two rows joins each pixel above it with the one below.

    Args:
        seen: [h, n, w], at least 0, what the seam shows.
        priced: [h, n, w], what else it costs for the seam to have this place in this row.
        sideways: what each px sideways costs beside that.
    """
    height, count, width = seen.shape
    own = np.minimum(seen, OUTSIDE, dtype=np.float64)
    passed = own[:-1] + own[1:]
    passed *= 0.5
    passed += sideways
    ways = np.cumsum(passed, axis=2, out=passed)  # from row to row: what it costs to pass all columns up to each one
    own += priced
    reached = np.empty((height, count, width), np.float64)
    reached[0] = own[0]
    both = np.empty((2, count, width))
    right, left = both[0], both[1, :, ::-1]
    for row in range(1, height):
        way, before, here = ways[row - 1], reached[row - 1], reached[row]
        np.subtract(before, way, out=right)
        np.add(before, way, out=left)
        np.minimum.accumulate(both, axis=2, out=both)
        right += way
        left -= way
        np.minimum(right, left, out=here)
        here += own[row]
    places = np.empty((count, height), np.intp)
    place = reached[-1].argmin(axis=1)
    places[:, -1] = place
    each = np.arange(count)
    for row in range(height - 1, 0, -1):
        way = ways[row - 1]
        place = (reached[row - 1] + np.abs(way - way[each, place][:, None])).argmin(axis=1)
        places[:, row - 1] = place
    return places
