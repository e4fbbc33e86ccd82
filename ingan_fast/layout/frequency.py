"""What an output shows how often: the distribution of its colours beside the source's.

A column's share of pixels under each of some thresholds, for each of some colour directions, is what it adds to the
output's distribution function. The area between two such functions is their Wasserstein-1 distance, so the distance
of an output from its source is a sum of absolute values of *linear* functions of how often each column is shown.
"""

import numpy as np
from numpy.typing import NDArray

from ingan_fast.layout.seam_costs import Floats

THRESHOLDS = 24  # a direction


class Frequencies:
    """The distributions of a picture's columns.

    Args:
        picture: float32 [h, w, channels].
    """

    def __init__(self, picture: Floats):
        pixels = picture.reshape(-1, picture.shape[2]).astype(np.float64)
        centred = pixels - pixels.mean(axis=0)
        values, directions = np.linalg.eigh(centred.T @ centred / len(centred))
        projected = centred @ directions / np.sqrt(max(values.sum(), 1e-12))
        low, high = np.quantile(projected, (0.002, 0.998), axis=0)
        # Which of the thresholds each pixel lies under: [h, w, channels], 0 all of them, THRESHOLDS none.
        levels = np.clip((projected - low) / np.maximum(high - low, 1e-9) * THRESHOLDS, 0, THRESHOLDS)
        self.levels = levels.astype(np.uint8).reshape(picture.shape)
        self.weights = np.repeat((high - low) / THRESHOLDS, THRESHOLDS).astype(np.float32)
        self.columns = np.stack([self._features(column[:, None]) for column in self.levels.swapaxes(0, 1)], axis=1)
        self.source = self.columns.mean(axis=1)
        self.scale = np.maximum(np.abs(self.columns - self.source[:, None]).mean(axis=1), 1e-6)

    def deviations_of_pixels(self, levels: NDArray[np.uint8]) -> Floats:
        """How far the distribution functions of some of the pixels, by their `levels`, are from the source's."""
        return np.asarray(self._features(levels) - self.source, np.float32)

    def deviations(self, shown: NDArray[np.intp]) -> Floats:
        """The same of some of the columns: [features]."""
        return np.asarray(self.columns[:, shown].mean(axis=1) - self.source, np.float32)

    def prices(self, pressures: Floats) -> Floats:
        """What showing each column costs: [w], where each feature's deviation costs `pressures` ([features])."""
        return np.asarray(pressures @ (self.columns - self.source[:, None]), np.float32)

    def pixel_prices(self, pressures: Floats) -> Floats:
        """What showing each pixel costs: [h, w]."""
        weighted = (pressures * self.weights).reshape(-1, THRESHOLDS)
        under = np.cumsum(weighted[:, ::-1], axis=1)[
            :, ::-1
        ]  # a pixel at a level is under all thresholds from there on
        tables = np.pad(under, ((0, 0), (0, 1)))
        return np.asarray(sum(table[self.levels[..., c]] for c, table in enumerate(tables)), np.float32)

    def _features(self, levels: NDArray[np.uint8]) -> Floats:
        """The weighted distribution functions of some pixels: [features]."""
        counts = [np.bincount(levels[..., c].ravel(), minlength=THRESHOLDS + 1) for c in range(levels.shape[-1])]
        shares = np.cumsum(counts, axis=1)[:, :THRESHOLDS] / levels[..., 0].size
        return np.asarray(shares.ravel() * self.weights, np.float32)
