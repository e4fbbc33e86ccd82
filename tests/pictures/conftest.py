"""Fails tests on leaked warnings; a picture."""

import warnings

import numpy as np
import pytest

from ingan_fast.pictures import Pixels


@pytest.fixture(autouse=True)
def _nothing_leaks() -> object:
    """Any warning that leaves the module fails the test."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture
def picture() -> Pixels:
    """Noise over a gradient, so that no two rows or columns are alike, uint8 [40, 56, 3]."""
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 200, 56)[None, :, None] + np.zeros((40, 1, 3))
    return (ramp + rng.integers(0, 56, (40, 56, 3))).astype(np.uint8)
