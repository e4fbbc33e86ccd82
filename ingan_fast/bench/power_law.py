"""Fits a power law by least squares."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class PowerLaw:
    """y ~ x^exponent.

    Attributes:
        exponent: 1: proportional; 0: constant.
        standard_error: of the exponent, from the residuals; None for two points.
    """

    exponent: float
    standard_error: float | None


def fit_power_law(points: Sequence[tuple[float, float]]) -> PowerLaw | None:
    """Least-squares line through (log x, log y); None if all x are equal.

    Args:
        points: x and y, all above 0.
    """
    logs = [(math.log(x), math.log(y)) for x, y in points]
    if len({x for x, _ in logs}) < 2:
        return None
    count = len(logs)
    mean_x, mean_y = sum(x for x, _ in logs) / count, sum(y for _, y in logs) / count
    spread = sum((x - mean_x) ** 2 for x, _ in logs)
    exponent = sum((x - mean_x) * (y - mean_y) for x, y in logs) / spread
    if count < 3:
        return PowerLaw(exponent, None)
    off = sum((y - mean_y - exponent * (x - mean_x)) ** 2 for x, y in logs)
    return PowerLaw(exponent, math.sqrt(off / (count - 2) / spread))
