"""Estimates of how like its picture an output is agree with the measures of the output, drawn."""

import numpy as np
import pytest
from numpy.typing import NDArray

from ingan_fast.layout import likeness as module
from ingan_fast.layout.drawing import copy_pieces
from ingan_fast.layout.likeness import SCALES, Likeness
from ingan_fast.layout.patch_responses import DIRECTIONS, PATCH, patch_responses
from ingan_fast.layout.refining import _changes
from ingan_fast.layout.seams import Seams
from ingan_fast.quality.metrics import coherence, patch_swd, verbatim
from layout_scenes import grain


def slanted(length: int, place: int, height: int) -> Seams:
    return Seams(np.array([length]), place + np.arange(height)[None] // 4)


def stripes(period: int, height: int = 48) -> NDArray[np.float32]:
    """A picture that repeats itself after so many columns, and is irregular otherwise."""
    part = np.random.default_rng(0).uniform(0, 1, (height, period, 3)).astype(np.float32)
    return np.tile(part, (1, 8, 1))


@pytest.mark.parametrize(("length", "place"), [(-24, 60), (-40, 70), (32, 24)])
def test_estimates_agree_with_the_measures(length: int, place: int) -> None:
    picture = (grain(64, 120) / 255).astype(np.float32)
    seams = slanted(length, place, 64)
    output, likeness = copy_pieces(picture, seams), Likeness(picture)
    measured = coherence(output, picture)
    # of all patches across the seam, the nearest may be nearer than either side's own
    assert 0.9 * measured < likeness.coherence(seams) < 1.7 * measured
    assert 0.9 * measured < likeness.searched_coherence(seams) < 1.2 * measured
    *_, swd = likeness.swd_estimates(seams)
    assert swd == pytest.approx(patch_swd(output, picture), rel=0.25)
    assert likeness.verbatim(seams) == pytest.approx(verbatim(output, picture), abs=0.01)


def test_a_jump_by_a_period_is_a_copy_only_if_it_is_one_at_quarter_size() -> None:
    seams = [Seams(np.array([-period]), np.full((1, 48), 3 * period)) for period in (16, 18)]
    copied, shifted = (Likeness(stripes(-int(each.lengths[0]))).coherence(each) for each in seams)
    assert copied < 1e-9
    assert shifted > 1e-4


def test_a_seam_between_what_is_seen_elsewhere_is_less_of_a_fault_once_that_is_searched_for() -> None:
    part = np.random.default_rng(1).uniform(0, 1, (64, 48, 3)).astype(np.float32)
    across = np.concatenate([part[:, :24], part[:, -16:]], axis=1)  # the output's middle is in the picture, too
    likeness = Likeness(np.concatenate([part, across], axis=1))
    seams = Seams(np.array([8]), np.full((1, 64), 24))
    assert likeness.searched_coherence(seams) < 0.5 * likeness.coherence(seams)


def test_some_of_the_patches_across_seams_tell_what_all_of_them_do(monkeypatch: pytest.MonkeyPatch) -> None:
    likeness = Likeness((grain(200, 240) / 255).astype(np.float32))
    seams = Seams(np.array([-24, -40]), np.stack([70 + np.arange(200) // 4, 160 + np.arange(200) // 5]))
    every = likeness.searched_coherence(seams)
    monkeypatch.setattr(module, "SEARCHED", 200)
    assert likeness.searched_coherence(seams) == pytest.approx(every, rel=0.1)
    assert likeness.searched_coherence(seams) != every


def test_crops_are_copies_of_which_nothing_is_across_a_seam() -> None:
    likeness = Likeness((grain(64, 100) / 255).astype(np.float32))
    seams = Seams(np.array([20, 15]), np.stack([np.zeros(64, np.intp), np.full(64, 85)]))
    assert [likeness.coherence(seams), likeness.searched_coherence(seams), likeness.verbatim(seams)] == [0, 0, 1]
    roughly, closely = likeness.swd_estimates(seams)
    assert roughly == closely > 0


def test_a_picture_smaller_than_a_patch_has_nothing_to_estimate() -> None:
    likeness, seams = Likeness(np.zeros((PATCH - 1, 20, 3), np.uint8)), slanted(-4, 10, PATCH - 1)
    assert [likeness.coherence(seams), likeness.searched_coherence(seams), *likeness.swd_estimates(seams)] == [0] * 4


def test_lengths_are_multiples_of_four_where_that_costs_little() -> None:
    costs = np.ones((5, 2), np.float32)  # of changes by -2 to 2
    costs[3, 0] = 0.9
    shifts = np.array([-10, -20])
    assert _changes(costs, 0).tolist() == [1, -1]
    assert ((shifts + np.cumsum(_changes(costs, 0, shifts))) % 4 == 0).all()
    costs[3, 0] = 0.5
    assert _changes(costs, 0, shifts).tolist() == [1, -1]


def test_a_patch_response_is_the_product_with_a_direction_of_unit_length() -> None:
    picture = np.zeros((20, 24, 3), np.float32)
    picture[10, 12, 1] = 1
    responses = patch_responses(picture)
    assert responses.shape == (20 - PATCH + 1, 24 - PATCH + 1, DIRECTIONS)
    first = responses[..., 0]
    assert np.count_nonzero(first) == np.count_nonzero(first[10 - PATCH + 1 : 11, 12 - PATCH + 1 : 13]) == PATCH**2
    energies = []
    for channel in range(3):
        impulse = np.zeros_like(picture)
        impulse[10, 12, channel] = 1
        energies.append(np.square(patch_responses(impulse)[..., 0]).sum())
    assert sum(energies) == pytest.approx(1, abs=1e-5)


def test_scales_have_directions_of_their_own() -> None:
    picture = (grain(20, 20) / 255).astype(np.float32)
    assert len({patch_responses(picture, scale).tobytes() for scale in SCALES}) == len(SCALES)
