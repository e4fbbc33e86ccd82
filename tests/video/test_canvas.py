"""A picture on its canvas: where it is, its soft edges, transparency."""

import numpy as np
import pytest

from ingan_fast.geometry import Transform
from ingan_fast.pictures import Pixels
from ingan_fast.video.canvas import coverage, place
from ingan_fast.video.poses import Pose, pose

CANVAS = (40, 30)
BLUE = (10, 20, 250)


@pytest.fixture
def grains() -> Pixels:
    return np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)


def upright(left: float, top: float, right: float, bottom: float) -> Pose:
    return pose(np.array([(left, top), (right, top), (right, bottom), (left, bottom)], dtype=float), CANVAS)


def test_a_picture_that_fills_its_canvas_is_that_picture(grains: Pixels) -> None:
    full = upright(0, 0, 40, 30)
    assert np.array_equal(place(grains, full, CANVAS, BLUE), grains)
    clear = place(grains, full, CANVAS, None)
    assert np.array_equal(clear[..., :3], grains)
    assert (clear[..., 3] == 255).all()


def test_a_smaller_picture_is_at_its_offset_with_the_colour_beside_it(grains: Pixels) -> None:
    frame = place(grains[:20, :24], upright(16, 0, 40, 20), CANVAS, BLUE)
    assert np.array_equal(frame[:20, 16:40], grains[:20, :24])
    frame[:20, 16:40] = BLUE
    assert (frame == BLUE).all()


def test_beside_the_picture_it_is_transparent_and_black(grains: Pixels) -> None:
    frame = place(grains[:20, :24], upright(16, 0, 40, 20), CANVAS, None)
    assert np.array_equal(frame[:20, 16:40, :3], grains[:20, :24])
    assert frame[..., 3].sum() == 255 * 20 * 24
    frame[:20, 16:40] = 0
    assert not frame.any()


@pytest.mark.parametrize("background", [BLUE, None], ids=["over a colour", "transparent"])
@pytest.mark.parametrize("offset", [(-12, -8), (25, 18), (-3, 20), (40, 0), (0, -30)], ids=str)
def test_what_lies_beyond_the_canvas_is_cropped(
    grains: Pixels, offset: tuple[int, int], background: tuple[int, int, int] | None
) -> None:
    frame = place(grains, Pose(Transform.resize((40, 30)), offset), CANVAS, background)
    expected = np.zeros((90, 120, 4), np.uint8)
    expected[..., :3] = background or 0
    x, y = offset
    expected[30 + y : 60 + y, 40 + x : 80 + x] = np.dstack([grains, np.full((30, 40), 255, np.uint8)])
    assert np.array_equal(frame, expected[30:60, 40:80, : frame.shape[2]])


def test_fractions_of_pixels_at_the_edges_are_mixed_in_their_parts() -> None:
    white = np.full((18, 22, 3), 255, np.uint8)
    at = upright(16.25, 0, 36.5, 18)
    assert (at.transform.size, at.offset) == ((21, 18), (16, 0))
    frame = place(white[:, :21], at, CANVAS, (55, 55, 55))
    assert frame[10, 15:19, 0].tolist() == [55, 205, 255, 255]  # 55 + 0.75 · 200
    assert frame[10, 34:38, 0].tolist() == [255, 255, 155, 55]
    assert (frame[:18, 17:36] == 255).all()
    clear = place(white[:, :21], at, CANVAS, None)
    assert clear[10, 15:18].tolist() == [[0, 0, 0, 0], [255, 255, 255, 191], [255, 255, 255, 255]]


def test_a_homography_covers_what_its_mask_says(grains: Pixels) -> None:
    leaning = pose(np.array([(8.5, 3), (30, 2.25), (39, 28), (1, 27.5)]), CANVAS)
    picture = grains[: leaning.transform.size[1], : leaning.transform.size[0]]
    mask = np.zeros((30, 40, 1))
    x, y = leaning.offset
    mask[y : y + len(picture), x : x + picture.shape[1], 0] = leaning.transform.mask()
    there = np.zeros((30, 40, 3))
    there[y : y + len(picture), x : x + picture.shape[1]] = picture
    frame = place(picture, leaning, CANVAS, BLUE).astype(float)
    assert frame == pytest.approx(np.array(BLUE) + mask * (there - BLUE), abs=0.51)
    clear = place(picture, leaning, CANVAS, None)
    assert clear[..., 3] == pytest.approx(255 * mask[..., 0], abs=0.51)
    seen = clear[..., 3] > 0
    assert np.array_equal(clear[seen][:, :3], there[seen])


def test_laid_over_a_colour_a_transparent_frame_is_the_frame_over_that_colour(grains: Pixels) -> None:
    leaning = pose(np.array([(8.5, 3), (30, 2.25), (39, 28), (1, 27.5)]), CANVAS)
    picture = grains[: leaning.transform.size[1], : leaning.transform.size[0]]
    clear = place(picture, leaning, CANVAS, None).astype(float)
    share = clear[..., 3:] / 255
    over = clear[..., :3] * share + np.array(BLUE) * (1 - share)
    assert place(picture, leaning, CANVAS, BLUE) == pytest.approx(over, abs=1.01)


def test_an_upright_rectangles_coverage_is_its_mask_and_whole_pixels_need_none() -> None:
    assert coverage(upright(16, 0, 40, 25).transform) is None
    for corners in ((3.3, 4.75, 30.1, 25.2), (3.3, 4, 30, 25), (-9.5, -3.25, 60, 20.5)):
        transform = upright(*corners).transform
        covered = coverage(transform)
        assert covered == pytest.approx(transform.mask(), abs=1e-6)


def test_frames_are_written_where_they_are_wanted(grains: Pixels) -> None:
    out = np.full((30, 40, 3), 77, np.uint8)
    assert place(grains[:20, :24], upright(16, 0, 40, 20), CANVAS, BLUE, out) is out
    assert np.array_equal(out, place(grains[:20, :24], upright(16, 0, 40, 20), CANVAS, BLUE))


def test_one_frame_does_not_show_in_the_next(grains: Pixels) -> None:
    out = np.empty((30, 40, 4), np.uint8)
    place(grains, upright(0, 0, 40, 30), CANVAS, None, out)
    small = upright(10.5, 10, 30, 26)
    picture = grains[: small.transform.size[1], : small.transform.size[0]]
    assert np.array_equal(place(picture, small, CANVAS, None, out), place(picture, small, CANVAS, None))
