"""Fits a power law by least squares."""

from collections.abc import Sequence

import msgspec
import numpy as np


class Fit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A quantity as a power of another one: y ~ x^exponent.

    Attributes:
        case, name: what was measured, as in a `Row`.
        quantity, over: y and x.
        exponent: 1: proportional; 0: constant.
        standard_error: of the exponent, from the residuals; None for two points.
        points: [x, y] of each measurement.
    """

    case: str
    name: str
    quantity: str
    over: str
    exponent: float
    standard_error: float | None
    points: list[tuple[float, float]]


def fit_power_law(points: Sequence[tuple[float, float]], case: str, name: str, quantity: str, over: str) -> Fit | None:
    """Least-squares line through (log x, log y), which are above 0; None if all x are equal."""
    x, y = np.log(np.array(points, float).reshape(-1, 2)).T
    if len(set(x)) < 2:
        return None
    if len(points) == 2:
        exponent, error = float(np.diff(y)[0] / np.diff(x)[0]), None
    else:
        (exponent, _), covariance = np.polyfit(x, y, 1, cov=True)
        exponent, error = float(exponent), float(covariance[0, 0] ** 0.5)
    return Fit(case, name, quantity, over, exponent, error, list(points))
