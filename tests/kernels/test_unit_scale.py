"""Laying a homography out at the source's own pixel size."""

from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from ingan_fast.config import SMOKE
from ingan_fast.geometry import Transform
from ingan_fast.kernels import grid_warp, unit_scale
from ingan_fast.kernels.anchors import BEND, BENDS, _cheapest_path
from ingan_fast.kernels.unit_scale import LAYOUTS, SHARPNESS, UnitScale
from ingan_fast.networks import FREEDOM, Generator

SOURCE = (120, 80)  # width, height
JUMP = 16
TILTED = Transform.from_corners([[20, 5], [150, 0], [170, 110], [0, 95]], (170, 110))
WIDER = Transform.scale(1.5, 1, SOURCE)  # 60 px more: 16 + 16 + 16 + 12
# Layouts by (row, column) parity: 0 and 1 are even and odd columns on even rows.
EVEN, ODD = 0, 1


def laid_out(transform: Transform, image: Tensor | None = None) -> UnitScale:
    matrix = torch.from_numpy(transform.sampling_matrix())[None]
    return unit_scale(matrix, transform.size[::-1], SOURCE[::-1], (JUMP, JUMP), image=image)


def in_pixels(grid: Tensor) -> NDArray[np.float64]:
    """[Ho, Wo, 2] in source pixels, edge to edge."""
    return np.asarray(((grid.double().numpy() + 1) / 2) * SOURCE)


def grids(transform: Transform) -> list[NDArray[np.float64]]:
    """The four layouts, [Ho, Wo, 2] in source pixels each."""
    return [in_pixels(grid) for grid in laid_out(transform).grids[0]]


