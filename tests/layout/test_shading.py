"""Slow differences of colour at seams, spread over what lies around them."""

import numpy as np
from numpy.typing import NDArray

from ingan_fast.layout.drawing import copy_pieces, draw
from ingan_fast.layout.seams import Seams
from layout_scenes import along_rows, sky


def largest_step(picture: NDArray) -> int:
    return int(np.abs(np.diff(picture.astype(int), axis=0)).max())


def test_a_step_is_hidden_where_a_seam_runs_along_between_two_rows() -> None:
    picture = sky()
    assert largest_step(copy_pieces(picture, along_rows())) >= 12
    assert largest_step(draw(picture, along_rows())) <= 4


def test_an_even_step_is_spread_farther_than_one_that_changes_along_the_seam() -> None:
    seams = Seams(np.array([-100]), np.full((1, 120), 250))
    even = sky(width=400)
    rows = np.random.default_rng(0).choice([-20, 20], (120, 1, 1))
    uneven = np.where(np.arange(400)[None, :, None] < 200, 120, 120 + rows).astype(np.uint8).repeat(3, axis=2)
    reached = []
    for picture in (even, uneven):
        changed = (draw(picture, seams) != copy_pieces(picture, seams)).any(axis=(0, 2))
        reached.append(250 - int(changed.argmax()))
    assert reached[0] >= 0.12 * 400
    assert reached[0] >= 2 * reached[1]


def test_no_line_is_left_beside_a_seam() -> None:
    picture = sky(width=400)
    drawn = draw(picture, Seams(np.array([-100]), np.full((1, 120), 250))).astype(int)
    assert np.abs(np.diff(drawn[:, 235:265], n=2, axis=1)).max() <= 2


def test_nothing_changes_far_from_a_seam() -> None:
    picture = sky()
    drawn, copied = draw(picture, along_rows()), copy_pieces(picture, along_rows())
    np.testing.assert_array_equal(drawn[:15, 145:], copied[:15, 145:])
    np.testing.assert_array_equal(drawn[105:, :95], copied[105:, :95])
    assert (drawn[:40, 88] != copied[:40, 88]).any()


def test_no_step_is_left_beside_a_narrow_piece() -> None:
    picture = sky(channels=1)
    seams = Seams(np.array([-80, 80]), np.repeat([[150], [82]], 120, axis=1))  # between them 12 px
    assert np.abs(np.diff(copy_pieces(picture, seams).astype(int), axis=1)).max() >= 15
    assert np.abs(np.diff(draw(picture, seams).astype(int), axis=1)).max() <= 5


def test_the_border_of_an_output_stays_as_it_is() -> None:
    picture = sky(width=300)
    seams = Seams(np.array([-100, -100]), np.repeat([[105], [290]], 120, axis=1))
    drawn, copied = draw(picture, seams), copy_pieces(picture, seams)
    near = Seams(np.array([-60]), np.full((1, 120), 294))
    assert (draw(picture, near)[:, 294] != copy_pieces(picture, near)[:, 294]).all()
    np.testing.assert_array_equal(draw(picture, near)[:, -1], picture[:, -1])
    np.testing.assert_array_equal(drawn[:, [0, -1]], copied[:, [0, -1]])


def test_hidden_colours_are_not_matched() -> None:
    picture = sky(channels=4)
    picture[..., 3] = 0
    np.testing.assert_array_equal(draw(picture, along_rows()), copy_pieces(picture, along_rows()))
