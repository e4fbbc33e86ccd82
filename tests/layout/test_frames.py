"""One picture under one transform after another, without hops."""

from itertools import combinations, pairwise

import numpy as np
import pytest

from ingan_fast.errors import UserError
from ingan_fast.geometry import Transform
from ingan_fast.layout import Frames, LayoutOptions, Layouts, growing, jump_sets, jumps
from ingan_fast.layout.axis import Axis
from ingan_fast.layout.growing import growth
from ingan_fast.layout.repeats import best_repeats
from ingan_fast.layout.seam_costs import SeamCosts
from ingan_fast.layout.seams import Seams, bend, while_growing
from ingan_fast.layout.sliding import places_across, slide
from ingan_fast.layout.solver import cheapest_seams
from layout_scenes import ball_mask, ball_on_grain, fence, grain, whole_copies


def straight(places: list[int], lengths: list[int], height: int = 4) -> Seams:
    return Seams(np.array(lengths), np.repeat(np.array(places)[:, None], height, axis=1))


def test_frames_have_the_sizes_of_their_transforms() -> None:
    frames = Frames(grain(60, 80))
    assert frames.source_size == (80, 60)
    for transform in (
        Transform.resize((100, 60)),
        Transform.resize((50, 70)),
        Transform.resize((300, 70)),
        Transform.from_corners([[5.3, 0], [90, 0], [90, 60], [5.3, 60]], (100, 70)),
        Transform.from_corners([[5, 0], [90, 10], [100, 60], [0, 70]], (100, 70)),
    ):
        assert frames.draw(transform).shape == (transform.size[1], transform.size[0], 3)


def test_a_frame_depends_on_its_transform_alone() -> None:
    picture = grain(60, 80)
    frames = Frames(picture)
    first = frames.draw(Transform.resize((113, 52)))
    for width in (80, 150, 60):
        frames.draw(Transform.resize((width, 60)))
    np.testing.assert_array_equal(frames.draw(Transform.resize((113, 52))), first)
    np.testing.assert_array_equal(frames.draw(Transform.resize((80, 60))), picture)


def test_from_one_size_to_the_next_hardly_anything_changes() -> None:
    frames = Frames(fence(height=40), expected=[Transform.resize((270, 40))])
    drawn = [frames.draw(Transform.resize((width, 40))).astype(int) for width in range(180, 271)]
    for before, after in pairwise(drawn):
        right = after[:, 1:]  # what is right of the jump that grows moves by a pixel, the rest stays
        changed = np.minimum(np.abs(after[:, :-1] - before), np.abs(right - before)).max(axis=2) > 8
        assert changed.mean() < 0.1


def test_at_the_largest_size_every_jump_is_there_and_fits() -> None:
    picture = fence()
    wide = Frames(picture, expected=[Transform.resize((270, 60))]).draw(Transform.resize((270, 60)))
    posts = (np.abs(wide[30].astype(int) - (150, 40, 30)).max(axis=1) < 8).astype(int)
    starts = np.flatnonzero(np.diff(posts, prepend=0) == 1)
    assert (np.diff(starts) == 18).all()
    assert len(starts) == 15


def test_frames_with_corners_at_whole_pixels_are_made_of_the_pictures_own_pixels() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (40, 120, 3), np.uint8)
    frames = Frames(picture, LayoutOptions(keep_objects=False))
    colours = {tuple(pixel) for pixel in picture.reshape(-1, 3).tolist()}
    for width in (90, 151, 187):
        drawn = frames.draw(Transform.resize((width, 40))).reshape(-1, 3).tolist()
        assert np.mean([tuple(pixel) in colours for pixel in drawn]) > 0.7  # beside seams colours are matched


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_flat_frame_lacks_the_homography_only(channels: int) -> None:
    rows, columns = np.mgrid[:60, :80]
    smooth = np.stack([columns * 3, rows * 4, columns + rows, np.full_like(rows, 255)], axis=2).astype(np.uint8)
    frames = Frames(smooth[..., :channels])
    transform = Transform.from_corners([[5, 0], [120, 20], [100, 90], [0, 60]], (120, 90))
    flat = frames.flat(transform)
    height, width = flat.shape[:2]
    source = np.moveaxis((transform.grid() + 1) / 2 * (width, height), 2, 0)
    x, y = (np.clip(places, 0, side - 1).astype(int) for places, side in zip(source, (width, height), strict=True))
    inside = transform.mask() == 1
    wrong = np.abs(flat[y, x].astype(int) - frames.draw(transform))[inside]
    assert np.percentile(wrong, 95) <= 9  # two pixels of the picture, whose colours change by four a pixel


