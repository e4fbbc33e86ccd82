"""Parallelograms are filled with pieces of the picture that are moved, and not sheared."""

import numpy as np
import pytest

from ingan_fast import Transform
from ingan_fast.layout import LayoutOptions, Layouts
from ingan_fast.layout.perspective import lay_out
from layout_scenes import ball_mask, ball_on_grain, fence, grain, whole_copies


def parallelogram(width: int, height: int, slant: float, upright: bool = False) -> Transform:
    """A picture of this size, its lower side moved to the left; with `upright`, its right side moved up instead."""
    corners = np.array([(slant, 0), (slant + width, 0), (width, height), (0, height)])
    return Transform.from_corners(corners[[0, 3, 2, 1], ::-1] if upright else corners, None)


def moved(transform: Transform, height: int, width: int) -> np.ndarray:
    """How far each output pixel is from where it was in the picture, in x and y: [Ho, Wo, 2]; -999 outside."""
    picture = fence(height, width // 18)
    view = lay_out(Layouts(picture, LayoutOptions(keep_objects=False)), transform)
    at = np.stack(np.meshgrid(np.arange(picture.shape[1]), np.arange(height)), axis=2)
    source = view.copy(at.astype(np.int32))
    here = np.stack(np.meshgrid(np.arange(source.shape[1]), np.arange(source.shape[0])), axis=2)
    return np.where((transform.mask() == 1)[..., None], here - source, -999)


@pytest.mark.parametrize(("height", "width"), [(60, 180), (300, 450)])
def test_pieces_are_moved_and_not_sheared(height: int, width: int) -> None:
    offsets = moved(parallelogram(width, height, 0.4 * width), height, width)
    inside = (offsets[..., 0] != -999).reshape(-1)
    sideways, down = offsets.reshape(-1, 2)[inside].T
    values, counts = np.unique(sideways, return_counts=True)
    assert counts[np.argsort(counts)[-6:]].sum() > 0.9 * len(sideways)  # a few bands; a shear has all offsets alike
    assert np.abs(down).max() <= 6
    assert np.ptp(values) > 0.2 * width


def test_a_slight_slant_is_one_band_also_in_a_picture_that_is_larger_than_where_bands_are_found() -> None:
    picture = np.repeat(grain(1, 450), 300, axis=0)  # upright lines
    transform = parallelogram(450, 300, 50)
    view = lay_out(Layouts(picture, LayoutOptions(keep_objects=False)), transform)
    assert view.bands is not None
    assert len(view.bands.windows) == 1
    output, inside = view.draw(picture), transform.mask() == 1
    both = inside[20] & inside[280]
    assert both.sum() > 350
    np.testing.assert_array_equal(output[20, both], output[280, both])  # still upright


def test_the_shape_is_followed() -> None:
    width, height, slant = 180, 60, 72
    sideways = moved(parallelogram(width, height, slant), height, width)[..., 0]
    for row in range(5, height, 10):
        middle = np.median(sideways[row][sideways[row] != -999])
        assert abs(middle - slant * (1 - (row + 0.5) / height)) <= 0.2 * width


def test_upright_sides_are_the_same_turned() -> None:
    picture = grain(60, 90)
    lying = lay_out(Layouts(picture), parallelogram(90, 60, 36)).draw(picture)
    turned = np.ascontiguousarray(picture.swapaxes(0, 1))
    standing = lay_out(Layouts(turned), parallelogram(90, 60, 36, upright=True)).draw(turned)
    np.testing.assert_array_equal(standing.swapaxes(0, 1), lying)


def test_a_kept_object_is_whole_in_it() -> None:
    picture = ball_on_grain(90, 150, radius=14)
    keep = ball_mask(90, 150, radius=14)
    transform = parallelogram(150, 90, 50)
    view = lay_out(Layouts(picture, LayoutOptions(keep=keep, keep_objects=False)), transform)
    assert view.bands is not None
    shown = np.where(transform.mask()[..., None] == 1, view.copy(picture), 0)
    rows, columns = np.flatnonzero(keep.any(axis=1)), np.flatnonzero(keep.any(axis=0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    assert whole_copies(shown, picture[box], keep[box]) == 1


def upright_bar(left: int, right: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture [120, 180, 3] of grain with a bar that is too high for a band, and the bar's mask."""
    keep = np.zeros((120, 180), bool)
    keep[20:100, left:right] = True
    picture = np.repeat(grain(120, 180)[..., :1], 3, axis=2)
    picture[keep] = np.linspace(0, 255, int(keep.sum())).astype(np.uint8)[:, None]
    return picture, keep


def test_what_is_kept_and_higher_than_bands_stands_in_a_single_one() -> None:
    picture, keep = upright_bar(90, 96)
    transform = parallelogram(180, 120, 72)
    view = lay_out(Layouts(picture, LayoutOptions(keep=keep, keep_objects=False)), transform)
    assert view.bands is not None
    assert len(view.bands.windows) == 1
    shown = np.where(transform.mask()[..., None] == 1, view.draw(picture), 0)
    assert whole_copies(shown, picture[20:100, 90:96], keep[20:100, 90:96]) == 1


def test_what_a_slanting_side_would_cut_is_sheared_instead() -> None:
    picture, keep = upright_bar(0, 150)  # wider than the shape is from its top down to the bar's end
    assert lay_out(Layouts(picture, LayoutOptions(keep=keep)), parallelogram(180, 120, 72)).bands is None


def test_shapes_too_flat_for_bands_are_sheared() -> None:
    picture = grain(30, 200)
    assert lay_out(Layouts(picture), parallelogram(200, 30, 150)).bands is None
    assert lay_out(Layouts(picture), parallelogram(200, 30, 20)).bands is not None


def test_other_shapes_have_no_bands() -> None:
    picture = grain(60, 90)
    layouts = Layouts(picture)
    for corners in (
        [(10, 0), (80, 0), (90, 60), (0, 60)],  # a trapezoid
        [(30, 0), (100, 30), (70, 100), (0, 70)],  # turned
        [(5.5, 0), (90, 0), (90, 60), (5.5, 60)],  # upright
    ):
        assert lay_out(layouts, Transform.from_corners(corners, None)).bands is None
