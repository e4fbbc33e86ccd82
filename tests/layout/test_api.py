"""`from ingan_fast import retarget`."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ingan_fast import Transform, retarget
from ingan_fast.errors import UserError
from layout_scenes import grain


def test_arrays_and_files_give_the_same_picture(tmp_path: Path) -> None:
    picture = grain(60, 80)
    Image.fromarray(picture).save(tmp_path / "p.png")
    by_array = retarget(picture, scale=(1.5, 1))
    assert by_array.shape == (60, 120, 3)
    np.testing.assert_array_equal(retarget(tmp_path / "p.png", size=(120, 60)), by_array)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_types_and_channels_stay(dtype: type) -> None:
    grey = grain(60, 80)[..., 0]
    picture = (grey / 255).astype(dtype) if dtype is np.float32 else grey.astype(dtype)
    if dtype is np.uint16:
        picture *= np.uint16(257)
    wide = retarget(picture, size=(120, 60))
    assert (wide.shape, wide.dtype) == ((60, 120), picture.dtype)
    assert np.isin(wide, picture).mean() > 0.6  # most pixels are copied
    np.testing.assert_allclose(
        wide / wide.max() * 255, retarget(grey, size=(120, 60)) / retarget(grey, size=(120, 60)).max() * 255, atol=8
    )


def test_a_homography_that_only_moves_the_picture_shows_it_unchanged() -> None:
    picture = grain(60, 80)
    moved = retarget(picture, transform=Transform.from_corners([[5, 7], [85, 7], [85, 67], [5, 67]], (90, 70)))
    np.testing.assert_allclose(moved[8:66, 6:84].astype(int), picture[1:59, 1:79], atol=1)


def test_under_a_perspective_elements_have_their_own_size_and_the_corners_are_where_they_should_be() -> None:
    picture = grain(60, 80)
    picture[:10, :10], picture[-10:, -10:] = (255, 0, 0), (0, 0, 255)
    corners = [[20, 10], [180, 0], [200, 120], [0, 110]]
    output = retarget(picture, corners=corners, size=(200, 120))
    assert output[15, 24].tolist() == pytest.approx([255, 0, 0], abs=40)
    assert output[112, 192].tolist() == pytest.approx([0, 0, 255], abs=40)


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ({}, "one of"),
        ({"size": (90, 60), "scale": (1, 1)}, "one of"),
        ({"size": (8, 60)}, "16"),
    ],
)
def test_requests_that_cannot_be_met_are_refused(arguments: dict, part: str) -> None:
    with pytest.raises(UserError, match=part):
        retarget(grain(60, 80), **arguments)


@pytest.mark.parametrize(
    ("picture", "part"),
    [
        (np.zeros((4, 5, 6, 3), np.uint8), "shape"),
        (np.zeros((40, 50, 5), np.uint8), "shape"),
        (np.zeros((40, 50), np.int32), "type"),
        (np.full((40, 50), np.nan), "finite"),
        (np.full((40, 50), 2.0), "finite"),
    ],
)
def test_arrays_that_are_no_pictures_are_refused(picture: np.ndarray, part: str) -> None:
    with pytest.raises(UserError, match=part):
        retarget(picture, size=(60, 60))
