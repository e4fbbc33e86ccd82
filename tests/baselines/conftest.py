"""Small pictures suited for the methods."""

import numpy as np
import pytest

from ingan_fast.pictures import MARKET, Pixels, load_image
from ingan_fast.quality.resampling import plain_resize


@pytest.fixture(scope="session")
def market() -> Pixels:
    """Rows of fruit: uint8 [64, 82, 3]."""
    return plain_resize(load_image(MARKET), (82, 64))


@pytest.fixture(scope="session")
def pebbles() -> Pixels:
    """A texture, overlapping round stones in many greys: uint8 [80, 80, 3]."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:80, 0:80]
    grey = np.zeros((80, 80))
    for _ in range(800):
        row, column = rng.uniform(-4, 84, 2)
        distance = np.hypot(y - row, x - column) / rng.uniform(3, 5)
        grey = np.where(distance < 1, rng.uniform(90, 230) * (1 - 0.5 * distance**2), grey)
    return np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)
