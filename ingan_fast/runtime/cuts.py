"""The search for the cuts between the parts of a unit-scale layout (kernels/anchors.py) in numpy.

Image quilting's minimum error boundary cut: Efros & Freeman, SIGGRAPH 2001. Sums are made in the same order and
precision as there, so that the same cuts are found.
"""

import numpy as np
from numpy.typing import NDArray

from ingan_fast.unit_scale_constants import BEND, BENDS, BLOCK, FADE

Floats = NDArray[np.float32]
Indices = NDArray[np.intp]


class Lines:
    """A picture's lines across an axis, to be read anywhere along it.

    Args:
        image: uint8 [side, M, 3].
    """

    def __init__(self, image: NDArray[np.uint8]):
        self.side, self.length = image.shape[:2]
        values = np.ascontiguousarray(image.transpose(0, 2, 1)).astype(np.float32)
        self.values = (values / np.float32(127.5) - 1).reshape(self.side, -1)  # [side, 3·M] in [-1, 1]
        self.rises = np.zeros_like(self.values)  # to the next line
        np.subtract(self.values[1:], self.values[:-1], out=self.rises[:-1])

    def differences(self, first: Floats, second: Floats) -> Floats:
        """How differently the lines at positions [K, T] and [K, T] (px) show: [K, T, M + 1]; the last column is 0."""
        result = np.zeros((*first.shape, self.length + 1), np.float32)
        shown, other, rise = (np.empty((first.shape[1], self.values.shape[1]), np.float32) for _ in range(3))
        for one, two, difference in zip(first, second, result, strict=True):
            self._read(one, shown, rise)
            self._read(two, other, rise)
            shown -= other
            np.abs(shown, out=shown)
            red, green, blue = shown.reshape(-1, 3, self.length).transpose(1, 0, 2)
            total = np.add(red, green, out=difference[:, :-1])
            total += blue
            total /= 3
        return result

    def _read(self, place: Floats, out: Floats, rise: Floats) -> None:
        position = np.clip(place - np.float32(0.5), 0, self.side - 1)
        low = np.floor(position)
        part = position - low
        later = part >= 0.5  # what is added to the nearer line is smaller, and rounded less
        np.take(self.values, (low + later).astype(np.intp), axis=0, out=out, mode="clip")
        np.take(self.rises, low.astype(np.intp), axis=0, out=rise, mode="clip")
        rise *= (part - later)[:, None]
        out += rise


def cheapest_cuts(lines: Lines, shown: Floats, jumped: list[Floats], disliked: Floats, there: list[Floats]) -> Indices:
    """Which of the places that are tried for each of K cuts is the best, by blocks along it.

    Args:
        lines: of the picture.
        shown: [K, TRIED], what the part before the cut shows there, px.
        jumped: what the part after it shows there, px, for each of the jumps that are looked at.
        disliked: [K, TRIED], what else speaks against these places,
        there: and for each of the jumps.

    Returns:
        [K, blocks], indices.
    """
    cost = disliked[..., None]
    for place, dislike in zip(jumped, there, strict=True):
        seen = _mean_in_blocks(lines.differences(shown, place))
        seen += dislike[..., None]
        cost = cost + _faded(seen) / np.float32(len(jumped))
    return cheapest_path(cost)


def _mean_in_blocks(values: Floats) -> Floats:
    """[K, T, M + 1], of which the last is 0, in blocks of about `BLOCK`: [K, T, M // BLOCK]."""
    length = values.shape[2] - 1
    blocks = max(length // BLOCK, 1)
    starts = np.arange(blocks) * length // blocks
    ends = -(-np.arange(1, blocks + 1) * length // blocks)
    total = values.take(starts, axis=2)
    for step in range(1, int((ends - starts).max())):
        total += values.take(np.where(starts + step < ends, starts + step, length), axis=2)
    return total / (ends - starts).astype(np.float32)


def _faded(cost: Floats) -> Floats:
    """The mean over `FADE` places [K, T, B]: one layout fades into the next, and what lies beside a cut shows, too."""
    places = cost.shape[1]
    padded = np.pad(cost, ((0, 0), (FADE // 2, FADE // 2), (0, 0)))
    counted = np.convolve(np.ones(places), np.ones(FADE), "same").astype(np.float32)
    total = padded[:, :places].copy()
    for shift in range(1, FADE):
        total += padded[:, shift : shift + places]
    return total / counted[:, None]


def cheapest_path(cost: Floats) -> Indices:
    """The index along T, for each of B blocks, of the cheapest path through costs [K, T, B]: [K, B]."""
    count, places, blocks = cost.shape
    cost = np.ascontiguousarray(cost.transpose(2, 1, 0))  # [B, T, K]
    bends = np.arange(2 * BENDS + 1)[:, None]
    price = np.float32(BEND) * np.abs(bends - BENDS).astype(np.float32)
    reached = np.full((blocks, places + 2 * BENDS, count), np.inf, np.float32)
    inner = reached[:, BENDS:-BENDS]
    inner[0] = cost[0]
    ways = np.lib.stride_tricks.sliding_window_view(reached, places, axis=1).swapaxes(2, 3)  # [B, bends, T, K]
    for block in range(1, blocks):
        np.add((ways[block - 1] + price[..., None]).min(axis=0), cost[block], out=inner[block])
    path = np.empty((blocks, count), np.intp)
    path[-1] = inner[-1].argmin(axis=0)
    each = np.arange(count)
    for block in range(blocks - 1, 0, -1):
        way = (reached[block - 1][path[block] + bends, each] + price).argmin(axis=0)
        path[block - 1] = path[block] + way - BENDS
    return path.T
