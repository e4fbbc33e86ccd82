"""Transforms against OpenCV in float64, their algebra, their masks, and what they refuse."""

import cv2
import numpy as np
import pytest

from ingan_fast.errors import UserError
from ingan_fast.geometry import MAX_PIXELS, Transform, check_output_size
from ingan_fast.parsing import parse_corners, parse_homography, parse_scale, parse_size

SOURCE, OUTPUT = (90, 60), (120, 70)


def random_pixel_homography(rng, source=SOURCE, output=OUTPUT):
    """OpenCV's own solution for randomly moved corners, in pixel-centre coordinates."""
    (w, h), (wo, ho) = source, output
    before = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32) - 0.5
    moved = np.array([[0, 0], [wo, 0], [wo, ho], [0, ho]]) + rng.uniform(-0.2, 0.2, (4, 2)) * [wo, ho]
    return cv2.getPerspectiveTransform(before, (moved - 0.5).astype(np.float32)), moved


def random_transforms(count=20):
    rng = np.random.default_rng(3)
    for _ in range(count):
        pixels, moved = random_pixel_homography(rng)
        yield Transform.from_pixels(pixels, OUTPUT, SOURCE), pixels, moved


def pixel_grid(transform, source=SOURCE):
    """The grid in source pixels with centres at integers."""
    return (transform.grid().astype(np.float64) + 1) * np.array(source) / 2 - 0.5


def test_the_sampling_matrix_agrees_with_opencv_to_the_last_digits():
    w, h = OUTPUT
    centres = np.stack(np.meshgrid(np.arange(w), np.arange(h)), -1).reshape(-1, 1, 2).astype(np.float64)
    for transform, pixels, _ in random_transforms():
        expected = cv2.perspectiveTransform(centres, np.linalg.inv(pixels)).reshape(-1, 2)
        points = np.concatenate([(centres[:, 0] + 0.5) / OUTPUT * 2 - 1, np.ones((w * h, 1))], axis=1)
        sampled = points @ transform.sampling_matrix().T
        found = (sampled[:, :2] / sampled[:, 2:] + 1) / 2 * SOURCE - 0.5
        assert np.abs(found - expected).max() < 1e-9 * max(1, np.abs(expected).max())
        assert sampled[:, 2].min() > 0
        nearby = np.abs(expected).max(axis=1) < 1000
        assert np.abs(pixel_grid(transform).reshape(-1, 2) - expected)[nearby].max() < 1e-3


def test_an_image_warped_through_the_grid_is_the_one_opencv_makes():
    image = cv2.GaussianBlur(np.random.default_rng(0).uniform(0, 255, (60, 90)).astype(np.float32), (0, 0), 2)
    for transform, pixels, _ in random_transforms(5):
        expected = cv2.warpPerspective(image, pixels, OUTPUT, flags=cv2.INTER_LINEAR)
        x, y = np.moveaxis(pixel_grid(transform), -1, 0)
        found = cv2.remap(image, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR)
        inside = (x > 1) & (x < 88) & (y > 1) & (y < 58)
        assert inside.mean() > 0.2
        assert np.abs(found - expected)[inside].max() < 1.0  # OpenCV places samples to 1/32 pixel


def test_corners_land_where_they_were_asked_to():
    for transform, _, moved in random_transforms():
        assert np.abs(transform.corners() - moved).max() < 1e-3  # OpenCV solved for float32 corners
        again = Transform.from_corners(transform.corners(), OUTPUT)
        assert np.abs(again.corners() - transform.corners()).max() < 1e-9
        assert np.abs(again.matrix - transform.matrix).max() < 1e-9


def test_a_plain_resize_samples_evenly_to_the_edges():
    grid = Transform.resize((4, 2)).grid()
    assert grid.shape == (2, 4, 2)
    assert grid.dtype == np.float32
    assert np.allclose(grid[0, :, 0], [-0.75, -0.25, 0.25, 0.75])
    assert np.allclose(grid[:, 0, 1], [-0.5, 0.5])
    assert Transform.scale(1.5, 0.5, (100, 30)) == Transform.resize((150, 15))
    assert Transform.resize((50, 60)).scales((100, 30)) == (0.5, 2.0)


