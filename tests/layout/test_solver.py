"""Jumps are the best there are, seams bend around things, distributions are kept."""

from itertools import product

import numpy as np
import pytest

from ingan_fast.layout import compiled
from ingan_fast.layout.axis import FACES, SPARED, SPARED_BY_CROPS, Axis
from ingan_fast.layout.details import Details
from ingan_fast.layout.drawing import copy_pieces
from ingan_fast.layout.ends import HEADS, Ends, anywhere, at_borders
from ingan_fast.layout.frequency import FREQUENCY, FREQUENCY_SPARING, Frequencies
from ingan_fast.layout.growing import _order
from ingan_fast.layout.jumps import EVERY, PLACE_EVERY, Jump, along_diagonals, best_jumps, shown_columns
from ingan_fast.layout.periods import most_repeated
from ingan_fast.layout.polishing import Polisher
from ingan_fast.layout.seam_costs import FORBIDDEN, SeamCosts, held_between
from ingan_fast.layout.seams import Seams, bend, straight
from ingan_fast.layout.solver import cheapest_seams
from layout_scenes import ball_mask, ball_on_grain, fence, grain, sky


def total(jumps: list[Jump], between: np.ndarray, shown: np.ndarray, ends: Ends) -> float:
    width = between.shape[0]
    columns = shown_columns(jumps, width)
    crops = [jump for jump in jumps if jump.place == 0 or jump.place + jump.length == width]
    seams = sum(between[jump.place + jump.length, jump.place] for jump in jumps if jump not in crops)
    seams += sum(ends.cost(jump.place, jump.length) for jump in crops)
    return float(seams + shown[np.arange(len(columns)), columns].sum())


@pytest.mark.parametrize("count", [9, 13, 18])
def test_no_set_of_up_to_two_jumps_is_better_than_the_best_one(count: int) -> None:
    rng = np.random.default_rng(count)
    width, run = 14, 2
    ends = at_borders(width)
    between = rng.uniform(1, 3, (width, width)).astype(np.float32)
    shown = rng.uniform(0, 0.3, (count, width)).astype(np.float32)
    found = best_jumps([between], shown, run, ends)
    assert len(shown_columns(found, width)) == count
    best = np.inf
    for number in (1, 2):
        for places in product(range(0, width, PLACE_EVERY), repeat=number):
            for first in range(-width, width) if number == 2 else [0]:
                lengths = [first, width - count - first] if number == 2 else [width - count]
                jumps = [Jump(*pair) for pair in zip(places, lengths, strict=True)]
                edges = [0, *(edge for jump in jumps for edge in (jump.place, jump.place + jump.length)), width]
                pieces = np.array(edges).reshape(-1, 2)
                if min(edges) < 0 or max(edges[1:-1]) >= width or (pieces[:, 1] - pieces[:, 0] < run).any():
                    continue
                at = np.cumsum(pieces[:, 1] - pieces[:, 0])[:-1]
                if (at % EVERY == 0).all():
                    best = min(best, total(jumps, between, shown, ends))
    assert total(found, between, shown, ends) <= best + 1e-4


@pytest.mark.parametrize("compiled_loops", [False, True])
@pytest.mark.parametrize("count", [5, 9, 13])
def test_no_crops_with_up_to_one_jump_are_better_than_the_best_way(
    count: int, compiled_loops: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "available", compiled.available and compiled_loops)
    rng = np.random.default_rng(count)
    width, run = 14, 2
    ends = Ends(*(rng.uniform(0, 0.5, width + 1).astype(np.float32) for _ in range(2)))
    ends.begin[0] = ends.end[width] = 0
    between = rng.uniform(1, 3, (width, width)).astype(np.float32)
    shown = rng.uniform(0, 0.3, (count, width)).astype(np.float32)
    found = best_jumps([between], shown, run, ends)
    assert len(shown_columns(found, width)) == count
    best = np.inf
    for begin, end in product(range(width + 1), repeat=2):
        crops = [Jump(0, begin)] * (begin > 0), [Jump(end, width - end)] * (end < width)
        if end - begin == count:
            best = min(best, total([*crops[0], *crops[1]], between, shown, ends))
        for place in range(0, width, PLACE_EVERY):
            goes_on = place + end - begin - count
            if min(place - begin, end - goes_on) >= run and goes_on >= 0 and (place - begin) % EVERY == 0:
                jump = Jump(place, goes_on - place)
                best = min(best, total([*crops[0], jump, *crops[1]], between, shown, ends))
    assert total(found, between, shown, ends) <= best + 1e-4


