"""What an output shows how often: the distribution of its colours beside the source's.

A column's share of pixels under each of some thresholds, for each of some colour directions, is what it adds to the
output's distribution function. The area between two such functions is their Wasserstein-1 distance, so the distance
of an output from its source is a sum of absolute values of *linear* functions of how often each column is shown.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingan_fast.layout import compiled
from ingan_fast.layout.drawing import copy_pieces
from ingan_fast.layout.seam_costs import Floats
from ingan_fast.layout.seams import Seams

FREQUENCY = 12.0  # weight of the distance between the distributions of colours, in standard deviations
FREQUENCY_SPARING = 7.0  # the same of smaller outputs where single objects are spared
MUCH_SMALLER = 0.5  # outputs of less than that, in sides of the picture
THRESHOLDS = 24  # number of thresholds per colour direction
UNCOUNTED = THRESHOLDS + 1  # the level of pixels that don't count


class Distributions:
    """The distributions of some values of a picture's pixels.

    Args:
        values: [h, w, channels].
        uncounted: [h, w], pixels that count like the mean of the others wherever they are shown.
    """

    def __init__(self, values: NDArray, uncounted: NDArray[np.bool_] | None = None):
        self._low, high = np.quantile(values.reshape(-1, values.shape[2]), (0.002, 0.998), axis=0)
        self._range = high - self._low
        self.levels = self._levels_of(values)
        if uncounted is not None:
            self.levels[uncounted] = UNCOUNTED
        self.weights = np.repeat(self._range / THRESHOLDS, THRESHOLDS).astype(np.float32)
        self._counts = counts_of_levels(self.levels)
        counted = int(self._counts[0, :UNCOUNTED].sum())
        self._mean = np.cumsum(self._counts, axis=1)[:, :THRESHOLDS] / max(counted, 1)
        self.source = self._shares(self._counts)

    def deviations_of_pieces(self, seams: Seams) -> Floats:
        """How far the distribution functions of what an output of these seams shows are from the source's."""
        return self.deviations_of(self.counts_of_pieces(seams))

    def counts_of_pieces(self, seams: Seams) -> NDArray[np.int64]:
        """How many pixels of an output of these seams have each level: [channels, levels]."""
        if not compiled.available:
            return counts_of_levels(copy_pieces(self.levels, seams))
        counts = self._counts.copy()
        places, lengths = (np.ascontiguousarray(each, np.int64) for each in (seams.places, seams.lengths))
        compiled.loops.count_levels(self.levels, places, lengths, counts)
        return counts

    def deviations_of(self, counts: NDArray[np.int64]) -> Floats:
        """The same of how many pixels have each level."""
        return np.asarray(self._shares(counts) - self.source, np.float32)

    def counts_of(self, values: NDArray) -> NDArray[np.int64]:
        """How many of some values [..., channels] have each level: [channels, levels]."""
        return counts_of_levels(self._levels_of(values))

    def _levels_of(self, values: NDArray) -> NDArray[np.uint8]:
        """Which of the thresholds each value lies under: 0 all of them, THRESHOLDS none."""
        levels = (values - self._low) / np.maximum(self._range, 1e-9) * THRESHOLDS
        return np.clip(levels, 0, THRESHOLDS).astype(np.uint8)

    def _features(self, levels: NDArray[np.uint8]) -> Floats:
        """The weighted distribution functions of some pixels: [features]."""
        return self._shares(counts_of_levels(levels))

    def _shares(self, counts: NDArray) -> Floats:
        """The same of how many pixels have each level: [channels, levels]."""
        under = np.cumsum(counts, axis=1)[:, :THRESHOLDS] + counts[:, UNCOUNTED:] * self._mean
        shares = under / max(int(counts[0].sum()), 1)
        return np.asarray(shares.ravel() * self.weights, np.float32)


