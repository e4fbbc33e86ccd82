"""Maps follow their picture, also into perspective; hidden colours stay hidden there."""

import numpy as np
import pytest

from ingan_fast import Transform
from ingan_fast.layout import LayoutOptions, Layouts
from ingan_fast.layout.perspective import lay_out, retarget
from layout_scenes import grain

TILTED = Transform.from_corners([[20, 0], [100, 10], [110, 70], [0, 60]], (110, 70))


def places(height: int, width: int) -> np.ndarray:
    """Where each pixel is: [h, w, 2], x and y."""
    return np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=2)


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("size", [(120, 60), (50, 60), (120, 80)])
def test_a_map_is_registered_to_the_pixel(dtype: type, size: tuple[int, int]) -> None:
    picture = grain(60, 80)
    view = lay_out(Layouts(picture), Transform.resize(size))
    came_from = view.copy(places(60, 80).astype(dtype))
    assert came_from.dtype == dtype
    x, y = np.moveaxis(came_from.astype(int), 2, 0)
    np.testing.assert_array_equal(view.copy(picture), picture[y, x])
    # The picture itself is blended beside seams, and nowhere else more than by a shade.
    assert (np.abs(view.draw(picture).astype(int) - picture[y, x]).max(axis=2) <= 25).mean() > 0.9


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_map_follows_into_perspective(dtype: type) -> None:
    picture = grain(60, 80)
    view = lay_out(Layouts(picture), TILTED)
    inside = TILTED.mask() == 1
    copied = view.copy(picture.astype(dtype))
    assert copied.dtype == dtype
    assert np.median(np.abs(view.draw(picture).astype(float) - copied)[inside]) <= 1


def test_names_of_things_are_not_mixed_in_perspective() -> None:
    view = lay_out(Layouts(grain(60, 80)), TILTED)
    inside = TILTED.mask() == 1
    names = places(60, 80) * 1000
    copied = view.copy(names.astype(np.int32))[inside]
    assert np.isin(copied, names).all()
    between = view.copy(names.astype(np.float32))[inside]
    assert np.median(np.abs(copied - between)) <= 500  # half a pixel


@pytest.mark.parametrize("size", [(120, 60), (50, 60), (120, 80)])
def test_a_grid_says_where_each_pixel_comes_from(size: tuple[int, int]) -> None:
    picture = grain(60, 80)
    view = lay_out(Layouts(picture), Transform.resize(size))
    x, y = pixels_of(view.grid(), (80, 60))
    np.testing.assert_allclose([x, y], np.rint([x, y]), atol=1e-3)
    np.testing.assert_array_equal(view.copy(picture), picture[np.rint(y).astype(int), np.rint(x).astype(int)])


def test_a_grid_in_perspective_is_not_mixed_across_seams() -> None:
    view = lay_out(Layouts(grain(60, 80)), TILTED)
    inside = TILTED.mask() == 1
    named = np.moveaxis(view.copy(places(60, 80).astype(np.int32)), 2, 0)
    mixed = np.moveaxis(view.copy(places(60, 80).astype(np.float32)), 2, 0)
    assert np.abs(mixed - named)[:, inside].max() > 3  # what is guarded against
    off = np.abs(pixels_of(view.grid(), (80, 60)) - named)[:, inside]
    assert off.max() <= 1.6
    assert np.median(off) > 0.05  # between pixels elsewhere


def pixels_of(grid: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A sampling grid's coordinates in pixels of a picture of a size (width, height): [2, Ho, Wo], x and y."""
    return np.moveaxis((grid + 1) / 2 * size - 0.5, 2, 0)


def test_colours_that_are_hidden_do_not_show_in_perspective() -> None:
    picture = np.zeros((60, 80, 4), np.uint8)
    picture[..., 1] = 255  # green, hidden
    picture[20:40, 20:60] = (255, 0, 0, 255)
    shown = lay_out(Layouts(picture), TILTED).draw(picture)
    visible = shown[shown[..., 3] > 30]
    assert len(visible) > 300
    assert visible[:, 1].max() <= 2


def test_rows_of_a_trapezoid_are_the_pictures_own() -> None:
    height, width = 100, 150
    black_or_white = np.random.default_rng(0).integers(0, 2, (height, 1, 1)).astype(np.uint8) * 255
    picture = np.broadcast_to(black_or_white, (height, width, 3)).copy()
    corners = [(0.25 * width, 0), (1.25 * width, 0), (1.5 * width, 1.1 * height), (0, 1.1 * height)]
    transform = Transform.from_corners(corners, None)
    shown = retarget(Layouts(picture, LayoutOptions(keep_objects=False)), transform)[transform.mask() == 1, 0]
    assert np.minimum(shown, 255 - shown).max() <= 2  # of one row each, none of a mix of two
