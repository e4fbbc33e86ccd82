"""The networks against small cases worked out by hand, and the paper's structure."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from ingan_fast.errors import UserError
from ingan_fast.geometry import Transform
from ingan_fast.kernels import grid_warp
from ingan_fast.model.convolutions import (
    SpectralConv2d,
)
from ingan_fast.model.networks import ResidualBlock, coarse_size, shrink
from ingan_fast.settings import PAPER
from small_networks import SMALL, convolutions, generator, image, structure

IDENTITY = torch.eye(3)[None]


# Spectral normalisation


def test_the_paper_generator_has_the_papers_convolutions() -> None:
    block = [(512, 128, 1), (128, 128, 3), (128, 512, 1)]
    assert structure(generator(PAPER)) == [
        (3, 64, 7),
        *[(64, 128, 3), (128, 256, 3), (256, 512, 3)],
        *block * 6,
        *[(512, 256, 3), (256, 128, 3), (128, 64, 3)],
        (64, 3, 7),
    ]


def test_the_paper_generator_has_4_8_million_parameters() -> None:
    count = sum(parameter.numel() for parameter in generator(PAPER).parameters())
    assert round(count / 1e6, 1) == 4.8


def test_every_convolution_of_the_generator_but_the_last_is_spectrally_normalised() -> None:
    *others, last = convolutions(generator())
    assert all(isinstance(conv, SpectralConv2d) for conv in others)
    assert not isinstance(last, SpectralConv2d)


@pytest.mark.parametrize("downscales", [0, 1, 2, 3])
@pytest.mark.parametrize("size", [(16, 16), (17, 31), (24, 40), (33, 16)])
def test_the_output_has_the_size_that_was_asked_for(downscales: int, size: tuple[int, int]) -> None:
    y = generator(replace(SMALL, downscales=downscales))(image(20, 28), IDENTITY, size)
    assert y.shape == (1, 3, *size)
    assert y.std() > 0


@pytest.mark.parametrize("skips", [True, False])
def test_a_size_between_multiples_is_the_replicated_size_cropped(skips: bool) -> None:
    network = generator(replace(SMALL, downscales=3, skips=skips))
    warped = torch.rand(1, SMALL.channels, 17, 31)
    padded = nn.functional.pad(warped, (0, 1, 0, 7), mode="replicate")  # [1, C, 24, 32]
    assert torch.equal(network.trunk(warped), network.trunk(padded)[..., :17, :31])


@pytest.mark.parametrize("skips", [True, False])
def test_only_skips_bring_detail_past_the_deepest_map(skips: bool) -> None:
    """With every stage of the way up silenced, what reaches the exit came through the skips."""
    network = generator(replace(SMALL, skips=skips))
    for norm in (module for module in network.up.modules() if isinstance(module, nn.BatchNorm2d)):
        norm.weight.zero_()
        norm.bias.zero_()
    ys = [network(image(seed=seed), IDENTITY, (24, 24)) for seed in (1, 2)]
    assert torch.equal(*ys) is not skips


def test_a_silenced_residual_block_is_the_identity() -> None:
    block = ResidualBlock(8).eval()
    last = block.body[-1]
    assert isinstance(last, nn.BatchNorm2d)
    nn.init.zeros_(last.weight)
    features = torch.randn(1, 8, 5, 6)
    assert torch.equal(block(features), features)


def test_the_output_stays_in_range_however_large_the_weights() -> None:
    network = generator()
    nn.init.normal_(network.exit.weight, std=1e4)
    y = network(image(), IDENTITY, (32, 32))
    assert y.abs().max() == 1
    assert y.isfinite().all()


def test_a_shift_by_whole_pixels_shifts_the_picture() -> None:
    """Far from its frame; 8 px, so that the pooled cells are the same."""
    network = generator()
    x = image(96, 96)
    shift = torch.eye(3)[None].clone()
    shift[0, 0, 2] = 2 * 8 / 96  # each output pixel samples 8 px further right
    plain, shifted = network(x, IDENTITY, (96, 96)), network(x, shift, (96, 96))
    assert torch.allclose(shifted[..., 30:58, 30:58], plain[..., 30:58, 38:66], atol=1e-4)
    assert not torch.allclose(shifted, plain, atol=1e-2)


def test_the_same_seed_builds_the_same_generator() -> None:
    first, again, other = (generator(seed=seed)(image(), IDENTITY, (24, 24)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


# The discriminator


STAGED = replace(SMALL, stages=2)


@pytest.mark.parametrize("stages", [2, 3])
@pytest.mark.parametrize("size", [(48, 64), (49, 67)])
def test_a_coarse_stage_samples_pixels_of_the_whole_grid(stages: int, size: tuple[int, int]) -> None:
    """What is exported takes the whole grid, whatever its stages."""
    network = generator(replace(SMALL, stages=stages, downscales=1))
    transform = Transform.from_corners([(3, 2), (60, 0), (66, 45), (0, 40)], size[::-1])
    every, small = network.coarse, image(10, 12)
    grid = torch.from_numpy(transform.grid())[None, ::every, ::every].contiguous()
    assert grid.shape[1:3] == coarse_size(size, every)
    expected = torch.tanh(network.trunk(grid_warp(network.entry(small), grid)))
    laid = network.first_stage(small, torch.from_numpy(transform.sampling_matrix())[None].float(), size)
    assert torch.allclose(laid, expected, atol=1e-4)


@pytest.mark.parametrize("size", [(48, 64), (49, 67), (17, 16)])
def test_stages_give_the_size_that_was_asked_for_and_begin_with_the_coarse_picture(size: tuple[int, int]) -> None:
    network = generator(STAGED)
    x, matrix = image(32, 40), torch.eye(3)[None]
    y = network(x, matrix, size)
    coarse = network.first_stage(shrink(x, 2), matrix, size)
    larger = nn.functional.interpolate(coarse, scale_factor=2.0, mode="bilinear")
    assert y.shape == (1, 3, *size)
    assert torch.equal(y, larger[..., : size[0], : size[1]])


def test_what_leaves_the_range_of_colours_is_cut_off() -> None:
    network = generator(STAGED)
    nn.init.constant_(network.refiners[0].exit.bias, 1.5)
    y = network(image(32, 40), torch.eye(3)[None], (32, 40))
    assert y.max() == 1


def test_the_first_pictures_of_a_small_exit_are_nearly_grey() -> None:
    plain, small = generator(SMALL), generator(replace(SMALL, exit_gain=0.1))
    assert torch.allclose(small.exit.weight, 0.1 * plain.exit.weight)


def test_more_halvings_than_the_smallest_output_has_are_refused() -> None:
    with pytest.raises(UserError, match="must be at most 4"):
        replace(SMALL, downscales=3, stages=2)
