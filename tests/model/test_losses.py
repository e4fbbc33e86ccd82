"""The losses against numbers worked out by hand."""

import pytest
import torch

from ingan_fast.model.losses import (
    AREA,
    PLACE,
    guidance_weight,
    lsgan,
    moment_distance,
    out_of_place,
    reconstruction_l1,
    refinement_l1,
    scale_weights,
)

COUNTS = range(1, 9)


def weights_at(scales: int, progress: float) -> list[float]:
    values: list[float] = scale_weights(scales, torch.tensor(progress)).tolist()
    return values


@pytest.mark.parametrize("scales", COUNTS)
@pytest.mark.parametrize("progress", [-1.0, 0.0, 0.1, 0.5, 0.77, 1.0, 3.0])
def test_the_scale_weights_sum_to_one(scales: int, progress: float) -> None:
    weights = weights_at(scales, progress)
    assert len(weights) == scales
    assert sum(weights) == pytest.approx(1, abs=1e-6)
    assert min(weights) > 0


@pytest.mark.parametrize("scales", COUNTS[1:])
def test_the_coarsest_scale_weighs_most_at_first_and_the_finest_at_last(scales: int) -> None:
    start, end = weights_at(scales, 0.0), weights_at(scales, 1.0)
    assert start == sorted(start)  # finest first
    assert start[-1] > start[0]
    assert end == pytest.approx(start[::-1])


def test_each_scale_weighs_twice_its_finer_neighbour_at_first() -> None:
    assert weights_at(3, 0.0) == pytest.approx([1 / 7, 2 / 7, 4 / 7])
    assert weights_at(3, 1.0) == pytest.approx([4 / 7, 2 / 7, 1 / 7])


def test_weight_moves_steadily_from_the_coarsest_to_the_finest() -> None:
    finest = [weights_at(4, progress / 10)[0] for progress in range(11)]
    coarsest = [weights_at(4, progress / 10)[-1] for progress in range(11)]
    assert finest == sorted(finest)
    assert coarsest == sorted(coarsest, reverse=True)


def test_progress_is_held_at_its_ends() -> None:
    assert weights_at(5, -7.0) == weights_at(5, 0.0)
    assert weights_at(5, 7.0) == weights_at(5, 1.0)


def test_lsgan_is_the_weighted_mean_square_distance_to_the_target() -> None:
    fine = torch.tensor([[[[1.0, 0.0], [0.5, 0.5]]]])  # to 1: (0 + 1 + ¼ + ¼) / 4 = 0.375
    coarse = torch.tensor([[[[3.0]]]])  # to 1: 4
    assert lsgan([fine, coarse], 1.0, torch.tensor(0.0)).item() == pytest.approx(0.375 / 3 + 4 * 2 / 3)
    assert lsgan([fine, coarse], 1.0, torch.tensor(1.0)).item() == pytest.approx(0.375 * 2 / 3 + 4 / 3)
    assert lsgan([fine], 0.0, torch.tensor(0.3)).item() == pytest.approx((1 + 0 + 0.25 + 0.25) / 4)


def test_lsgan_of_a_perfect_map_is_zero() -> None:
    assert lsgan([torch.ones(1, 1, 4, 5), torch.ones(1, 1, 2, 3)], 1.0, torch.tensor(0.4)).item() == 0


def test_lsgan_of_half_precision_maps_is_summed_in_float32() -> None:
    maps = [torch.full((1, 1, 200, 200), 1 + 2**-7, dtype=torch.bfloat16)]
    loss = lsgan(maps, 1.0, torch.tensor(0.0))
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(2**-14, rel=1e-5)


def test_reconstruction_counts_visible_pixels_alone() -> None:
    image = torch.zeros(1, 3, 2, 2)
    reconstructed = torch.zeros(1, 3, 2, 2)
    reconstructed[0, :, 0, 0] = torch.tensor([0.3, -0.6, 0.0])  # mean |x̂ − x| = 0.3
    reconstructed[0, :, 1, 1] = 1.0
    everything = torch.ones(2, 2)
    assert reconstruction_l1(reconstructed, image, everything).item() == pytest.approx(1.3 / 4)
    top = torch.tensor([[1.0, 1.0], [0.0, 0.0]])
    assert reconstruction_l1(reconstructed, image, top).item() == pytest.approx(0.15)
    half = torch.tensor([[0.5, 1.0], [0.0, 0.5]])
    assert reconstruction_l1(reconstructed, image, half).item() == pytest.approx((0.15 + 0.5) / 2)


def test_reconstruction_is_a_mean_over_the_batch_too() -> None:
    image = torch.zeros(2, 3, 2, 2)
    reconstructed = torch.stack([torch.full((3, 2, 2), 0.2), torch.full((3, 2, 2), 0.6)])
    assert reconstruction_l1(reconstructed, image, torch.ones(2, 2)).item() == pytest.approx(0.4)


