"""Interpolation between keyframes: cubic Hermite curves, which differ in the slopes at their ends."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

# Slopes at start and end of a movement, as multiples of its mean speed.
SLOPES = {"linear": (1.0, 1.0), "ease-in": (0.0, 2.0), "ease-out": (2.0, 0.0), "ease-in-out": (0.0, 0.0)}
HOLD = "hold"  # constant, then jumps at the end
SPLINE = "spline"  # passes keyframes without stopping
EASINGS = (*SLOPES, HOLD, SPLINE)
DEFAULT = "ease-in-out"


class Curve:
    """A curve through keyframes.

    Args:
        times: [K], increasing.
        values: [K, D].
        easings: one of `EASINGS` per keyframe, for the segment that leads to it (unused for the first).
        closed: the last keyframe equals the first, and a spline continues through it.
    """

    def __init__(self, times: ArrayLike, values: ArrayLike, easings: Sequence[str], closed: bool = False):
        self.times, self.values = np.asarray(times, np.float64), np.asarray(values, np.float64)
        self.easings = easings
        self.tangents = _tangents(self.times, self.values, easings, closed)

    def __call__(self, time: float) -> Array:
        """The values [D] at a time; constant before the first and after the last keyframe."""
        if len(self.times) == 1 or time >= self.times[-1]:
            return self.values[-1].copy()
        end = int(np.searchsorted(self.times, time, side="right").clip(1, len(self.times) - 1))
        start, easing = end - 1, self.easings[end]
        if easing == HOLD:
            return self.values[start].copy()
        duration = self.times[end] - self.times[start]
        s = max(float((time - self.times[start]) / duration), 0.0)
        change = self.values[end] - self.values[start]
        if easing == SPLINE:
            first, last = self.tangents[start] * duration, self.tangents[end] * duration
        else:
            first, last = (slope * change for slope in SLOPES[easing])
        return np.asarray(
            self.values[start] + (3 - 2 * s) * s**2 * change + s * (1 - s) * ((1 - s) * first - s * last), np.float64
        )


def _tangents(times: Array, values: Array, easings: Sequence[str], closed: bool) -> Array:
    """Slopes of a spline at its keyframes, per second, without overshoot.

    Monotone interpolation of Fritsch & Butland (SIAM J. Sci. Stat. Comput. 5, 1984); zero at a spline's ends.
    """
    tangents = np.zeros_like(values)
    steps = np.diff(times)[:, None]
    speeds = np.diff(values, axis=0) / steps
    reached = easings[1:]
    for before, after in [(k - 1, k) for k in range(0 if closed else 1, len(steps))]:
        if reached[before] != SPLINE or reached[after] != SPLINE:
            continue
        a, b = speeds[before], speeds[after]
        wa, wb = 2 * steps[after] + steps[before], steps[after] + 2 * steps[before]
        with np.errstate(divide="ignore", invalid="ignore"):
            tangents[after] = np.where(a * b > 0, (wa + wb) / (wa / a + wb / b), 0)
    if closed:
        tangents[-1] = tangents[0]
    return tangents