def test_costs_add_up_along_diagonals() -> None:
    shown = np.random.default_rng(0).uniform(0, 1, (5, 7)).astype(np.float32)
    along = along_diagonals(shown)
    for column, place in ((5, 7), (4, 3), (2, 6), (3, 1)):
        before = range(1, min(column, place) + 1)
        expected = sum(shown[column - back, place - back] for back in before)
        assert along[column, place - column + 5] == pytest.approx(expected)


def test_jumps_are_as_long_as_the_pictures_period() -> None:
    picture = (fence() / 255).astype(np.float32)
    for count in (270, 126):  # 5 posts more, 3 fewer
        seams = cheapest_seams(Axis(picture), count)
        assert len(seams.lengths) > 0
        assert (seams.lengths % 18 == 0).all()


def test_the_table_knows_a_picture_that_repeats_itself() -> None:
    costs = SeamCosts((fence() / 255).astype(np.float32))
    best = costs.best_seams[:, 20:60].min(axis=1)
    assert best[17] == pytest.approx(0, abs=1e-6)
    assert best[35] == pytest.approx(0, abs=1e-6)
    assert best[8] > 0.1


def test_going_back_costs_what_going_on_from_there_does() -> None:
    costs = SeamCosts((grain(20, 40) / 255).astype(np.float32))
    np.testing.assert_array_equal(costs.at(-7)[:, 7:], costs.at(7)[:, :-7])
    between = costs.between()
    assert between[12, 5] == between[5, 12]


def test_a_seam_goes_around_a_thing_in_its_way() -> None:
    picture = np.full((40, 60, 1), 0.5, np.float32)
    picture[:, :14] = picture[:, 46:] = np.random.default_rng(1).uniform(0, 1, (40, 14, 1))
    picture[15:25, 24:28] = np.random.default_rng(0).uniform(0.8, 1, (10, 4, 1))
    costs = SeamCosts(picture)
    through = straight([Jump(26, 10)], 40)
    (seams,) = bend(costs, [through], [np.zeros((40, 61))])
    middle = copy_pieces(picture, seams)[:, 14:-14]
    assert (middle != 0.5).sum() in (0, 40)  # left out as a whole, or there as a whole


def test_a_closed_seam_ends_in_the_column_in_which_it_begins() -> None:
    rng, band = np.random.default_rng(0), np.arange(40)[:, None] // 2 + 10  # a plain band, from column 10 to column 29
    picture = rng.uniform(0, 1, (40, 60, 1)).astype(np.float32)
    picture[(np.arange(60) >= band) & (np.arange(60) < band + 20)] = 0.5
    costs, price = SeamCosts(picture), np.zeros((40, 61))
    ((opened,), (closed,)) = (bend(costs, [straight([Jump(26, 6)], 40)], [price], closed=way) for way in (False, True))
    assert abs(opened.places[0, 0] - opened.places[0, -1]) > 5
    assert closed.places[0, 0] == closed.places[0, -1]


def test_the_first_jump_to_grow_is_the_one_that_leaves_most_near_its_place() -> None:
    assert _order(np.array([0.1, 0.5, 0.9]), np.ones(3))[0] == 1


def test_held_parts_are_found_in_any_length() -> None:
    held = np.zeros((2, 30), np.float32)
    held[0, 11] = 5
    for length in (1, 2, 3, 7, 16, 29):
        expected = [[held[row, start : start + length].max() for start in range(30 - length)] for row in (0, 1)]
        np.testing.assert_array_equal(held_between(held, length), expected)


