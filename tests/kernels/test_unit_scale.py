"""Laying a transformation out in blocks that keep the source's pixel size."""

import numpy as np
import pytest
import torch
from torch import Tensor

from ingan_fast.config import SMOKE
from ingan_fast.geometry import Transform
from ingan_fast.kernels import grid_warp, unit_scale
from ingan_fast.kernels.unit_scale import SHARPNESS, UnitScale
from ingan_fast.networks import FREEDOM, Generator

SOURCE = (120, 80)  # width, height
BLOCK = 32
TILTED = Transform.from_corners([[20, 5], [150, 0], [170, 110], [0, 95]], (170, 110))
WIDER = Transform.scale(1.5, 1, SOURCE)


def laid_out(transform: Transform, block: int = BLOCK) -> UnitScale:
    return unit_scale(torch.from_numpy(transform.grid())[None], (SOURCE[1], SOURCE[0]), block)


def in_pixels(grid: Tensor) -> np.ndarray:
    """[Ho, Wo, 2] in source pixels, edge to edge."""
    return ((grid[0].double().numpy() + 1) / 2) * SOURCE


def borders_along_width(length: int, offset: int) -> list[int]:
    """Pixels that begin a new block."""
    return [p for p in range(1, length) if (p - offset) % BLOCK == 0]


def test_no_transformation_is_left_as_it_is() -> None:
    identity = Transform.resize(SOURCE)
    layout = laid_out(identity)
    for grid in (layout.first, layout.second):
        np.testing.assert_allclose(grid[0].numpy(), identity.grid(), atol=2e-6)
    assert layout.preference.abs().max() < 0.01 * SHARPNESS


@pytest.mark.parametrize("transform", [WIDER, Transform.scale(0.4, 2, SOURCE)], ids=["wide", "thin"])
def test_inside_a_block_neighbours_are_one_source_pixel_apart(transform: Transform) -> None:
    width = transform.size[0]
    for grid, offset in zip(laid_out(transform)[:2], (0, -BLOCK // 2), strict=True):
        step = np.diff(in_pixels(grid), axis=1)
        inside = np.setdiff1d(np.arange(width - 1), np.array(borders_along_width(width, offset)) - 1)
        np.testing.assert_allclose(step[:, inside], np.broadcast_to([1, 0], step[:, inside].shape), atol=1e-4)


def test_under_a_tilt_rows_and_columns_keep_their_direction_and_go_on_at_scale_one() -> None:
    """Of ∂output/∂source, the columns are unit vectors, along those of the transformation at the block's anchor."""
    across, down = (np.diff(in_pixels(laid_out(TILTED).first), axis=axis) for axis in (1, 0))
    for y, x in ((40, 40), (10, 100), (75, 140)):
        inverse = np.linalg.inv(np.stack([across[y, x], down[y, x]], axis=1))
        np.testing.assert_allclose(np.hypot(*inverse), 1, atol=0.02)
        place = in_pixels(torch.from_numpy(TILTED.grid())[None])[y, x]
        for axis, step in enumerate(np.eye(2)):
            ends = np.array([place, place + step]) / SOURCE * 2 - 1
            moved = np.c_[ends, [1, 1]] @ TILTED.matrix.T
            direction = np.diff(moved[:, :2] / moved[:, 2:], axis=0)[0] * TILTED.size
            direction /= np.hypot(*direction)
            assert inverse[:, axis] @ direction > np.cos(np.radians(6))


@pytest.mark.parametrize("scale", [(1.5, 1), (0.6, 1.3), (3, 2), (0.5, 0.5)])
def test_a_plain_resize_reads_nothing_outside_the_source(scale: tuple[float, float]) -> None:
    for grid in laid_out(Transform.scale(*scale, SOURCE))[:2]:
        places = in_pixels(grid)
        assert places.min() >= 0
        assert (places <= SOURCE).all()


@pytest.mark.parametrize("scale", [1.37, 2.2, 0.7])
def test_the_pictures_borders_stay_at_its_borders(scale: float) -> None:
    for grid in laid_out(Transform.scale(scale, 1, SOURCE))[:2]:
        x = in_pixels(grid)[0, :, 0]
        assert x[0] == pytest.approx(0.5, abs=0.01)
        assert x[-1] == pytest.approx(SOURCE[0] - 0.5, abs=0.01)


def test_each_block_lies_around_the_place_that_the_transformation_gives_to_it() -> None:
    smooth = in_pixels(torch.from_numpy(WIDER.grid())[None])[0, :, 0]
    for grid in laid_out(WIDER)[:2]:
        assert np.abs(in_pixels(grid)[0, :, 0] - smooth).max() <= BLOCK * (1 - 1 / 1.5)


def test_nothing_jumps_when_the_output_grows_by_a_pixel() -> None:
    for width in range(60, 260):
        small, large = (laid_out(Transform.resize((w, 80))) for w in (width, width + 1))
        for index in range(2):
            moved = in_pixels(large[index])[0, :width, 0] - in_pixels(small[index])[0, :, 0]
            # The last block moves with the edge, the others at most a little faster than a plain resize.
            assert np.abs(moved).max() < max(1.01, 1.5 * SOURCE[0] / width)


def test_a_layout_is_avoided_where_it_has_a_border_along_the_stretched_axis() -> None:
    preference = laid_out(WIDER).preference[0, 0].numpy()
    width = WIDER.size[0]
    assert preference[:, borders_along_width(width, 0)].max() < -0.9 * SHARPNESS
    assert preference[:, borders_along_width(width, BLOCK // 2)].min() > 0.9 * SHARPNESS
    assert np.ptp(preference, axis=0).max() < 0.05  # the height is unchanged: its borders do not count


def test_an_untrained_generator_shows_the_layouts_cross_faded() -> None:
    torch.manual_seed(0)
    generator = Generator(SMOKE).eval()
    image = torch.rand(1, 3, SOURCE[1], SOURCE[0]) * 2 - 1
    grid = torch.from_numpy(TILTED.grid())[None]
    layout = unit_scale(grid, (SOURCE[1], SOURCE[0]), SMOKE.block)
    share = torch.sigmoid(layout.preference)
    expected = share * grid_warp(image, layout.first) + (1 - share) * grid_warp(image, layout.second)
    matrix = torch.from_numpy(TILTED.sampling_matrix()).float()[None]
    with torch.no_grad():
        painted = generator(image, matrix, TILTED.size[::-1]).image
    torch.testing.assert_close(painted, expected, atol=2e-3, rtol=0)


def test_no_network_can_choose_a_border_that_the_other_layout_does_not_have() -> None:
    torch.manual_seed(0)
    generator = Generator(SMOKE).eval()
    torch.nn.init.normal_(generator.exit.weight[3:], std=10.0)  # wild choices, no change of colour
    image = torch.rand(1, 3, SOURCE[1], SOURCE[0]) * 2 - 1
    layout = laid_out(WIDER)
    second = grid_warp(image, layout.second)
    with torch.no_grad():
        painted = generator.paint(image, layout).image
    columns = borders_along_width(WIDER.size[0], 0)
    first_at_most = 1 / (1 + np.exp(0.9 * SHARPNESS - FREEDOM))
    assert first_at_most < 0.25
    torch.testing.assert_close(painted[..., columns], second[..., columns], atol=2 * first_at_most, rtol=0)
