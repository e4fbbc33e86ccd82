"""Retargeting with a run: the same bytes every time, alpha where it is needed, bounded memory."""

from pathlib import Path

import numpy as np
import pytest

from ingan_fast import Retargeter, Transform, load
from ingan_fast.errors import UserError
from ingan_fast.pictures import Pixels

TILTED = Transform.from_corners([[10, 0], [90, 8], [100, 80], [0, 72]], (100, 80))


@pytest.fixture(scope="module")
def generator(trained_run: Path) -> Retargeter:
    return load(trained_run, device="cpu")


@pytest.mark.parametrize("size", [(16, 16), (100, 40), (37, 93)])
def test_the_picture_has_the_size_that_was_asked_for(generator: Retargeter, size: tuple[int, int]) -> None:
    result = generator.retarget(Transform.resize(size))
    assert result.picture.shape == (size[1], size[0], 3)
    assert result.picture.dtype == np.uint8
    assert result.picture.std() > 1


@pytest.mark.parametrize("transform", [Transform.resize((90, 50)), TILTED])
def test_the_same_run_gives_the_same_bytes(generator: Retargeter, trained_run: Path, transform: Transform) -> None:
    first = generator.retarget(transform).picture
    np.testing.assert_array_equal(generator.retarget(transform).picture, first)
    np.testing.assert_array_equal(load(trained_run, device="cpu").retarget(transform).picture, first)


def test_a_plain_resize_has_no_alpha(generator: Retargeter) -> None:
    assert generator.retarget(Transform.resize((91, 57))).alpha is None


def test_corners_at_the_frames_corners_have_no_alpha(generator: Retargeter) -> None:
    full = Transform.from_corners([[0, 0], [80, 0], [80, 60], [0, 60]], (80, 60))
    assert generator.retarget(full).alpha is None


def test_alpha_is_where_the_quadrilateral_lands(generator: Retargeter) -> None:
    result = generator.retarget(TILTED)
    assert result.alpha is not None
    assert result.alpha.shape == result.picture.shape[:2]
    assert result.alpha[0, 0] == 0
    assert result.alpha[-1, -20] == 0
    assert (result.alpha[20:60, 20:80] == 1).all()


def test_another_picture_can_be_retargeted(generator: Retargeter, picture: Pixels) -> None:
    other = np.ascontiguousarray(picture[::-1, 8:40])  # [56, 32, 3]
    transform = Transform.scale(1.5, 1.0, (32, 56))
    result = generator.retarget(transform, other).picture
    assert result.shape == (56, 48, 3)
    assert not np.array_equal(result, generator.retarget(transform).picture)


def test_the_runs_own_picture_given_by_hand_changes_nothing(generator: Retargeter, picture: Pixels) -> None:
    np.testing.assert_array_equal(generator.retarget(TILTED, picture).picture, generator.retarget(TILTED).picture)


def test_a_run_knows_its_picture(generator: Retargeter, picture: Pixels) -> None:
    np.testing.assert_array_equal(generator.source, picture)
    assert generator.source_size == (64, 56)


@pytest.mark.parametrize("size", [(15, 100), (100, 15), (60_000, 60_000)])
def test_a_size_that_cannot_be_made_is_refused(generator: Retargeter, size: tuple[int, int]) -> None:
    with pytest.raises(UserError, match=f"{size[0]}x{size[1]}"):
        generator.retarget(Transform.resize(size))


def test_a_picture_too_small_to_retarget_is_refused(generator: Retargeter, picture: Pixels) -> None:
    with pytest.raises(UserError, match="64x10"):
        generator.retarget(Transform.resize((64, 64)), picture[:10])