def test_jumps_longer_than_the_table_cost_what_they_leave_out() -> None:
    held = np.zeros((10, 60), np.float32)
    held[:3, 40:44], held[5, 25] = 7, 2
    free, dear = (SeamCosts((grain(10, 60) / 255).astype(np.float32), each).between() for each in (None, held))
    assert SeamCosts((grain(10, 60) / 255).astype(np.float32)).longest == 30
    for place, length, cost in ((2, 31, 0.2), (2, 38, 0.2), (10, 35, 2.3), (8, 50, 2.3), (27, 31, 2.1)):
        assert dear[place + length, place] - free[place + length, place] == pytest.approx(cost, abs=1e-5)


def test_polishing_never_makes_jumps_worse_and_its_cost_is_the_whole_one() -> None:
    picture = (grain(24, 80, seed=1) / 255).astype(np.float32)
    picture[:, :20] *= 0.3
    table = Axis(picture)
    count, width = 110, 80
    place = np.random.default_rng(0).uniform(0, 0.01, (count, width)).astype(np.float32)
    frequencies = table.balance(count).frequencies
    polisher = Polisher(table.between, place, frequencies, 7.0, 4, at_borders(width))
    jumps = [Jump(40, -15), Jump(60, -15)]
    distance = np.abs(frequencies.deviations(shown_columns(jumps, width))).sum()
    alone = total(jumps, table.between, place, at_borders(width))
    assert polisher.cost(jumps) == pytest.approx(alone + 7.0 * distance, rel=1e-4)
    polished = polisher.polish(jumps)
    assert polisher.cost(polished) < polisher.cost(jumps)
    assert len(shown_columns(polished, width)) == count


def test_crops_count_in_polishing_and_stay() -> None:
    table = Axis((grain(24, 80, seed=1) / 255).astype(np.float32), cropped=True)
    place = np.random.default_rng(0).uniform(0, 0.01, (60, 80)).astype(np.float32)
    frequencies = table.balance(60).frequencies
    polisher = Polisher(table.between, place, frequencies, 7.0, 4, table.ends)
    jumps = [Jump(0, 12), Jump(30, 9), Jump(55, -8), Jump(73, 7)]
    distance = np.abs(frequencies.deviations(shown_columns(jumps, 80))).sum()
    alone = total(jumps, table.between, place, table.ends)
    assert polisher.cost(jumps) == pytest.approx(alone + 7.0 * distance, rel=1e-4)
    polished = polisher.polish(jumps)
    assert polisher.cost(polished) < polisher.cost(jumps)
    assert len(shown_columns(polished, 80)) == 60
    assert (polished[0], polished[-1]) == (jumps[0], jumps[-1])
    crops = [Jump(0, 12), Jump(72, 8)]
    assert polisher.polish(crops) == crops


@pytest.mark.parametrize("spared", [False, True])
def test_prices_of_pixels_add_up_to_prices_of_columns(spared: bool) -> None:
    picture = (grain(16, 30) / 255).astype(np.float32)
    uncounted = np.zeros((16, 30), bool)
    uncounted[4:12, 6:20] = spared
    frequencies = Frequencies(picture, uncounted)
    pressures = np.random.default_rng(0).normal(0, 1, frequencies.source.shape).astype(np.float32)
    before = frequencies.shown_before(pressures, count=4, besides=None, unit=3.0)
    by_pixels = np.diff(before, axis=1).mean(axis=0) * 4 / 3
    np.testing.assert_allclose(by_pixels - by_pixels.mean(), frequencies.prices(pressures), atol=1e-4)
    removed = np.random.default_rng(1).uniform(0, 1, (16, 30)).astype(np.float32)
    with_removed = frequencies.shown_before(pressures, count=4, besides=removed, unit=3.0)
    np.testing.assert_allclose(np.diff(with_removed - before, axis=1), 3 * removed, atol=1e-5)
    everything = Seams(np.zeros(0, np.intp), np.zeros((0, 16), np.intp))
    np.testing.assert_allclose(frequencies.deviations_of_pieces(everything), 0, atol=1e-6)