def test_corners_without_a_size_make_an_output_that_holds_them():
    transform = Transform.from_corners([(0, 10), (99.5, 0), (90, 50), (5, 60.2)], None)
    assert transform.size == (100, 61)
    assert Transform.from_corners([(0, 0), (64, 0), (64, 48), (0, 48)], None) == Transform.resize((64, 48))


def test_a_transform_and_its_inverse_cancel():
    for transform, _, _ in random_transforms():
        back = transform.inverse(SOURCE)
        assert back.size == SOURCE
        assert np.abs(transform.then(back).matrix - np.eye(3)).max() < 1e-10
        assert np.abs(back.inverse(OUTPUT).matrix - transform.matrix).max() < 1e-10


def test_composition_is_one_transform_after_the_other():
    a = Transform.from_corners([(4, 3), (60, 0), (64, 50), (0, 44)], (64, 48))
    b = Transform.from_corners([(0, 5), (90, 2), (95, 80), (3, 70)], (96, 80))
    both = a.then(b)
    assert both.size == (96, 80)
    in_b = (a.corners() / a.size * 2 - 1).reshape(-1, 1, 2)
    expected = (cv2.perspectiveTransform(in_b, b.matrix).reshape(-1, 2) + 1) / 2 * b.size
    assert np.abs(both.corners() - expected).max() < 1e-10


def test_multiples_of_a_matrix_are_one_transform():
    matrix = np.array([[0.5, 0.1, 0.0], [0.0, 0.75, 0.25], [0.0, 0.125, 1.0]])
    one, other = Transform((64, 48), matrix), Transform([np.int64(64), 48], (matrix * -4).tolist())
    assert one == other
    assert hash(one) == hash(other)
    assert one != Transform((64, 49), matrix)
    assert one != "a transform"
    with pytest.raises(ValueError, match="read-only"):
        one.matrix[0, 0] = 2


def shoelace(quad):
    x, y = quad.T
    return abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def test_the_mask_of_a_plain_resize_is_one_everywhere():
    for size in ((16, 16), (333, 257), (640, 48)):
        assert (Transform.resize(size).mask() == 1).all()


@pytest.mark.parametrize(
    "corners",
    [
        [(10, 10), (100, 20), (110, 90), (5, 80)],
        [(10.3, 10.6), (100.2, 10.6), (100.2, 80.1), (10.3, 80.1)],
        [(60, 2), (118, 50), (60, 98), (2, 50)],
        [(30, 40), (90, 38), (92, 46), (29, 44)],
    ],
)
def test_the_mask_covers_the_area_of_the_quadrilateral(corners):
    transform = Transform.from_corners(corners, (120, 100))
    mask = transform.mask()
    assert mask.shape == (100, 120)
    assert mask.dtype == np.float32
    assert mask.min() == 0
    assert mask.max() == 1
    assert mask.sum() == pytest.approx(shoelace(np.array(corners)), rel=0.01)
    mirrored = Transform(transform.size, transform.matrix @ np.diag([-1.0, 1.0, 1.0]))
    assert np.allclose(mirrored.mask(), mask)


def test_the_mask_of_a_rectangle_is_the_area_of_each_pixel_that_it_covers():
    mask = Transform.from_corners([(2.3, 1.4), (6.6, 1.4), (6.6, 4.7), (2.3, 4.7)], (9, 7)).mask()
    across, down = np.zeros(9), np.zeros(7)
    across[2:7], down[1:5] = [0.7, 1, 1, 1, 0.6], [0.6, 1, 1, 0.7]
    assert np.allclose(mask, down[:, None] * across, atol=1e-6)


def test_the_mask_of_a_sliver_is_its_part_of_the_pixels():
    mask = Transform.from_corners([(3.2, 1.5), (3.6, 1.5), (3.6, 4.75), (3.2, 4.75)], (8, 7)).mask()
    assert np.allclose(mask[:, 3], 0.4 * np.array([0, 0.5, 1, 1, 0.75, 0, 0]), atol=1e-6)
    assert mask.sum() == pytest.approx(0.4 * 3.25, abs=1e-5)


