"""Laying a transformation out in blocks that keep the source's pixel size."""

from dataclasses import replace

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
LAYOUTS = 4
TILTED = Transform.from_corners([[20, 5], [150, 0], [170, 110], [0, 95]], (170, 110))
WIDER = Transform.scale(1.5, 1, SOURCE)


def laid_out(transform: Transform, block: int = BLOCK, layouts: int = LAYOUTS) -> UnitScale:
    return unit_scale(torch.from_numpy(transform.grid())[None], (SOURCE[1], SOURCE[0]), block, layouts)


def grids(transform: Transform) -> list[Tensor]:
    """K of [1, Ho, Wo, 2]."""
    return list(laid_out(transform).grids.unbind(dim=1))


def in_pixels(grid: Tensor) -> np.ndarray:
    """[Ho, Wo, 2] in source pixels, edge to edge."""
    return ((grid[0].double().numpy() + 1) / 2) * SOURCE


def borders_along_width(length: int, offset: int) -> list[int]:
    """Pixels that begin a new block."""
    return [p for p in range(1, length) if (p - offset) % BLOCK == 0]


def test_no_transformation_is_left_as_it_is() -> None:
    identity = Transform.resize(SOURCE)
    layout = laid_out(identity)
    for grid in layout.grids.unbind(dim=1):
        np.testing.assert_allclose(grid[0].numpy(), identity.grid(), atol=2e-6)
    assert layout.preference.abs().max() < 0.01 * SHARPNESS


@pytest.mark.parametrize("transform", [WIDER, Transform.scale(0.4, 2, SOURCE)], ids=["wide", "thin"])
def test_inside_a_block_neighbours_are_one_source_pixel_apart(transform: Transform) -> None:
    width = transform.size[0]
    for grid, offset in zip(grids(transform), (0, -8, -16, -24), strict=True):
        step = np.diff(in_pixels(grid), axis=1)
        inside = np.setdiff1d(np.arange(width - 1), np.array(borders_along_width(width, offset)) - 1)
        np.testing.assert_allclose(step[:, inside], np.broadcast_to([1, 0], step[:, inside].shape), atol=1e-4)


def test_under_a_tilt_rows_and_columns_keep_their_direction_and_go_on_at_scale_one() -> None:
    """Of ∂output/∂source, the columns are unit vectors, along those of the transformation at the block's anchor."""
    across, down = (np.diff(in_pixels(grids(TILTED)[0]), axis=axis) for axis in (1, 0))
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
    for grid in grids(Transform.scale(*scale, SOURCE)):
        places = in_pixels(grid)
        assert places.min() >= 0
        assert (places <= SOURCE).all()


@pytest.mark.parametrize("scale", [1.37, 2.2, 0.7])
def test_the_pictures_borders_stay_at_its_borders(scale: float) -> None:
    for grid in grids(Transform.scale(scale, 1, SOURCE)):
        x = in_pixels(grid)[0, :, 0]
        assert x[0] == pytest.approx(0.5, abs=0.01)
        assert x[-1] == pytest.approx(SOURCE[0] - 0.5, abs=0.01)


def test_each_block_lies_around_the_place_that_the_transformation_gives_to_it() -> None:
    smooth = in_pixels(torch.from_numpy(WIDER.grid())[None])[0, :, 0]
    for grid in grids(WIDER):
        assert np.abs(in_pixels(grid)[0, :, 0] - smooth).max() <= BLOCK * (1 - 1 / 1.5)


def test_nothing_jumps_when_the_output_grows_by_a_pixel() -> None:
    for width in range(60, 260):
        for small, large in zip(
            grids(Transform.resize((width, 80))), grids(Transform.resize((width + 1, 80))), strict=True
        ):
            moved = in_pixels(large)[0, :width, 0] - in_pixels(small)[0, :, 0]
            # The last block moves with the edge, the others at most a little faster than a plain resize.
            assert np.abs(moved).max() < max(1.01, 1.5 * SOURCE[0] / width)


def test_a_layout_is_avoided_where_it_has_a_border_along_the_stretched_axis() -> None:
    preference = laid_out(WIDER).preference[0].numpy()
    width = WIDER.size[0]
    for layout, offset in enumerate((0, -8, -16, -24)):
        assert preference[layout][:, borders_along_width(width, offset)].max() < -0.9 * SHARPNESS
    opposite = borders_along_width(width, -16)
    assert preference[0][:, opposite].min() > -0.1 * SHARPNESS
    assert np.ptp(preference, axis=1).max() < 0.05  # the height is unchanged: its borders do not count


def untrained() -> tuple[Generator, Tensor]:
    torch.manual_seed(0)
    generator = Generator(replace(SMOKE, block=BLOCK, layouts=LAYOUTS)).eval()
    return generator, torch.rand(1, 3, SOURCE[1], SOURCE[0]) * 2 - 1


def test_an_untrained_generator_shows_the_layouts_cross_faded() -> None:
    generator, image = untrained()
    layout = laid_out(TILTED)
    shares = torch.softmax(layout.preference, dim=1)
    expected = sum(shares[:, [k]] * grid_warp(image, grid) for k, grid in enumerate(grids(TILTED)))
    matrix = torch.from_numpy(TILTED.sampling_matrix()).float()[None]
    with torch.no_grad():
        painted = generator(image, matrix, TILTED.size[::-1]).image
    torch.testing.assert_close(painted, expected, atol=2e-3, rtol=0)


def test_no_network_can_choose_a_border_that_another_layout_does_not_have() -> None:
    generator, image = untrained()
    torch.nn.init.normal_(generator.exit.weight[3:], std=10.0)  # wild choices, no change of colour
    layout = laid_out(WIDER)
    with torch.no_grad():
        painted = generator.paint(image, layout).image
    border = borders_along_width(WIDER.size[0], 0)
    first_at_most = 1 / (1 + np.exp(0.9 * SHARPNESS - FREEDOM))
    others = torch.stack([grid_warp(image, grid)[..., border] for grid in grids(WIDER)[1:]])
    slack = 2 * first_at_most
    assert (painted[..., border] <= others.amax(dim=0) + slack).all()
    assert (painted[..., border] >= others.amin(dim=0) - slack).all()
