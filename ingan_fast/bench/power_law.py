"""How a quantity grows: the exponent of a power law, by least squares."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class PowerLaw:
    """y ~ x^exponent.

    Attributes:
        exponent: 1: in proportion; 0: not at all.
        standard_error: of the exponent, from how far the points are off; None for two points, which are never off.
    """

    exponent: float
    standard_error: float | None


def fit_power_law(points: Sequence[tuple[float, float]]) -> PowerLaw | None:
    """The line through (log x, log y) whose squared errors are the least; None where there is no line.

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