class Frequencies(Distributions):
    """The distributions of a picture's colours, in all of it and in each column.

    Args:
        picture: float32 [h, w, channels].
        uncounted: see `Distributions`.
    """

    def __init__(self, picture: Floats, uncounted: NDArray[np.bool_] | None = None):
        pixels = picture.reshape(-1, picture.shape[2]).astype(np.float64)
        centred = pixels - pixels.mean(axis=0)
        values, directions = np.linalg.eigh(centred.T @ centred / len(centred))
        projected = centred @ directions / np.sqrt(max(values.sum(), 1e-12))
        super().__init__(projected.reshape(picture.shape), uncounted)
        self.columns = np.stack([self._features(column[:, None]) for column in self.levels.swapaxes(0, 1)], axis=1)
        self.source = self.columns.mean(axis=1)
        self.scale = np.maximum(np.abs(self.columns - self.source[:, None]).mean(axis=1), 1e-6)

    def deviations(self, shown: NDArray[np.intp]) -> Floats:
        """The same of some of the columns: [features]."""
        return np.asarray(self.columns[:, shown].mean(axis=1) - self.source, np.float32)

    def prices(self, pressures: Floats) -> Floats:
        """What showing each column costs: [w], where each feature's deviation costs `pressures` ([features])."""
        return np.asarray(pressures @ (self.columns - self.source[:, None]), np.float32)

    def shown_before(self, pressures: Floats, count: int, besides: Floats | None, unit: float) -> NDArray[np.float64]:
        """What it costs to show all pixels of a row before each column: [h, w + 1].

        Args:
            pressures: [features], what each feature's deviation costs.
            count: columns of the output, which share the prices.
            besides: [h, w], what else it costs to show each pixel.
            unit: by which all of it is multiplied.
        """
        weighted = (pressures * self.weights).reshape(-1, THRESHOLDS)
        under = np.cumsum(weighted[:, ::-1], axis=1)[
            :, ::-1
        ]  # a pixel at a level is under all thresholds from there on
        height, width, channels = self.levels.shape
        tables = np.zeros((channels, 256), np.float32)
        tables[:, :THRESHOLDS] = under
        tables[:, UNCOUNTED] = (weighted * self._mean).sum(axis=1)
        before = np.zeros((height, width + 1))
        if compiled.available:
            compiled.loops.shown_before(self.levels, tables, count, besides, unit, before)
            return before
        prices = np.asarray(sum(table[self.levels[..., c]] for c, table in enumerate(tables)), np.float32)
        prices /= np.float32(count)
        if besides is not None:
            prices += besides
        np.cumsum(prices, axis=1, out=before[:, 1:])
        before *= unit
        return before


@dataclass(frozen=True)
class Balance:
    """How the distribution of an output's colours counts.

    Attributes:
        frequencies: of the colours.
        weight: of the distance between their distributions, in standard deviations.
    """

    frequencies: Frequencies
    weight: float


def balances(picture: Floats, spare: NDArray[np.bool_] | None) -> tuple[Balance, Balance, Balance]:
    """What counts in outputs that are much smaller than a picture (`MUCH_SMALLER`), smaller, and larger.

    Args:
        picture: float32 [h, w, channels].
        spare: [h, w], what is shown once at most: in larger outputs its share can't stay, that of the rest can. Much
            smaller ones would leave it out for the sake of its share.
    """
    frequencies = Frequencies(picture)
    if spare is None or not spare.any():
        each = Balance(frequencies, FREQUENCY)
        return each, each, each
    rest = Frequencies(picture, spare)
    return Balance(rest, FREQUENCY_SPARING), Balance(frequencies, FREQUENCY_SPARING), Balance(rest, FREQUENCY)


def counts_of_levels(levels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """How many pixels have each level: [channels, levels]."""
    counts = [np.bincount(levels[..., c].ravel(), minlength=UNCOUNTED + 1) for c in range(levels.shape[-1])]
    return np.array(counts, np.int64)
