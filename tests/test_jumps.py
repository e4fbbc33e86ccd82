"""How far a layout should jump in a picture, and whether it is a texture."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ingan_fast.config import CPU, PAPER, Settings
from ingan_fast.jumps import seam_cost, with_jumps
from ingan_fast.pictures import MARKET, load_image

SETTINGS = replace(CPU, crop=128)
FACADE = Path(__file__).parent.parent / "benchmarks" / "pictures" / "facade.png"


def bars(period: int, width: int = 200, height: int = 90) -> NDArray[np.uint8]:
    """Bars of random brightness, shaded, `period` px from one to the next, 4 px of black between them."""
    rng = np.random.default_rng(0)
    row = np.zeros(width)
    for start in range(period // 4, width, period):
        bar = row[start : start + period - 4]
        bar[:] = rng.uniform(90, 255) * np.linspace(0.3, 1, period - 4)[: len(bar)]
    return np.repeat(np.broadcast_to(row[None, :, None], (height, width, 1)), 3, axis=2).astype(np.uint8)


def grains(side: int, size: int = 12, seed: int = 0) -> NDArray[np.uint8]:
    """Overlapping discs of random grey at random places."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((side, side))
    picture = np.zeros((side, side))
    for x, y, grey in zip(
        *rng.uniform(-size, side + size, (2, 12 * (side // size) ** 2)),
        rng.uniform(30, 255, 12 * (side // size) ** 2),
        strict=True,
    ):
        picture[np.hypot(rows - y, columns - x) < size / 2] = grey
    return np.repeat(picture[..., None], 3, axis=2).astype(np.uint8)


def measured(picture: NDArray[np.uint8], settings: Settings = SETTINGS) -> tuple[int, int, bool]:
    result = with_jumps(settings, [picture])
    return result.jump_x, result.jump_y, result.scatter


def test_a_jump_is_as_long_as_the_period() -> None:
    assert measured(bars(40))[0] == pytest.approx(40, abs=4)  # the gap is 4 px wide
    assert measured(bars(26))[0] % 26 <= 4 or measured(bars(26))[0] % 26 >= 22
    assert measured(bars(40).transpose(1, 0, 2))[1] == pytest.approx(40, abs=4)


def test_a_seam_costs_nothing_at_the_period_and_something_elsewhere() -> None:
    wide = bars(40).astype(np.float32) / 255
    assert seam_cost(wide, 40) == pytest.approx(0, abs=1e-6)  # between two bars
    ramp = np.broadcast_to(np.linspace(0, 1, 100, dtype=np.float32)[None, :, None], (20, 100, 3))
    assert seam_cost(ramp, 30) == pytest.approx(30 / 99, rel=1e-3)  # the same wherever it runs


def test_the_facade_jumps_by_whole_windows_and_storeys() -> None:
    across, down, scatter = measured(load_image(FACADE))
    assert min(across % 26.18, -across % 26.18) < 1.5
    assert min(down % 28.2, -down % 28.2) < 1.5
    assert not scatter


def test_the_market_jumps_by_whole_shelves() -> None:
    _, down, scatter = measured(load_image(MARKET))
    assert down == pytest.approx(224 / 6, abs=1)
    assert not scatter


@pytest.mark.parametrize("side", [128, 256])
def test_grains_without_order_are_a_texture(side: int) -> None:
    assert measured(grains(side))[2]


def test_what_is_given_is_kept() -> None:
    given = replace(SETTINGS, jump_x=33, jump_y=44)
    assert with_jumps(given, [grains(128)]) == given
    assert with_jumps(replace(SETTINGS, jump_x=33), [bars(40)]).jump_x == 33
    assert with_jumps(PAPER, [bars(40)]) == PAPER


def test_no_jump_is_longer_than_half_a_crop_or_picture() -> None:
    assert measured(bars(40), replace(CPU, crop=64))[0] <= 32
    assert measured(grains(40))[0] <= 20