def test_a_texture_four_times_as_wide_has_no_period_and_a_fence_keeps_its_own() -> None:
    lengths = cheapest_seams(Axis((grain(60, 100) / 255).astype(np.float32)), 400).lengths
    alike = np.abs(lengths[:, None] - lengths) < 4
    assert alike.sum(axis=1).max() <= len(lengths) / 3
    lengths = cheapest_seams(Axis((fence() / 255).astype(np.float32)), 720).lengths
    assert (lengths % 18 == 0).all()


def test_colours_keep_their_shares() -> None:
    picture = np.concatenate([grain(40, 60, seed=1) // 3, grain(40, 60, seed=2)], axis=1)  # a dark half, a bright one
    for count in (180, 72):
        seams = cheapest_seams(Axis((picture / 255).astype(np.float32)), count)
        dark = (copy_pieces(picture, seams).mean(axis=2) < 64).mean()
        assert dark == pytest.approx((picture.mean(axis=2) < 64).mean(), abs=0.04)


def test_pieces_are_the_sources_pixels_in_order() -> None:
    picture = np.arange(20)[None].repeat(2, axis=0)
    seams = Seams(np.array([5, -4]), np.array([[3, 4], [15, 14]]))
    rows = copy_pieces(picture, seams)
    assert rows[0].tolist() == [0, 1, 2, *range(8, 15), *range(11, 20)]
    assert rows[1].tolist() == [0, 1, 2, 3, *range(9, 14), *range(10, 20)]


def test_what_is_spared_costs_where_it_would_be_repeated_or_left_out() -> None:
    picture, mask = (ball_on_grain() / 255).astype(np.float32), ball_mask()
    free, dear = (Axis(picture, spare=spare) for spare in (None, mask))
    row = int(mask.any(axis=1).argmax()) + 5
    inside = int(mask[row].argmax())
    at, beside = (
        (dear.costs.known(5)[row, column] - free.costs.known(5)[row, column]) / free.costs.typical
        for column in (inside, inside - 20)
    )
    assert (at, beside) == (pytest.approx(SPARED, rel=0.01), 0)
    faces = Axis(picture, spare=mask, faces=mask)
    more = (faces.costs.known(5)[row, inside] - free.costs.known(5)[row, inside]) / free.costs.typical
    assert more == pytest.approx(FACES * SPARED, rel=0.01)
    cut, spared_cut = (Axis(picture, spare=spare, cropped=True).ends.begin for spare in (None, mask))
    np.testing.assert_allclose((spared_cut - cut)[-1], SPARED_BY_CROPS * mask.any(axis=1).mean(), rtol=0.01)
    kept_cut = Axis(picture, keep=mask, cropped=True).ends.begin
    assert (kept_cut - cut)[-1] > FORBIDDEN / 10


def test_what_the_top_border_does_not_cut_yet_is_dearer_to_cut_there() -> None:
    held = np.zeros((10, 20), np.float32)
    held[2:4, 5:15], held[6:9, :8] = 1, 1  # something below the top, and something that the top cuts
    anyhow, upright = (anywhere(held, upright=each) for each in (False, True))
    np.testing.assert_array_equal(upright.end, anyhow.end)
    np.testing.assert_allclose((upright.begin - anyhow.begin)[1:6], 0, atol=1e-6)
    np.testing.assert_allclose((upright.begin - anyhow.begin)[6:], 0.2 * (HEADS - 1), rtol=1e-5)


def test_in_larger_outputs_the_rest_keeps_its_own_distribution_beside_what_is_spared() -> None:
    picture, mask = (ball_on_grain() / 255).astype(np.float32), ball_mask()
    table, width = Axis(picture, spare=mask), picture.shape[1]
    larger, smaller, much_smaller = (table.balance(count) for count in (width + 1, width // 2, width // 2 - 1))
    assert table.weighted(2).balance(width + 1).weight == 2 * larger.weight
    assert (much_smaller.weight, smaller.weight, larger.weight) == (FREQUENCY_SPARING, FREQUENCY_SPARING, FREQUENCY)
    assert much_smaller.frequencies is larger.frequencies
    assert Axis(picture).balance(width + 1).weight == Axis(picture).balance(width).weight == FREQUENCY
    beside = np.flatnonzero(~mask.any(axis=0))
    shown = np.concatenate([np.arange(width), *[beside] * 3])  # the ball once, and four times as much of the rest
    once, counted = (np.abs(each.frequencies.deviations(shown)).sum() for each in (larger, smaller))
    assert once < 0.3 * counted
    repeated = straight([Jump(40, -30), Jump(40, -30)], len(picture))
    by_pieces, by_columns = (
        larger.frequencies.deviations_of_pieces(repeated),
        larger.frequencies.deviations(np.r_[:40, 10:40, 10:width]),
    )
    np.testing.assert_allclose(by_pieces, by_columns, atol=1e-6)


def test_columns_that_come_again_are_counted_at_their_worst_distance() -> None:
    assert most_repeated([], 40, 40) == 0
    # Counted together with distances 2 px away: 20 with 22, where 58 columns have another one; 40 with 39; 25 with 27.
    assert most_repeated([Jump(40, -20), Jump(40, -20)], 40, 80) == pytest.approx(40 / 58)
    assert most_repeated([Jump(40, -20), Jump(30, -20)], 40, 80) == pytest.approx(30 / 41)
    assert most_repeated([Jump(40, -25), Jump(40, -15)], 40, 80) == pytest.approx(25 / 53)


def test_what_is_full_of_detail_comes_again_in_few_pieces_and_a_smooth_sky_in_many_small_steps() -> None:
    posts, smooth = fence(), sky()
    larger = cheapest_seams(Axis((posts / 255).astype(np.float32)), posts.shape[1] * 3 // 2)
    assert len(larger.lengths) == 1  # not two of half
    wide = copy_pieces(smooth.astype(int), cheapest_seams(Axis((smooth / 255).astype(np.float32)), 300))
    assert np.diff(wide, axis=1).min() >= -3  # grey levels: jumps of 25 px would show steps of 5


def test_details_are_what_is_unlike_what_is_beside() -> None:
    picture = np.concatenate([sky(90, 100), grain(90, 100)], axis=1).astype(np.float32) / 255
    details = Details(picture)
    between = details.between()
    assert between[0, 80] < 0.03 < 0.5 < between[120, 199]
    assert between[40, 160] == pytest.approx((between[40, 100] + between[100, 160]) / 2, abs=0.01)
    assert details.along(160, -120) == pytest.approx(float(between[160, 40]), abs=1e-6)
    assert details.along(199, 1) == pytest.approx(float(between[198, 199]), abs=0.1)  # up to the picture's end
    assert Details(picture[:, :2]).between().max() == 0  # too narrow to have any


@pytest.mark.parametrize(
    ("seed", "size", "door"), [(0, (120, 240), (50, 100, 60, 25)), (1, (90, 200), (30, 60, 50, 30))]
)
def test_a_large_shape_of_the_grounds_texture_stays_whole_where_coarse_shapes_count(
    seed: int, size: tuple[int, int], door: tuple[int, int, int, int]
) -> None:
    top, left, width, darker = door
    mask = np.zeros(size, bool)
    mask[top:, left : left + width] = True
    picture = ((grain(*size, seed=seed) - float(darker) * mask[..., None]).clip(0, 255) / 255).astype(np.float32)
    counts = [
        copy_pieces(mask, cheapest_seams(Axis(picture, cropped=True, smaller=smaller), size[1] * 3 // 5)).sum()
        for smaller in (True, False)
    ]
    assert counts[0] == mask.sum() > 1.1 * counts[1]
