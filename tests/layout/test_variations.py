"""Variations differ visibly, are as good as the best layout, and are the same every time."""

from itertools import combinations

import numpy as np
import pytest

from ingan_fast.layout.drawing import copy_pieces
from ingan_fast.layout.frequency import Distributions
from ingan_fast.layout.patch_responses import DIRECTIONS, PATCH, SCALES, patch_responses
from ingan_fast.layout.solver import Axis
from ingan_fast.layout.variations import solve
from ingan_fast.pictures import Pixels
from layout_scenes import ball_mask, ball_on_grain, grain


def test_variations_differ_visibly_and_each_is_nearly_as_good_as_the_best_one() -> None:
    picture = (grain(40, 90) / 255).astype(np.float32)
    table, patches = Axis(picture), Distributions(patch_responses(picture))
    found = [solve(table, 120, variation) for variation in range(4)]
    drawn = [copy_pieces(picture, seams) for seams in found]
    contrast = np.abs(picture - np.random.default_rng(0).permuted(picture, axis=1)).mean()
    assert all(np.abs(first - second).mean() > 0.03 * contrast for first, second in combinations(drawn, 2))
    costs = [table.seen_cost(seams) for seams in found]
    assert max(costs) < 1.25 * costs[0]
    deviating = [np.abs(patches.deviations_of_pieces(seams)).sum() for seams in found]
    assert max(deviating) < 1.25 * deviating[0]


def test_variations_of_a_small_picture_differ(picture: Pixels) -> None:
    axis = Axis((picture / 255).astype(np.float32))
    drawn = [copy_pieces(picture, solve(axis, 90, variation)).astype(int) for variation in range(8)]
    assert all(np.abs(one - other).mean() > 1 for one, other in combinations(drawn, 2))


@pytest.mark.parametrize("variation", [3, 11])
def test_a_variation_is_the_same_every_time(variation: int) -> None:
    picture = (grain(30, 60) / 255).astype(np.float32)
    first, second = (solve(Axis(picture), 80, variation) for _ in range(2))
    np.testing.assert_array_equal(first.lengths, second.lengths)
    np.testing.assert_array_equal(first.places, second.places)


def test_variations_spare_what_is_kept() -> None:
    picture, keep = (ball_on_grain() / 255).astype(np.float32), ball_mask()
    for variation in (1, 2):
        assert copy_pieces(keep, solve(Axis(picture, keep), 130, variation)).sum() == keep.sum()


def test_a_patch_response_is_the_product_with_a_direction_of_unit_length() -> None:
    picture = np.zeros((20, 24, 3), np.float32)
    picture[10, 12, 1] = 1
    responses = patch_responses(picture)
    assert responses.shape == (20, 24, DIRECTIONS * len(SCALES))
    near = responses[10 - PATCH // 2 : 11 + PATCH // 2, 12 - PATCH // 2 : 13 + PATCH // 2, 0]
    assert np.count_nonzero(responses[..., 0]) == np.count_nonzero(near) == PATCH**2
    energies = []
    for channel in range(3):
        impulse = np.zeros_like(picture)
        impulse[10, 12, channel] = 1
        energies.append(np.square(patch_responses(impulse)[..., 0]).sum())
    assert sum(energies) == pytest.approx(1, abs=1e-5)
