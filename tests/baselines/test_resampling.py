"""What a retargeting is compared with."""

import numpy as np
import pytest

from ingan_fast.baselines import plain_resize, seam_carve
from ingan_fast.errors import UserError
from ingan_fast.images import Pixels


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