def test_the_mask_of_corners_outside_the_frame_is_what_is_visible():
    corners = np.array([(-30, 20), (60, -40), (150, 50), (40, 160)])
    mask = Transform.from_corners(corners, (120, 100)).mask()
    big = Transform.from_corners(corners + np.array([40, 50]), (200, 220)).mask()
    assert np.allclose(mask, big[50:150, 40:160], atol=1e-6)
    assert 0 < mask.mean() < 1
    edge = Transform.from_corners([(-5, -5), (10.5, -5), (10.5, 200), (-5, 200)], (20, 20)).mask()
    assert np.allclose(edge[7, 8:13], [1, 1, 0.5, 0, 0])


@pytest.mark.parametrize(
    "size",
    [(0, 5), (5, 65536), (-3, 4), (5.0, 5), (5,), (1, 2, 3), None, "ab", (float("nan"), 5)],
)
def test_sizes_that_are_not_two_integers_in_range_are_refused(size):
    with pytest.raises(UserError, match="size"):
        Transform.resize(size)
    with pytest.raises(UserError, match="source size"):
        Transform.resize((32, 32)).inverse((32, 32)) and Transform.resize((32, 32)).scales(size)


@pytest.mark.parametrize("method", ["scales", "inverse"])
def test_a_bad_source_size_is_refused_wherever_it_is_given(method):
    with pytest.raises(UserError, match="size 0x4 is out of range"):
        getattr(Transform.resize((32, 32)), method)((0, 4))


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.eye(2), "shape"),
        ([[1, 0, 0], [0, 1, 0]], "shape"),
        ([["a", 0, 0], [0, 1, 0], [0, 0, 1]], "numbers"),
        ([[1, 0, 0], [0, 1], [0, 0, 1]], "numbers"),
        (np.diag([1, np.nan, 1]), "finite"),
        (np.diag([1, np.inf, 1]), "finite"),
        (np.zeros((3, 3)), "singular"),
        (np.diag([1.0, 0.0, 1.0]), "singular"),
        (1e-200 * np.ones((3, 3)), "singular"),
        ([[1, 0, 0], [0, 1, 0], [2, 0, 1]], "horizon crosses the source"),
        ([[0, 0, 1], [0, 1, 0], [1, 0, 0]], "horizon crosses the source"),
        ([[0.2, 0, 0], [0, 0.2, 0], [0.5, 0, 1]], "horizon crosses the output"),
        ([[1, 0, 0], [0, 1, 0], [1, 0, 1]], "horizon"),
    ],
)
def test_matrices_that_are_no_usable_homography_are_refused(matrix, message):
    with pytest.raises(UserError, match=message) as caught:
        Transform((64, 64), matrix)
    assert "\n" not in str(caught.value)


def test_a_tiny_or_huge_multiple_of_a_good_matrix_is_not_singular():
    for factor in (1e-300, 1e300, -1.0):
        assert Transform((64, 64), np.eye(3) * factor) == Transform.resize((64, 64))


@pytest.mark.parametrize(
    "corners",
    [
        [(0, 0), (64, 0), (64, 64)],
        [(0, 0), (64, 0), (64, 64), (np.nan, 64)],
        [(0, 0), (64, 0), (64, 64), (-np.inf, 64)],
        [(0, 0), (0, 0), (64, 64), (0, 64)],
        [(5, 5)] * 4,
        [(0, 0), (32, 0), (64, 0), (0, 64)],
        [(0, 0), (64, 0), (20, 20), (0, 64)],
        [(64, 0), (0, 0), (0, 64), (64, 64)],
        [(0, 0), (64, 64), (64, 0), (0, 64)],
        [(100, 0), (164, 0), (164, 64), (100, 64)],
        [(0, -64), (64, -64), (64, 0), (0, 0)],
        [(70, 10), (150, 90), (70, 170), (64, 90)],
        [(28, 10), (36, 10), (64, 64), (0, 64)],
        "corners",
    ],
    ids=[
        "three", "nan", "infinite", "coincident", "point", "collinear", "dent", "mirrored", "crossing",
        "right of the frame", "above the frame", "beside the frame", "vanishing point in the frame", "text",
    ],
)  # fmt: skip
def test_corners_that_cannot_be_drawn_are_refused(corners):
    with pytest.raises(UserError, match=r"corners|horizon") as caught:
        Transform.from_corners(corners, (64, 64))
    assert "\n" not in str(caught.value)