def offsets(transform: Transform, layout: int, axis: int = 0) -> NDArray[np.float64]:
    """How far the source is ahead of the output along the middle row or column, px."""
    grid = grids(transform)[layout]
    line = grid[len(grid) // 2, :, 0] if axis == 0 else grid[:, grid.shape[1] // 2, 1]
    return line - (np.arange(len(line)) + 0.5)


def test_no_transformation_is_left_as_it_is() -> None:
    identity = Transform.resize(SOURCE)
    for grid in grids(identity):
        np.testing.assert_allclose(grid, in_pixels(torch.from_numpy(identity.grid())), atol=0.02)


def test_a_wider_picture_jumps_back_by_the_jump_and_last_by_what_remains() -> None:
    even, odd = offsets(WIDER, EVEN), offsets(WIDER, ODD)
    assert sorted(set(even.round(1).tolist()), reverse=True) == pytest.approx([0, -32, -60], abs=0.1)
    assert sorted(set(odd.round(1).tolist()), reverse=True) == pytest.approx([-16, -48], abs=0.1)


def test_a_narrower_picture_jumps_ahead() -> None:
    thinner = Transform.scale(0.6, 1, SOURCE)  # 48 px less
    assert sorted(set(offsets(thinner, EVEN).round(1).tolist())) == pytest.approx([0, 32], abs=0.1)
    assert sorted(set(offsets(thinner, ODD).round(1).tolist())) == pytest.approx([16, 48], abs=0.1)


def test_heights_jump_like_widths() -> None:
    higher = Transform.scale(1, 1.4, SOURCE)  # 32 px more
    assert sorted(set(offsets(higher, 0, axis=1).round(1).tolist())) == pytest.approx([-32, 0], abs=0.1)
    assert offsets(higher, 2, axis=1).tolist() == pytest.approx([-16] * 112, abs=0.1)


@pytest.mark.parametrize("transform", [WIDER, Transform.scale(0.4, 2, SOURCE)], ids=["wide", "thin"])
def test_between_jumps_neighbours_are_one_source_pixel_apart(transform: Transform) -> None:
    for grid in grids(transform):
        for axis in (0, 1):
            step = np.diff(grid[..., axis], axis=1 - axis)
            assert (np.abs(step - 1) < 1e-3).mean() > 0.85  # the others are jumps
            np.testing.assert_allclose(np.diff(grid[..., axis], axis=axis), 0, atol=1e-3)


def pace_along_rows(places: NDArray[np.float64]) -> float:
    """How many source pixels a layout of `TILTED` goes for an output pixel along the source's rows: the median.

    Measured over some 10 px, since places are read at whole pixels.
    """
    to_output = np.linalg.inv(TILTED.sampling_matrix())
    paces = []
    for y in (15.0, 40.0, 70.0):
        row = np.stack([np.linspace(10, 110, 400), np.full(400, y), np.ones(400)], axis=1)
        landed = (row / [*SOURCE, 1] * [2, 2, 1] - [1, 1, 0]) @ to_output.T
        u, v = (landed[:, :2] / landed[:, 2:] + 1).T / 2 * np.array(TILTED.size)[:, None] - 0.5
        shown = places[np.rint(v).astype(int), np.rint(u).astype(int), 0]
        lag = 40
        paces.append((shown[lag:] - shown[:-lag]) / np.hypot(u[lag:] - u[:-lag], v[lag:] - v[:-lag]))
    return float(np.median(np.concatenate(paces)))


def test_under_a_tilt_rows_go_on_at_scale_one() -> None:
    assert pace_along_rows(in_pixels(torch.from_numpy(TILTED.grid()))) < 0.93  # a plain warp's: stretched
    for grid in grids(TILTED):
        assert pace_along_rows(grid) == pytest.approx(1, abs=0.03)


def test_under_a_tilt_rows_keep_their_direction() -> None:
    """On an anchor row, all along it: the first and the last row of the source are there on any layout."""
    smooth = in_pixels(torch.from_numpy(TILTED.grid()))
    for border in (0.0, float(SOURCE[1])):
        near = np.abs(smooth[..., 1] - border) < 0.4
        shown = np.stack([grid[near][:, 1] for grid in grids(TILTED)])
        assert np.abs(shown - smooth[near][:, 1]).min(axis=0).max() < 0.6


@pytest.mark.parametrize("scale", [(1.5, 1), (0.6, 1.3), (3, 2), (0.5, 0.5)])
def test_what_lies_outside_the_source_is_not_preferred_anywhere(scale: tuple[float, float]) -> None:
    layout = laid_out(Transform.scale(*scale, SOURCE))
    best = layout.preference[0].argmax(dim=0)
    for index, grid in enumerate(layout.grids[0]):
        places = in_pixels(grid)[(best == index).numpy()]
        assert places.min(initial=0) >= 0
        assert (places <= SOURCE).all()


@pytest.mark.parametrize("scale", [1.37, 2.2, 0.7])
def test_the_pictures_borders_stay_at_its_borders(scale: float) -> None:
    layout = laid_out(Transform.scale(scale, 1, SOURCE))
    best = layout.preference[0, :, 40].argmax(dim=0).numpy()
    for column, border in ((0, 0.5), (-1, SOURCE[0] - 0.5)):
        chosen = grids(Transform.scale(scale, 1, SOURCE))[best[column]]
        assert chosen[40, column, 0] == pytest.approx(border, abs=0.05)


def test_everything_stays_within_a_jump_of_its_place() -> None:
    smooth = in_pixels(torch.from_numpy(WIDER.grid()))
    layout = laid_out(WIDER)
    for preference, grid in zip(layout.preference[0].numpy(), grids(WIDER), strict=True):
        off = np.abs(grid - smooth)[..., 0]
        assert off[preference > -0.99 * SHARPNESS].max() <= 1.5 * JUMP


def test_a_layout_is_disliked_where_its_own_parts_meet() -> None:
    preference = laid_out(WIDER).preference[0, :, 40].numpy()
    for layout, other in ((EVEN, ODD), (ODD, EVEN)):
        jumps = np.flatnonzero(np.abs(np.diff(offsets(WIDER, layout))) > 1)
        assert len(jumps) > 0
        assert (preference[layout][jumps] - preference[other][jumps]).max() < -0.9 * SHARPNESS + 1


def untrained() -> tuple[Generator, Tensor]:
    torch.manual_seed(0)
    generator = Generator(replace(SMOKE, jump_x=JUMP, jump_y=JUMP)).eval()
    return generator, torch.rand(1, 3, SOURCE[1], SOURCE[0]) * 2 - 1


def test_an_untrained_generator_shows_the_layouts_cross_faded() -> None:
    generator, image = untrained()
    layout = laid_out(TILTED, image)
    shares = torch.softmax(layout.preference, dim=1)
    expected = sum(shares[:, [k]] * grid_warp(image, layout.grids[:, k]) for k in range(LAYOUTS))
    matrix = torch.from_numpy(TILTED.sampling_matrix()).float()[None]
    with torch.no_grad():
        painted = generator(image, matrix, TILTED.size[::-1]).image
    torch.testing.assert_close(painted, expected, atol=2e-3, rtol=0)


def test_no_network_can_choose_a_cut_that_another_layout_does_not_have() -> None:
    generator, image = untrained()
    torch.nn.init.normal_(generator.exit.weight[3:], std=10.0)  # wild choices, no change of colour
    layout = laid_out(WIDER)
    with torch.no_grad():
        painted = generator.paint(image, layout).image
    cut = np.flatnonzero(np.abs(np.diff(offsets(WIDER, EVEN))) > 1)
    odd = grid_warp(image, layout.grids[:, ODD])[..., cut]
    even_at_most = 1 / (1 + np.exp(0.9 * SHARPNESS - FREEDOM))
    torch.testing.assert_close(painted[..., cut], odd, atol=2 * even_at_most, rtol=0)


def test_the_jumps_have_to_be_known() -> None:
    with pytest.raises(ValueError, match="measure them first"):
        Generator(replace(SMOKE, jump_x=0))


def test_a_cut_is_put_where_it_shows_least() -> None:
    """Noise that repeats after a jump in a few columns only: there one layout gives way to the other."""
    image = (
        torch.rand(1, 3, 1, SOURCE[0], generator=torch.Generator().manual_seed(0)).repeat(1, 1, SOURCE[1], 1) * 2 - 1
    )
    image[..., 30:36] = image[..., 14:20]  # the even layout shows 30 to 36 where the odd one, a jump behind, 14 to 20
    for cut, given in ((33, image), (24, None)):
        best = laid_out(WIDER, given).preference[0, :2, 40].argmax(dim=0)  # along a row
        assert int((best == ODD).nonzero()[0]) == pytest.approx(cut, abs=4)


def test_a_cut_bends_around_what_it_would_show() -> None:
    """The same, but what repeats lies further to the right in the lower half."""
    image = torch.rand(1, 3, *SOURCE[::-1], generator=torch.Generator().manual_seed(0)) * 2 - 1
    half = SOURCE[1] // 2
    image[..., :half, 27:33] = image[..., :half, 11:17]
    image[..., half:, 33:39] = image[..., half:, 17:23]
    best = laid_out(WIDER, image).preference[0, :2].argmax(dim=0)
    upper, lower = (int((best[row] == ODD).nonzero()[0]) for row in (half // 2, half + half // 2))
    assert upper == pytest.approx(30, abs=4)
    assert lower == pytest.approx(36, abs=4)
    assert lower > upper + 2


def test_cuts_stay_where_they_are_in_the_source_while_the_output_grows_pixel_by_pixel() -> None:
    image = torch.rand(1, 3, *SOURCE[::-1], generator=torch.Generator().manual_seed(0)) * 2 - 1
    cuts = []
    for width in range(SOURCE[0] + 20, SOURCE[0] + 60):
        best = laid_out(Transform.resize((width, SOURCE[1])), image).preference[0].argmax(dim=0) % 2
        cuts.append([int((best[row] == ODD).nonzero()[0]) for row in (5, 20, 40)])
    moved = (np.abs(np.diff(cuts, axis=0)) > 1).sum(axis=0)
    assert moved.max() <= 3  # where there is one jump more, or the best place comes too near to the next anchor


def test_the_cheapest_path_is_the_cheapest_of_all() -> None:
    cost = torch.rand(1, 2, 6, 5, generator=torch.Generator().manual_seed(0))
    found = _cheapest_path(cost)
    assert found.shape == (1, 2, 5)

    def price(path: tuple[int, ...], of: int) -> float:
        bends = [abs(b - a) for a, b in pairwise(path)]
        if max(bends) > BENDS:
            return float("inf")
        return sum(float(cost[0, of, place, block]) for block, place in enumerate(path)) + BEND * sum(bends)

    for of in (0, 1):
        best = min(product(range(6), repeat=5), key=lambda path: price(path, of))
        assert tuple(found[0, of].tolist()) == best


# Scattered


def scattered(transform: Transform) -> UnitScale:
    matrix = torch.from_numpy(transform.sampling_matrix())[None]
    return unit_scale(matrix, transform.size[::-1], SOURCE[::-1], (JUMP, JUMP), scatter=True)


def test_a_scattered_texture_keeps_its_size_inside_each_part() -> None:
    for grid in scattered(Transform.scale(3, 2, SOURCE)).grids[0]:
        places = in_pixels(grid)
        for axis in (0, 1):
            step = np.diff(places[..., axis], axis=1 - axis)
            assert (np.abs(step - 1) < 1e-2).mean() > 0.9


def test_a_scattered_texture_comes_from_all_over_the_source_and_only_from_there() -> None:
    layout = scattered(Transform.scale(3, 2, SOURCE))
    wanted = in_pixels(torch.from_numpy(Transform.scale(3, 2, SOURCE).grid()))
    for grid, preference in zip(layout.grids[0], layout.preference[0], strict=True):
        places = in_pixels(grid)
        likely = places[(preference > -0.7 * SHARPNESS).numpy()]
        assert likely.min() > -1
        assert (likely < np.array(SOURCE) + 1).all()
        assert np.corrcoef(places[..., 0].ravel(), wanted[..., 0].ravel())[0, 1] < 0.5


@pytest.mark.parametrize("scale", [(1.0, 1.0), (1.5, 0.6), (1.7, 1.7)])
def test_a_texture_that_is_not_made_much_larger_is_laid_out_in_order(scale: tuple[float, float]) -> None:
    transform = Transform.scale(*scale, SOURCE)
    for texture, ordered in zip(scattered(transform), laid_out(transform), strict=True):
        torch.testing.assert_close(texture, ordered)