@pytest.mark.parametrize(
    ("transform", "error", "share"),
    [
        (Transform.resize((187, 60)), 0.1, 0.95),  # beside seams two pixels are mixed
        (Transform.resize((150, 41)), 0.1, 0.85),
        (Transform.from_corners([[5.3, 0], [150.8, 0], [150.8, 70], [5.3, 70]], (152, 70)), 0.1, 0.85),
        (Transform.from_corners([[5, 0], [150, 20], [130, 90], [0, 60]], (150, 90)), 0.5, 0.9),  # drawn in cells
    ],
)
def test_the_grid_of_a_frame_says_where_its_pixels_come_from(transform: Transform, error: float, share: float) -> None:
    leaning = np.stack([np.roll(row, number // 2, axis=0) for number, row in enumerate(fence()[:, :120])])
    frames = Frames(leaning, expected=[Transform.resize((70, 40)), Transform.resize((200, 90))])
    grid, inside = frames.grid(transform), transform.mask() == 1
    rows, columns = np.mgrid[:60, :120]
    frames.picture = np.stack([columns, rows, np.zeros_like(rows)], axis=2).astype(np.float32)
    places = frames.draw(transform, moving=True)[..., :2]
    wrong = np.abs((grid + 1) / 2 * (120, 60) - 0.5 - places)[inside].max(axis=1)
    assert (wrong < error).mean() > share
    assert np.abs(grid - transform.grid())[inside].max() > 0.1


def test_the_grid_at_the_pictures_own_size_is_the_transforms() -> None:
    transform = Transform.resize((80, 60))
    np.testing.assert_allclose(Frames(grain(60, 80)).grid(transform), transform.grid(), atol=1e-6)


def test_what_is_kept_is_whole_in_every_frame() -> None:
    picture, mask = ball_on_grain(), ball_mask()
    rows, columns = (slice(int(at.min()), int(at.max()) + 1) for at in np.nonzero(mask))
    frames = Frames(picture, LayoutOptions(keep=mask))
    for width in (90, 111, 150, 187, 240):
        assert (
            whole_copies(frames.draw(Transform.resize((width, 90))), picture[rows, columns], mask[rows, columns]) == 1
        )


def test_a_jump_costs_what_it_shows_while_it_grows_too() -> None:
    between = np.random.default_rng(0).uniform(1, 3, (12, 12)).astype(np.float32)
    for repeats, place, goes_on in ((True, 9, 5), (False, 2, 6), (True, 6, 2)):
        way = [between[at, place] for at in (range(goes_on, place) if repeats else range(place + 1, goes_on + 1))]
        if goes_on == 2:  # before the middle a repeat opens where the picture goes on
            way = [between[goes_on, at] for at in range(goes_on + 1, place + 1)]
        expected = (between[goes_on, place] + np.mean(way)) / 2
        assert while_growing(between, repeats)[goes_on, place] == pytest.approx(expected)


@pytest.mark.parametrize("length", [18, -18])
def test_a_jump_that_grows_is_bent_to_where_it_shows_little_on_the_way(length: int) -> None:
    plain = 100 + grain(60, 90, seed=3) // 16  # here no jump shows much; in the fence a whole post shows nothing at all
    costs = SeamCosts((np.concatenate([fence(posts=5), plain], axis=1) / 255).astype(np.float32))
    nothing = [np.zeros((60, 181))]
    (alone,) = bend(costs, [straight([60], [length], 60)], nothing)
    (growing,) = bend(costs, [straight([60], [length], 60)], nothing, in_order=True)
    assert alone.places.mean() < 90
    assert growing.places.mean() > 90


def test_tiles_are_refused() -> None:
    with pytest.raises(UserError, match="tile"):
        Frames(grain(60, 80), LayoutOptions(tile="x"))


def test_jumps_begin_in_an_order_in_which_everything_stays_near_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing, "ZONES", 1)
    places = np.arange(40, 400, 80)
    grown = growth(straight(places.tolist(), [-12] * 5), 400)
    columns, changes = np.arange(400), np.linspace(0, 60, 40)
    shifts = np.array([-grown.at(change) @ (places[:, None] <= columns) for change in changes])
    error = np.sqrt(np.square(shifts - changes[:, None] * columns / 400).mean())
    assert error <= 4  # px; the best of all orders 3.3, from left to right or from right to left 6.2


def test_repeats_open_at_their_end_that_is_farther_from_the_middle() -> None:
    grown = growth(straight([80, 190], [-70, -70]), 200)  # of the columns from 10 and from 120 on
    for change, places in ((0, (10, 190)), (70, (45, 190)), (140, (80, 190))):
        np.testing.assert_allclose(grown.places(grown.at(change))[:, 0], places)
    leaves_out = growth(straight([20, 130], [50, 50]), 200)
    np.testing.assert_allclose(leaves_out.places(leaves_out.at(50))[:, 0], (20, 130))


def test_repeats_whose_ends_are_not_in_order_open_at_their_places() -> None:
    grown = growth(straight([30, 50], [-20, -45]), 200)  # the second goes on before the first
    assert grown.outward.tolist() == [True, False]
    grown = growth(straight([30, 50, 70], [-20, -45, -20]), 200)
    assert grown.outward.tolist() == [True, False, False]
    for change in np.linspace(0, grown.reach, 30):
        lengths = grown.at(change)
        places = grown.places(lengths)[:, 0]
        assert (places[1:] >= (places + lengths)[:-1]).all()  # no piece ends before it begins


def test_jumps_grow_to_their_lengths_and_the_side_with_them() -> None:
    seams = straight([20, 50, 60, 90, 95], [-12, -20, -16, -12, -9])
    grown = growth(seams, 100)
    assert grown.reach == 69
    np.testing.assert_allclose(grown.at(69), seams.lengths, atol=1e-6)
    np.testing.assert_allclose(grown.at(0), 0)
    for just_under in (np.nextafter(69, 0), 69 - 1e-9):
        np.testing.assert_allclose(grown.at(just_under), seams.lengths, atol=1e-6)
    for change in (7, 23.4, 41.5, 59):
        lengths = grown.at(change)
        assert -lengths.sum() == pytest.approx(change)
        assert ((lengths <= 0) & (lengths >= seams.lengths - 1e-6)).all()
    steps = np.diff([grown.at(change) for change in range(70)], axis=0)
    assert (steps <= 1e-9).all()


def test_jumps_without_a_length_stay_so() -> None:
    grown = growth(straight([20, 50, 90], [-40, 0, -40]), 100)
    for change in (0, 30, 80):
        assert -grown.at(change).sum() == pytest.approx(change)
        assert grown.at(change)[1] == 0


def test_pieces_set_off_and_stop_little_by_little() -> None:
    grown = growth(straight(list(range(20, 400, 40)), [-30] * 10, 10), 400)
    lengths = np.array([grown.at(change) for change in np.arange(0, 301, 2)])
    speeds = np.diff(np.cumsum(lengths, axis=1), axis=0) / 2
    assert np.abs(np.diff(speeds, axis=0)[8:-8]).max() < 0.12  # of the side's; at once it would be up to 0.4


def test_in_a_video_pieces_do_not_hop_where_the_corners_are_at_whole_pixels() -> None:
    frames = Frames(
        grain(60, 90), LayoutOptions(keep_objects=False), [Transform.resize((90, 60)), Transform.resize((150, 60))]
    )

    def drawn(width: float, moving: bool) -> np.ndarray:
        corners = [(0, 0), (width, 0), (width, 60), (0, 60)]
        return frames.draw(Transform.from_corners(corners, (128, 60)), moving=moving).astype(float)

    near = drawn(119.98, moving=True)
    assert np.abs(drawn(120, moving=True) - near).mean() < 1
    assert np.abs(drawn(120, moving=False) - near).mean() > 2


@pytest.mark.parametrize("sign", [-1, 1])
def test_pieces_move_hardly_faster_than_in_a_plain_resize(sign: int) -> None:
    places = list(range(10, 100, 10))
    seams = straight(places, [sign * 10] * 9)
    lengths = np.array([growth(seams, 100).at(change) for change in range(91)])
    moved = np.abs(np.diff(np.cumsum(lengths, axis=1), axis=0))  # px of each piece, for each px of the side
    plain = np.array(places) / 100
    assert (moved - plain).max() < 0.35
    assert (plain - moved).max() < 0.35
    growing = (np.abs(np.diff(lengths, axis=0)) > 1e-9).sum(axis=1)
    assert growing.max() <= 6  # seams that are unfinished at a time: one in each zone, or the next one already


def test_jumps_that_grow_leave_things_near_their_places(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = (ball_on_grain() / 255).astype(np.float32)
    width, count = picture.shape[1], 90

    def away() -> float:
        found = cheapest_seams(Axis(picture), count, one_way=True)
        at = [jumps.Jump(int(row[0]), int(length)) for row, length in zip(found.places, found.lengths, strict=True)]
        return float(np.abs(jumps.shown_columns(at, width) - np.arange(count) * width / count).mean())

    as_in_frames = away()
    monkeypatch.setattr(jump_sets, "PLACE_MOVING", jump_sets.PLACE)
    assert as_in_frames < 0.8 * away()


@pytest.mark.parametrize("count", [17, 20, 25])
def test_no_set_of_up_to_two_repeats_is_better_than_the_best_one(count: int) -> None:
    rng = np.random.default_rng(count)
    width, run, longest = 14, 2, 8
    between = rng.uniform(1, 3, (width, width)).astype(np.float32)
    shown = rng.uniform(0, 0.3, (count, width)).astype(np.float32)

    def total(sets: list[tuple[int, int]]) -> float:
        starts, ends = [0, *(place - length for place, length in sets)], [*(place for place, _ in sets), width]
        columns = np.concatenate([np.arange(start, end) for start, end in zip(starts, ends, strict=True)])
        seams = sum(between[place - length, place] for place, length in sets)
        return float(seams + shown[np.arange(count), columns].sum())

    more = count - width
    places = range(3, width - run + 1, 3)
    known = [[(place, more)] for place in places if more <= min(place, longest)]
    for first, second in combinations(places, 2):
        known += [
            [(first, length), (second, more - length)]
            for length in range(1, more)
            if length <= min(first, longest) and more - length <= min(second, longest)
        ]
    found = best_repeats(between, shown, run, longest)
    assert len(jumps.shown_columns(found, width)) == count
    assert (np.diff([jump.place for jump in found]) >= run).all()
    assert total([(jump.place, -jump.length) for jump in found]) <= min(map(total, known), default=np.inf) + 1e-4


def test_pieces_at_whole_pixels_are_the_sources_own() -> None:
    picture = grain(6, 40)
    still = slide(picture, np.full((1, 6), 25), np.array([0.0]), 40)
    np.testing.assert_array_equal(still, picture)
    moved = slide(picture, np.zeros((0, 6), int), np.zeros(0), 50, start=7.0)
    np.testing.assert_array_equal(moved[:, 7:47], picture)


def test_pieces_between_pixels_lie_there() -> None:
    ramp = np.repeat(np.arange(0, 200, 4, dtype=np.uint8)[None, :, None], 5, axis=0).repeat(3, axis=2)
    moved = slide(ramp, np.zeros((0, 5), int), np.zeros(0), 50, start=0.5)
    np.testing.assert_allclose(moved[:, 5:45].astype(int), ramp[:, 5:45].astype(int) - 2, atol=1)


@pytest.mark.parametrize("start", np.arange(0, 1, 0.1))
def test_shades_meet_in_the_pixel_that_a_seam_goes_through(start: float) -> None:
    picture = np.full((10, 120, 1), 0.40, np.float32)
    picture[:, 60:] = 0.44
    (row, *_) = slide(picture, np.full((1, 10), 30), np.array([50.0]), 71, start)[..., 0]
    assert (np.diff(row) >= -1e-6).all()  # from one shade to the other, and never back
    assert np.diff(row).max() < 0.04 / 3


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 3])
def test_an_edge_between_pixels_does_not_overshoot(dtype: type, channels: int) -> None:
    most = 1 if dtype is np.float32 else np.iinfo(dtype).max
    edge = np.full((5, 40, channels), 0.25 * most).astype(dtype)
    edge[:, 20:] = 0.75 * most
    for start in (0.2, 0.5, 0.8):
        moved = slide(edge, np.zeros((0, 5), int), np.zeros(0), 42, start)
        assert (moved.min(), moved.max()) == (edge.min(), edge.max())
        assert (np.diff(moved[0, :, 0].astype(float)) >= 0).all()
        assert edge.min() < moved[0, 20, 0] < edge.max()


def test_a_slope_that_moves_gets_darker_and_never_lighter_again() -> None:
    rows, columns = np.mgrid[:24, :32]
    slope = np.repeat((100 + 3 * columns - 2 * rows).astype(np.uint8)[..., None], 3, axis=2)
    frames = Frames(slope, LayoutOptions(keep_objects=False))
    drawn = []
    for step in range(60):
        corners = np.array([(0, 0), (32, 0), (32, 24), (0, 24)]) + np.array([0.1, 0.03]) * step
        drawn.append(frames.draw(Transform.from_corners(corners.tolist(), (40, 34)), moving=True))
    changes = np.diff(np.array(drawn, int)[:, 8:20, 10:28], axis=0)
    assert changes.max() <= 0
    assert changes.sum(axis=0).max() < -12  # 59 times -3 * 0.1 + 2 * 0.03 grey levels are -14


def test_seams_of_rows_do_not_hop_where_columns_move_by_less_than_a_pixel() -> None:
    slope = np.arange(0, 60, 2)[None]  # a seam that is 2 px lower in each next column
    shown = [places_across(slope, np.array([10]), np.array([-8.0]), 38, start) for start in np.arange(0.3, 1.5, 0.05)]
    for before, after in pairwise(shown):
        moved = np.abs(after - before)[0, 2:36]
        assert moved.max() < 1.0  # a twentieth of the 16 px between the two sides of the cut, and 0.1
        assert np.median(moved) == pytest.approx(0.1)


def test_frames_and_layouts_agree_on_what_is_removed() -> None:
    picture, mask = ball_on_grain(), ball_mask()
    drawn = Frames(picture, LayoutOptions(remove=mask)).draw(Transform.resize((150, 90)))
    np.testing.assert_array_equal(drawn, Layouts(picture, LayoutOptions(remove=mask)).retarget((150, 90)))
