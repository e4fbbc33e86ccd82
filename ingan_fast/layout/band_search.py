"""Where bands of a parallelogram begin and where they are cut apart, in a small version of a picture."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ingan_fast.geometry import Size
from ingan_fast.layout.bands import Bands, Parallelogram
from ingan_fast.layout.paths import cheapest_paths
from ingan_fast.layout.pictures import Mask, seen
from ingan_fast.layout.seam_costs import BESIDE, Floats
from ingan_fast.layout.seams import Seams

OPTIONS = 4  # number of alternative places tried before and after each band's own place
AWAY = 2e-3  # cost of the largest displacement of a band, as a squared difference
SIDEWAYS = 1e-4  # cost of a sideways step of one px
MISSING = 1.0  # cost of showing a pixel outside the picture
CUT = 100.0  # cost per column of cutting a spared object
MARGIN = 5  # px; minimum distance between a seam and the ends of the bands it joins, so that it can be refined

Doubles = NDArray[np.float64]


class Search:
    """Finds bands; all is seen so that the shape's straight sides are horizontal.

    Args:
        picture: [h, w, channels], laid out as a rectangle, small.
        spared: [h, w], what must not be cut.
        shape: where it goes.
        size: (width, height) of the output.
    """

    def __init__(self, picture: NDArray, spared: Mask | None, shape: Parallelogram, size: Size):
        self.shape, self.size, self.first = shape, size, round(shape.ends[0])
        self.columns, self.rows = size[shape.axis], size[1 - shape.axis]
        self.picture = seen(picture.swapaxes(0, 1) if shape.axis else picture)
        self.spared = None if spared is None else (spared.swapaxes(0, 1) if shape.axis else spared)
        self.inside = shape.inside((self.columns, self.rows))

    def bands(self, starts: Doubles, slack: float) -> Bands:
        """Bands that begin at most `slack` px from `starts`."""
        high = self.shape.height / len(starts)
        reach = max(1, int(high / 2) - MARGIN)
        edges = [round(self.shape.ends[0] + high * band) for band in range(1, len(starts))]
        cuts = [np.clip(np.arange(edge - reach, edge + reach + 1), MARGIN, self.rows - MARGIN) for edge in edges]
        offsets = self._offsets(starts, slack, cuts)
        lows = np.array([0, *(cut[0] - MARGIN for cut in cuts)], np.intp)
        highs = np.array([*(cut[-1] + MARGIN for cut in cuts), self.rows], np.intp)
        before = np.cumsum(highs - lows) - highs  # of each row's place in all windows, less the row
        places = np.zeros((0, self.columns), np.intp)
        if cuts:
            seams = [self._seam(cut, *pair) for cut, pair in zip(cuts, pairwise(offsets), strict=True)]
            places = np.stack(seams) + before[:-1, None]
        windows = np.stack([lows, highs], axis=1)
        return Bands(self.shape.axis, self.size, self.first, offsets, windows, Seams(np.diff(before), places))

    def _offsets(self, starts: Doubles, slack: float, cuts: Sequence[NDArray[np.intp]]) -> NDArray[np.intp]:
        """Where the bands begin so that straight seams between them show least: [n]."""
        options = np.unique(np.rint(np.linspace(-slack, slack, 2 * OPTIONS + 1)).astype(np.intp))
        own = np.rint(starts).astype(np.intp)
        away = AWAY * np.square(options / max(slack, 1.0))
        edges = [0, *(int(cut[len(cut) // 2]) for cut in cuts), self.rows]
        alone = [
            away + [self._hidden(slice(*rows), first + option) for option in options]
            for first, rows in zip(own, pairwise(edges), strict=True)
        ]
        costs = alone[0]
        chosen: list[NDArray[np.intp]] = []
        for band, cut in enumerate(cuts):
            known: dict[int, float] = {}
            table = np.empty((len(options), len(options)))
            for (one, other), _ in np.ndenumerate(table):
                more = int(options[other] - options[one])
                if more not in known:
                    known[more] = float(self._shown(cut, own[band], own[band + 1] + more).mean(axis=0).min())
                table[one, other] = known[more]
            total = costs[:, None] + table
            chosen.append(total.argmin(axis=0))
            costs = total.min(axis=0) + alone[band + 1]
        best = [int(costs.argmin())]
        for back in reversed(chosen):
            best.append(int(back[best[-1]]))
        return own + options[best[::-1]]

    def _hidden(self, rows: slice, offset: int) -> float:
        """What it costs that a band's rows don't show all that is spared in them where the band begins at `offset`."""
        if self.spared is None:
            return 0.0
        every = np.arange(self.rows)[rows]
        there = self.spared[np.clip(every - self.first, 0, len(self.spared) - 1)]
        shown = self._moved(self.spared, every, offset) & self.inside[rows]
        return CUT * float(there.sum() - shown.sum()) / self.columns

    def _seam(self, cut: NDArray[np.intp], above: int, below: int) -> NDArray[np.intp]:
        """The row before which each column is cut: [columns]."""
        missing = np.stack([self._missing(above), self._missing(below)])  # [2, columns, rows + 1], before each row
        priced = MISSING * (missing[0] + missing[1, :, -1:] - missing[1])[:, cut]
        shown = self._shown(cut, above, below)
        return cut[cheapest_paths(shown[:, None], priced[:, None], SIDEWAYS)[0]]

    def _missing(self, offset: int) -> Doubles:
        """How many pixels before each row lie in the shape, and not in the picture: [columns, rows + 1]."""
        column = np.arange(self.columns)
        has = (column >= offset) & (column < offset + self.picture.shape[1])
        return np.pad(np.cumsum(self.inside & ~has, axis=0, dtype=np.float64), ((1, 0), (0, 0))).T

    def _shown(self, cut: NDArray[np.intp], above: int, below: int) -> Floats:
        """What a seam shows before each of some rows: [columns, rows]."""
        rows = np.arange(cut[0] - BESIDE, cut[-1] + BESIDE)
        one, other = self._moved(self.picture, rows, above), self._moved(self.picture, rows, below)
        inside = self.inside[np.clip(rows, 0, self.rows - 1)]
        square = np.where(inside, np.square(one - other).mean(axis=2), 0)
        total = np.cumsum(np.pad(square, ((1, 0), (0, 0))), axis=0)
        result = (total[2 * BESIDE :] - total[: -2 * BESIDE]) / (2 * BESIDE)
        if self.spared is not None:
            spared = self._moved(self.spared, rows, above) | self._moved(self.spared, rows, below)
            through = spared[BESIDE - 1 : -BESIDE] | spared[BESIDE : len(spared) - BESIDE + 1]
            result = result + CUT * through
        return np.asarray(result[cut - cut[0]].T, np.float32)

    def _moved(self, values: NDArray, rows: NDArray[np.intp], offset: int) -> NDArray:
        """Some rows of the output, of a band that begins at `offset`: [rows, columns, ...]."""
        height, width = values.shape[:2]
        columns = np.clip(np.arange(self.columns) - offset, 0, width - 1)
        return values[np.clip(rows - self.first, 0, height - 1)[:, None], columns]