def test_reconstruction_of_nothing_visible_is_zero() -> None:
    loss = reconstruction_l1(torch.ones(1, 3, 2, 2), torch.zeros(1, 3, 2, 2), torch.zeros(2, 2))
    assert loss.item() == 0


def test_what_moves_within_a_square_is_in_its_place_and_a_colour_that_is_not_there_is_not() -> None:
    apart = torch.zeros(1, 3, 2 * PLACE, 3 * PLACE)
    apart[..., 3, 4], apart[..., 9, 12] = 0.5, -0.5  # in the same square
    assert out_of_place(apart, 1) == 0
    apart[0, :, :PLACE, PLACE : 2 * PLACE] += 0.6  # one square of six
    assert out_of_place(apart, 1).item() == pytest.approx(0.1)


def test_places_are_as_large_in_the_output_whatever_stage_they_are_looked_at_in() -> None:
    apart = torch.zeros(1, 3, PLACE, PLACE)
    apart[..., : PLACE // 2, : PLACE // 2], apart[..., PLACE // 2 :, PLACE // 2 :] = 1.0, -1.0
    assert out_of_place(apart, 1) == 0
    assert out_of_place(apart, 2).item() == pytest.approx(0.5)


def test_a_picture_smaller_than_a_square_is_one() -> None:
    assert out_of_place(torch.full((1, 3, 5, 40), 0.25), 1).item() == pytest.approx(0.25)


IDENTITY = torch.eye(3)[None]


def stripes(height: int, width: int, period: int) -> torch.Tensor:
    """Vertical stripes of -0.4 and 0.4: mean 0, deviation 0.4."""
    columns = torch.where(torch.arange(width) % period < period // 2, 0.4, -0.4)
    return columns.expand(1, 3, height, width).contiguous()


def test_moments_are_blind_to_order_and_see_colour_and_contrast() -> None:
    fine = stripes(2 * AREA, 2 * AREA, 2)
    assert moment_distance(fine.roll(1, dims=3), fine, IDENTITY, 1).item() == pytest.approx(0, abs=2e-3)
    assert moment_distance(fine + 0.1, fine, IDENTITY, 1).item() == pytest.approx(0.1, abs=1e-4)
    assert moment_distance(1.5 * fine, fine, IDENTITY, 1).item() == pytest.approx(0.2, abs=1e-3)


def test_moments_see_a_texture_that_changed_places() -> None:
    pattern = stripes(2 * AREA, AREA, 2)
    smooth_above = torch.cat([torch.zeros_like(pattern), pattern], dim=2)
    assert moment_distance(smooth_above.flip(2), smooth_above, IDENTITY, 1).item() > 0.3


def test_moments_ask_for_elements_of_their_own_size_where_t_has_made_room() -> None:
    source = stripes(AREA, 4 * AREA, 48)
    more, stretched = stripes(AREA, 8 * AREA, 48), stripes(AREA, 8 * AREA, 96)
    assert moment_distance(more, source, IDENTITY, 1) < 0.5 * moment_distance(stretched, source, IDENTITY, 1)


def test_areas_are_as_large_in_the_output_whatever_stage_they_are_looked_at_in() -> None:
    source, small = stripes(AREA, 4 * AREA, 48), stripes(AREA // 2, 2 * AREA, 24)
    whole = moment_distance(source.roll(24, dims=3), source, IDENTITY, 1).item()
    assert whole > 0.05
    assert moment_distance(small.roll(12, dims=3), small, IDENTITY, 2).item() == pytest.approx(whole, rel=0.1)


def test_moments_of_flat_pictures_can_be_learned_from() -> None:
    flat = torch.full((1, 3, 5, 40), 0.25, requires_grad=True)
    distance = moment_distance(flat, torch.zeros(1, 3, 5, 40), IDENTITY, 2)
    (gradient,) = torch.autograd.grad(distance, flat)
    assert torch.isfinite(gradient).all()
    assert gradient.sum().item() == pytest.approx(1.0, rel=1e-3)


def test_guidance_falls_while_the_scales_move_and_never_ends() -> None:
    weights = [guidance_weight(torch.tensor(progress), 0.2).item() for progress in (0.0, 0.25, 0.75, 1.0, 2.0)]
    assert weights == pytest.approx([1.0, 0.8, 0.4, 0.2, 0.2])


def test_a_further_stage_owes_the_coarse_picture_and_the_real_one() -> None:
    coarse, real = torch.rand(1, 3, 4, 6), torch.rand(1, 3, 10, 10)
    fine = coarse.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    assert refinement_l1(fine, coarse, real, real).item() == pytest.approx(0, abs=1e-6)
    assert refinement_l1(fine + 0.2, coarse, real, real).item() == pytest.approx(0.1, abs=1e-6)
    assert refinement_l1(fine, coarse, real - 0.2, real).item() == pytest.approx(0.1, abs=1e-6)