def test_corners_that_reach_no_positive_pixel_need_a_size():
    with pytest.raises(UserError, match="output size"):
        Transform.from_corners([(-9, -9), (-1, -9), (-1, -1), (-9, -1)], None)


@pytest.mark.parametrize("factor", [0, -1, 65, float("nan"), float("inf")])
def test_scale_factors_out_of_range_are_refused(factor):
    with pytest.raises(UserError, match="scale"):
        Transform.scale(factor, 1, (64, 64))


def test_output_sizes_are_held_to_what_the_generator_can_make():
    assert check_output_size((16, 16), (16, 4096)) == (16, 16)
    assert check_output_size((8192, MAX_PIXELS // 8192)) == (8192, 8192)
    with pytest.raises(UserError, match=r"output size 15x64 .* 16"):
        check_output_size((15, 64))
    with pytest.raises(UserError, match="source size 15x64"):
        check_output_size((64, 64), (15, 64))
    with pytest.raises(UserError, match=r"20000x20000 would need 500 GB .* 67 megapixels"):
        check_output_size((20000, 20000))


def test_the_parsers_read_what_the_help_shows():
    assert parse_size(" 640x480 ") == (640, 480)
    assert parse_scale("1.5x0.7") == (1.5, 0.7)
    assert parse_scale("1.5") == (1.5, 1.5)
    assert parse_scale(".5X2e0") == (0.5, 2.0)
    assert parse_corners("0,0 640,-40.5  6e2,480 20,470").sum(axis=0).tolist() == [1260, 909.5]
    identity = "[[1, 0, 0], [0, 1, 0], [0, 0, 1.0]]"
    for text, units in (
        (identity, "normalised"),
        (f'{{"matrix": {identity}}}', "normalised"),
        (f'{{"units": "pixels", "matrix": {identity}}}', "pixels"),
    ):
        matrix, found = parse_homography(text)
        assert found == units
        assert np.array_equal(matrix, np.eye(3))


BAD = {
    parse_size: ["", "640", "640x", "640x480x3", "-640x480", "0x5", "6.5x5", "65536x5", "1" * 5000 + "x5"],
    parse_scale: ["", "x", "0", "-1", "1x0", "nan", "inf", "1e999", "64.5", "1x2x3", "1_0", "1,5"],
    parse_corners: [
        "", "0,0 1,0 1,1", "0,0 1,0 1,1 0,1 2,2", "0,0 1,0 1,1 nan,1", "0,0 1,0 1,1 inf,1", "0 0 1 0 1 1 0 1",
        "0,0 1,0 1,1 0,1 x", "0,0 1,0 1,1 0,1e999", "0,0,0 1,0 1,1 0,1",
    ],
    parse_homography: [
        "", "no", "null", "1", "[]", "[" * 100000, "[[1,0,0],[0,1,0]]", "[[1,0,0],[0,1,0],[0,0]]",
        "[[1,0,0],[0,1,0],[0,0,NaN]]", "[[1,0,0],[0,1,0],[0,0,Infinity]]", "[[1,0,0],[0,1,0],[0,0,true]]",
        '[[1,0,0],[0,1,0],[0,0,"1"]]', f"[[1,0,0],[0,1,0],[0,0,1{'0' * 400}]]", "{}",
        '{"matrix": [[1,0,0],[0,1,0],[0,0,1]], "units": "px"}',
        '{"matrix": [[1,0,0],[0,1,0],[0,0,1]], "unit": "pixels"}',
        '{"matrix": [[1,0,0],[0,1,0],[0,0,1]], "units": []}',
    ],
}  # fmt: skip


@pytest.mark.parametrize(("parse", "text"), [(parse, text) for parse, texts in BAD.items() for text in texts])
def test_the_parsers_refuse_anything_else_in_one_line(parse, text):
    with pytest.raises(UserError) as caught:
        parse(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250
