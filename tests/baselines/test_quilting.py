"""Image quilting's blocks and cuts."""

from itertools import product

import numpy as np
import pytest

from ingan_fast.baselines.quilting import cheapest_cut, quilt
from ingan_fast.errors import UserError
from ingan_fast.pictures import Pixels


def test_the_cheapest_cut_is_the_best_of_all_paths() -> None:
    cost = np.random.default_rng(0).random((6, 4))
    paths = [path for path in product(range(4), repeat=6) if np.abs(np.diff(path)).max() <= 1]
    best = min(paths, key=lambda path: cost[np.arange(6), list(path)].sum())
    np.testing.assert_array_equal(cheapest_cut(cost), best)


def test_every_pixel_is_one_of_the_sources(market: Pixels) -> None:
    colours = {tuple(colour) for colour in market.reshape(-1, 3)}
    assert {tuple(colour) for colour in quilt(market, (120, 90)).reshape(-1, 3)} <= colours


def test_a_periodic_texture_goes_on_without_a_seam() -> None:
    tile = np.random.default_rng(0).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    output = quilt(np.tile(tile, (6, 6, 1)), (100, 77), block=24)
    np.testing.assert_array_equal(output[8:], output[:-8])
    np.testing.assert_array_equal(output[:, 8:], output[:, :-8])


@pytest.mark.parametrize("block", [5, 81])
def test_a_block_that_does_not_fit_is_refused(pebbles: Pixels, block: int) -> None:
    with pytest.raises(UserError, match=f"{block} px.*6 to 80"):
        quilt(pebbles, (100, 100), block=block)
