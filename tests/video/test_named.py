"""The ready-made scripts: where the picture goes, at any size and length."""

from fractions import Fraction

import numpy as np
import pytest

from ingan_fast.geometry import Transform
from ingan_fast.video.named import NAMED, NAMES
from ingan_fast.video.script import Animation, read_script

SOURCE = (120, 90)


def corners(animation: Animation) -> np.ndarray:
    """The picture's corners on the canvas in every frame, [frames, 4, 2]."""
    return np.array([pose.transform.corners() + pose.offset for pose in animation.poses])


def sizes(animation: Animation) -> np.ndarray:
    """The picture's (width, height) in every frame, [frames, 2]."""
    return np.ptp(corners(animation), axis=1)


@pytest.mark.parametrize("canvas", [None, (64, 48), (641, 359)], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_every_script_stays_on_its_canvas_and_moves_without_jumps(name: str, canvas: tuple[int, int] | None) -> None:
    animation = read_script(name, SOURCE, canvas=canvas, seconds=4.0, fps=Fraction(25))
    assert len(animation.poses) == 100
    assert animation.fps == 25
    width, height = animation.canvas
    if canvas is not None:
        assert animation.canvas == canvas
    assert width % 2 == height % 2 == 0 or canvas
    for pose in animation.poses:
        assert min(pose.transform.size) >= 16
        assert min(pose.offset) >= 0
        assert pose.offset[0] + pose.transform.size[0] <= width
        assert pose.offset[1] + pose.transform.size[1] <= height
    steps = np.abs(np.diff(corners(animation), axis=0)).max(axis=(1, 2))
    assert steps.max() < 0.07 * max(width, height)
    assert np.abs(np.diff(steps)).max() < 0.02 * max(width, height)


@pytest.mark.parametrize("name", [name for name, script in NAMED.items() if script.closed])
def test_round_trips_can_be_repeated_without_a_doubled_frame(name: str) -> None:
    places = corners(read_script(name, SOURCE, seconds=8.0))
    turn = np.abs(places[0] - places[-1]).max()
    steps = np.abs(np.diff(places, axis=0)).max(axis=(1, 2))
    assert 0 < turn <= 2 * max(steps[0], steps[-1])


def test_growing_starts_at_the_source_and_fills_the_canvas() -> None:
    for name, factors in (("grow", (1.8, 1.8)), ("grow-width", (1.8, 1)), ("grow-height", (1, 1.8))):
        animation = read_script(name, SOURCE)
        assert animation.canvas == (round(120 * factors[0]), round(90 * factors[1]))
        margins = (np.array(animation.canvas) - SOURCE) / 2
        assert corners(animation)[0][0] == pytest.approx(margins)
        assert corners(animation)[0][2] == pytest.approx(margins + SOURCE)
        assert animation.poses[-1].transform == Transform.resize(animation.canvas)
        assert (np.diff(sizes(animation), axis=0) >= -1e-9).all()


def test_shrinking_starts_at_the_source_and_ends_at_six_tenths() -> None:
    for name, factors in (("shrink", (0.6, 0.6)), ("shrink-width", (0.6, 1)), ("shrink-height", (1, 0.6))):
        animation = read_script(name, SOURCE)
        assert animation.canvas == SOURCE
        assert sizes(animation)[0] == pytest.approx(SOURCE)
        assert sizes(animation)[-1] == pytest.approx([120 * factors[0], 90 * factors[1]], abs=0.51)


def test_on_a_canvas_of_the_users_own_the_largest_picture_fills_it() -> None:
    for name in ("grow", "round-trip", "shrink"):
        assert sizes(read_script(name, SOURCE, canvas=(640, 480))).max(axis=0) == pytest.approx([640, 480])


def test_zooming_goes_beyond_the_canvas_but_only_the_canvas_is_made() -> None:
    animation = read_script("zoom", SOURCE)
    last = animation.poses[-1]
    assert last.transform.size == animation.canvas
    assert sizes(animation)[-1] == pytest.approx([288, 216], abs=1.01)


@pytest.mark.parametrize(("anchor", "part"), [("top-left", (0, 0)), ("right", (1, 0.5)), ("bottom", (0.5, 1))], ids=str)
def test_a_picture_stays_where_it_is_anchored(anchor: str, part: tuple[float, float]) -> None:
    animation = read_script("round-trip", SOURCE, anchor=anchor)
    places = corners(animation)
    for axis in (0, 1):
        room = animation.canvas[axis] - sizes(animation)[:, axis]
        assert places[:, 0, axis] == pytest.approx(part[axis] * room, abs=0.51)


def test_trapezoids_lean_to_each_side_and_are_flat_between() -> None:
    animation = read_script("trapezoids", SOURCE, seconds=8.0, fps=Fraction(1))
    assert animation.poses[0].transform == Transform.resize(animation.canvas)
    places = corners(animation)
    top, bottom = (places[:, b, 0] - places[:, a, 0] for a, b in ((0, 1), (3, 2)))
    assert top[1] < 0.6 * bottom[1]
    assert bottom[5] < 0.6 * top[5]
    assert top[3] == pytest.approx(bottom[3])


def test_in_the_dance_no_frame_is_an_upright_rectangle() -> None:
    for pose in read_script("dance", SOURCE, seconds=2.0).poses:
        assert np.abs(pose.transform.matrix[[0, 1, 2, 2], [1, 0, 0, 1]]).max() > 0.01


def test_walks_follow_their_seed_and_longer_ones_have_more_stops() -> None:
    for name in ("walk", "walk-corners"):
        first, again, other = (corners(read_script(name, SOURCE, seed=seed)) for seed in (1, 1, 2))
        assert np.array_equal(first, again)
        assert np.abs(first - other).max() > 10
        short, long = (read_script(name, SOURCE, seconds=seconds) for seconds in (4.0, 40.0))
        assert len(long.poses.keyframes) > 5 * len(short.poses.keyframes) / 2  # type: ignore[attr-defined]


def test_small_sources_keep_sixteen_pixels() -> None:
    assert sizes(read_script("shrink", (20, 20)))[-1] == pytest.approx([16, 16])
