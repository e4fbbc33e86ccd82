"""The random transforms of training: always usable, in range, balanced, reproducible."""

import numpy as np
import pytest

from ingan_fast.geometry import FRAME, Transform
from ingan_fast.model.curriculum import MIN_W_RATIO, curriculum_progress, random_transform

SOURCE = (192, 160)


def draws(count, progress=1.0, seed=0, **settings):
    rng = np.random.default_rng(seed)
    return [random_transform(rng, SOURCE, progress, **settings) for _ in range(count)]


def test_two_thousand_draws_are_all_usable():
    for transform in draws(2000):
        assert min(transform.size) >= 16
        assert all(side % 8 == 0 for side in transform.size)
        assert np.isfinite(transform.corners()).all()
        w = FRAME @ transform.sampling_matrix()[2]
        assert w.min() >= MIN_W_RATIO * w.max() * 0.999
        assert transform.inverse(SOURCE).size == SOURCE


def test_at_the_start_nothing_moves():
    assert set(draws(50, progress=0.0)) == {Transform.resize(SOURCE)}


def test_at_the_end_scales_fill_the_range_and_shrink_as_often_as_they_grow():
    scales = np.array([transform.scales(SOURCE) for transform in draws(2000, resize_probability=1.0)])
    assert scales.min() >= 0.15 - 4 / 160
    assert scales.max() <= 2.25 + 4 / 160
    assert (scales.min(axis=0) < 0.2).all()
    assert (scales.max(axis=0) > 2.15).all()  # the raster of long sides
    for axis in range(2):
        shrinking, growing = (scales[:, axis] < 1).sum(), (scales[:, axis] > 1).sum()
        assert 0.8 < shrinking / growing < 1.25  # small growths are rounded away
    assert abs(np.corrcoef(np.log(scales.T))[0, 1]) < 0.1


def test_each_ratio_of_sizes_is_as_likely_as_its_neighbours():
    scales = np.array([transform.scales(SOURCE) for transform in draws(2000, size_multiple=1)]).ravel()
    for part, end in ((scales[scales < 1], 0.15), (scales[scales > 1], 2.25)):
        places = np.sort(np.log(part) / np.log(end))  # evenly from 0 to 1
        assert np.abs(places - np.linspace(0, 1, len(places))).max() < 0.06


def test_half_way_the_range_is_half_as_wide():
    scales = np.array([transform.scales(SOURCE) for transform in draws(500, progress=0.5)])
    assert 0.575 - 4 / 160 <= scales.min() < 0.65
    assert 1.55 < scales.max() <= 1.625 + 4 / 160


def test_all_four_corners_move_freely_within_the_shift():
    moved = []
    for transform in draws(400, resize_probability=0.0, max_corner_shift=0.25):
        shift = transform.corners() / transform.size - (FRAME[:, :2] + 1) / 2
        assert np.abs(shift).max() <= 0.25 + 1e-9
        moved.append(shift.ravel())
    assert (np.std(moved, axis=0) > 0.1).all()
    correlation = np.corrcoef(np.array(moved).T) - np.eye(8)
    assert np.abs(correlation).max() < 0.35


def test_buckets_are_few_sizes_that_fill_the_range():
    drawn = draws(2000, buckets=24, size_multiple=1, resize_probability=1.0)
    sizes = {transform.size for transform in drawn}
    assert len(sizes) == 24
    scales = np.array([transform.scales(SOURCE) for transform in drawn])
    free = np.array([transform.scales(SOURCE) for transform in draws(2000, size_multiple=1, resize_probability=1.0)])
    for axis in range(2):
        quantiles = [np.quantile(np.log(values[:, axis]), np.linspace(0.05, 0.95, 10)) for values in (scales, free)]
        assert np.abs(quantiles[0] - quantiles[1]).max() < 0.2
    assert abs(np.corrcoef(np.log(scales.T))[0, 1]) < 0.2


def test_buckets_change_in_a_few_steps_while_the_range_grows():
    sizes = {t.size for i in range(1, 330) for t in draws(1, progress=i / 500, seed=i, buckets=24)}
    assert len(sizes) <= 16  # 8 for each of two steps
    assert {transform.size for transform in draws(20, progress=0.0, buckets=24)} == {SOURCE}


def test_corners_stay_in_place_as_often_as_asked():
    plain = [np.array_equal(transform.matrix, np.eye(3)) for transform in draws(600, resize_probability=0.3)]
    assert 0.23 < np.mean(plain) < 0.37


def test_even_an_absurd_shift_ends_in_a_usable_transform():
    assert len(draws(100, resize_probability=0.0, max_corner_shift=1.0)) == 100


def test_the_smallest_side_and_the_multiple_are_kept():
    rng = np.random.default_rng(0)
    for _ in range(100):
        size = random_transform(rng, (40, 40), 1.0, min_size=20, size_multiple=16).size
        assert min(size) >= 32
        assert all(side % 16 == 0 for side in size)


def test_the_same_seed_draws_the_same_transforms():
    assert draws(20, seed=7) == draws(20, seed=7)
    assert draws(20, seed=7) != draws(20, seed=8)


@pytest.mark.parametrize(
    "settings",
    [
        {"progress": -0.1}, {"progress": 1.1}, {"progress": float("nan")}, {"min_scale": 0.0},
        {"min_scale": 1.5}, {"max_scale": 0.9}, {"max_corner_shift": -0.1}, {"max_corner_shift": 2.0},
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ValueError, match=r"progress|scale|shift"):
        draws(1, **settings)


def test_progress_grows_evenly_and_stays_at_its_end():
    assert [curriculum_progress(i, 100) for i in (-5, 0, 25, 100, 900)] == [0.0, 0.0, 0.25, 1.0, 1.0]
    assert curriculum_progress(0, 0) == 1.0
