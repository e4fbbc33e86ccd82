"""What a retargeting is compared with."""

import numpy as np
import pytest

from ingan_fast import Transform
from ingan_fast.errors import UserError
from ingan_fast.pictures import Pixels
from ingan_fast.quality.resampling import plain_homography, plain_resize, seam_carve


@pytest.fixture
def picture() -> Pixels:
    return np.random.default_rng(0).integers(0, 256, (40, 56, 3)).astype(np.uint8)


def test_a_size_is_width_by_height(picture: Pixels) -> None:
    assert plain_resize(picture, (70, 20)).shape == (20, 70, 3)


def test_the_same_size_changes_nothing(picture: Pixels) -> None:
    np.testing.assert_array_equal(plain_resize(picture, (56, 40)), picture)


def test_shrinking_is_antialiased() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    assert np.abs(plain_resize(stripes, (16, 64))[:, 2:-2].astype(int) - 127).max() <= 3


@pytest.mark.parametrize("size", [(0, 10), (10, -1)])
def test_a_side_under_one_pixel_is_refused(picture: Pixels, size: tuple[int, int]) -> None:
    with pytest.raises(UserError, match=f"{size[0]}x{size[1]}"):
        plain_resize(picture, size)


def test_seam_carving_gives_the_size_and_keeps_to_the_pictures_colours(picture: Pixels) -> None:
    carved = seam_carve(picture, (40, 40))
    assert carved.shape == (40, 40, 3)
    assert {tuple(colour) for colour in carved.reshape(-1, 3)} <= {tuple(colour) for colour in picture.reshape(-1, 3)}


def test_the_identity_homography_is_a_plain_resize(picture: Pixels) -> None:
    laid, alpha = plain_homography(picture, Transform.resize((70, 30)))
    np.testing.assert_array_equal(laid, plain_resize(picture, (70, 30)))
    assert (alpha == 1).all()


def test_a_shift_by_whole_pixels_moves_pixels(picture: Pixels) -> None:
    corners = [[8, 5], [64, 5], [64, 45], [8, 45]]
    laid, alpha = plain_homography(picture, Transform.from_corners(corners, (70, 50)))
    np.testing.assert_array_equal(laid[5:45, 8:64], picture)
    np.testing.assert_array_equal(alpha == 1, np.pad(np.ones((40, 56), bool), ((5, 5), (8, 6))))


def test_a_homography_puts_the_corners_where_they_were_asked_for() -> None:
    source = np.zeros((80, 80, 3), np.uint8)
    source[:40, :40, 0] = source[:40, 40:, 1] = source[40:, 40:, 2] = 255
    corners = np.array([[30, 5], [110, 15], [135, 95], [5, 85]])
    laid, alpha = plain_homography(source, Transform.from_corners(corners, (140, 100)))
    inwards = (corners + 0.1 * (corners.mean(0) - corners)).astype(int)
    shown = [tuple(laid[y, x]) for x, y in inwards]
    assert shown == [(255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0)]
    assert alpha[2, 2] == alpha[97, 137] == 0


def test_a_homography_takes_bytes_alone(picture: Pixels) -> None:
    with pytest.raises(UserError, match="give uint8"):
        plain_homography(picture / 255, Transform.resize((20, 20)))
