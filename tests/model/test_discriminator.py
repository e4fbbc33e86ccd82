"""The discriminators: their convolutions, their scales, one for each stage."""

import math
from dataclasses import replace

import torch
from torch import Tensor

from ingan_fast.model.convolutions import (
    ScoreConv2d,
)
from ingan_fast.model.discriminator import Discriminator, MultiScaleDiscriminator
from ingan_fast.settings import PAPER
from small_networks import SMALL, convolutions, image, structure

STAGED = replace(SMALL, stages=2)


def test_a_discriminator_has_four_convolutions_of_which_the_second_is_strided() -> None:
    network = Discriminator(PAPER.d_channels)
    c = PAPER.d_channels
    assert structure(network)[:3] == [(3, c, 3), (c, 2 * c, 3), (2 * c, 4 * c, 3)]
    assert structure(network)[3][:2] == (4 * c, 1)
    assert [conv.stride[0] for conv in convolutions(network)] == [1, 2, 1, 1]


def test_a_convolution_to_scores_is_an_ordinary_convolution() -> None:
    score = ScoreConv2d(6, 3).double()
    features = torch.randn(2, 6, 9, 11, dtype=torch.float64, requires_grad=True)
    plain = torch.nn.functional.conv2d(features, score.weight, score.bias)
    torch.testing.assert_close(score(features), plain)
    inputs = (features, score.weight, score.bias)
    coefficients = torch.randn_like(plain)
    gradients = torch.autograd.grad((score(features) * coefficients).sum(), inputs)
    torch.testing.assert_close(gradients, torch.autograd.grad((plain * coefficients).sum(), inputs))
    assert set(score.state_dict()) == {"weight", "bias"}


def test_one_pixel_reaches_the_map_within_a_small_patch_only() -> None:
    torch.manual_seed(0)
    network = Discriminator(4).requires_grad_(False)
    one, other = image(41, 41), image(41, 41)
    other[..., 20, 20] = 1 - other[..., 20, 20]
    difference = (network(one) - network(other))[0, 0]
    rows, columns = difference.nonzero(as_tuple=True)
    assert 1 <= len(rows.unique()) <= 7  # 13 px at stride 2
    assert 1 <= len(columns.unique()) <= 7


def seen_sizes(network: MultiScaleDiscriminator, x: Tensor) -> list[tuple[int, int]]:
    sizes: list[tuple[int, int]] = []
    for net in network.nets:
        net.register_forward_pre_hook(lambda _, inputs: sizes.append(tuple(inputs[0].shape[-2:])))
    maps = network(x)
    assert len(maps) == len(sizes)
    return sizes


def test_the_scales_shrink_by_the_square_root_of_two() -> None:
    sizes = seen_sizes(MultiScaleDiscriminator(replace(SMALL, scales=5)), image(96, 200))
    assert sizes == [(round(96 / math.sqrt(2) ** i), round(200 / math.sqrt(2) ** i)) for i in range(5)]


def test_scales_too_small_for_a_map_are_left_out_but_never_the_finest() -> None:
    network = MultiScaleDiscriminator(replace(SMALL, scales=5))
    assert 1 <= len(network(image(16, 90))) < 5
    for maps in (network(image(16, 90)), network(image(16, 16))):
        assert all(m.numel() > 0 and m.isfinite().all() for m in maps)


def test_the_scales_share_no_weights() -> None:
    torch.manual_seed(0)
    network = MultiScaleDiscriminator(replace(SMALL, scales=3))
    weights = [net.body[0].weight for net in network.nets]
    assert not torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[1], weights[2])


def test_a_single_scale_discriminator_sees_the_whole_resolution_alone() -> None:
    network = MultiScaleDiscriminator(replace(SMALL, scales=1))
    assert seen_sizes(network, image(48, 48)) == [(48, 48)]


def test_each_stage_has_discriminators_of_its_own_the_first_one_s_at_half_size() -> None:
    network = MultiScaleDiscriminator(replace(STAGED, scales=3))
    assert seen_sizes(network, image(96, 200)) == [(48, 100), (34, 71), (24, 50), (96, 200), (68, 141)]
    fine = network.of_stage(1, image(96, 200))
    assert [scores.shape for scores in fine] == [scores.shape for scores in network(image(96, 200))[3:]]
