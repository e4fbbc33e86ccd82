"""Slow differences of colour at seams of frames, spread over what lies around them."""

from itertools import pairwise

import numpy as np
import pytest

from ingan_fast.layout import sliding
from ingan_fast.layout.drawing import copy_pieces
from ingan_fast.layout.seams import Seams
from ingan_fast.layout.sliding import slide
from layout_scenes import along_rows, grain, sky


def shown(seams: Seams, picture: np.ndarray, start: float = 0.0, part: float = 1.0) -> np.ndarray:
    """The pieces in an output in which the whole picture has room."""
    lengths = seams.lengths * part
    size = int(np.ceil(picture.shape[1] - lengths.sum() + start))
    return slide(picture, seams.places, lengths, size, start).astype(float)


@pytest.mark.parametrize("start", [0.0, 0.4])
def test_a_step_is_hidden_where_a_seam_runs_along_between_two_rows(start: float) -> None:
    picture = sky()
    copied = copy_pieces(picture, along_rows()).astype(int)
    assert np.abs(np.diff(copied, axis=0)).max() >= 12
    assert np.abs(np.diff(shown(along_rows(), picture, start), axis=0)).max() <= 4


def test_what_is_added_moves_with_the_seam() -> None:
    picture = (sky() / 255).astype(np.float32)
    drawn = shown(along_rows(), picture)
    moved = shown(along_rows(), picture, start=3.0)
    np.testing.assert_allclose(moved[:, 20:], drawn[:, 17:], atol=1e-6)


def test_a_jump_that_grows_from_nothing_changes_everything_little_by_little() -> None:
    picture = (sky(width=400) / 255).astype(np.float32)
    seams = Seams(np.array([-60]), np.full((1, 120), 230))
    drawn = [shown(seams, picture, part=part)[:, :390] for part in np.linspace(0, 0.2, 60)]
    changes = [np.abs(after - before).max() for before, after in pairwise(drawn)]
    assert max(changes) < 0.2 * 0.04 / 2  # twice as much as the picture does from one pixel to the next, times 0.2 px


def test_nothing_hops_where_a_seam_bends_by_parts_of_a_pixel() -> None:
    picture = (sky(width=300) / 255).astype(np.float32)
    slant = np.linspace(0, 30, 120)[None]
    drawn = [slide(picture, 150 + slant * part, np.array([-60.0]), 360) for part in np.linspace(0, 1, 200)]
    assert max(np.abs(after - before).max() for before, after in pairwise(drawn)) < 2e-3


def test_no_line_is_left_where_two_pieces_meet() -> None:
    drawn = shown(Seams(np.array([-100]), np.full((1, 120), 250)), sky(width=400))
    assert np.abs(np.diff(drawn[:, 235:265], n=2, axis=1)).max() <= 2


@pytest.mark.parametrize("start", [0.0, 6.0])
def test_where_a_picture_begins_inside_of_itself_nothing_is_added(start: float) -> None:
    picture = sky()
    begun = slide(picture, np.zeros((1, 120), int), np.array([40.0]), 160, start)
    np.testing.assert_array_equal(begun[:, round(start) :], picture[:, 40 : 200 - round(start)])


def test_a_piece_that_begins_just_after_a_whole_pixel_is_seen_there() -> None:
    picture = grain(8, 60)
    for places in (0, 30):
        whole, after = (slide(picture, np.full((1, 8), places), np.array([20.0]), 41, start) for start in (1, 1 + 1e-9))
        np.testing.assert_allclose(whole.astype(int), after, atol=1)


def test_a_seam_beyond_the_output_adds_nothing() -> None:
    picture = sky()
    drawn = slide(picture, np.array([[20] * 120, [180] * 120]), np.array([-4.0, -4.0]), 40, -80.0)
    np.testing.assert_array_equal(drawn, picture[:, 76:116])


def test_pieces_are_mixed_over_two_pixels() -> None:
    picture = np.zeros((4, 60, 1), np.float32)
    picture[:, 30:] = 1.0  # too large a step to be spread
    for start in (0.0, 0.5):
        row = slide(picture, np.full((1, 4), 10), np.array([30.0]), 30, start)[0, :, 0]
        assert ((row > 0.01) & (row < 0.99)).sum() == 2 - (start == 0.5)
        assert row.sum() == pytest.approx(20 - start, abs=0.02)


def test_hidden_colours_are_not_matched(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = sky(channels=4)
    picture[..., 3] = 0
    drawn = shown(along_rows(), picture)
    monkeypatch.setattr(sliding, "hide_moving_step", lambda *given: None)
    np.testing.assert_array_equal(drawn, shown(along_rows(), picture))
