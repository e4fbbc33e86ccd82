"""The networks against small cases worked out by hand, and the paper's structure."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from ingan_fast.errors import UserError
from ingan_fast.geometry import Transform
from ingan_fast.kernels import grid_warp
from ingan_fast.model.convolutions import (
    ReflectConv2d,
    ScoreConv2d,
    SpectralConv2d,
    _stacked,
    power_iteration,
    shared_weights,
)
from ingan_fast.model.discriminator import Discriminator, MultiScaleDiscriminator
from ingan_fast.model.networks import Generator, ResidualBlock, coarse_size, shrink
from ingan_fast.model.state import flatten
from ingan_fast.settings import PAPER, SMOKE, Settings

SMALL = replace(SMOKE, channels=4, stages=1, d_channels=4, exit_gain=1.0)


def generator(settings: Settings = SMALL, seed: int = 0) -> Generator:
    torch.manual_seed(seed)
    return Generator(settings).eval().requires_grad_(False)


def image(height: int = 24, width: int = 24, seed: int = 1) -> Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def convolutions(network: nn.Module) -> list[ReflectConv2d]:
    return [module for module in network.modules() if isinstance(module, ReflectConv2d)]


def structure(network: nn.Module) -> list[tuple[int, int, int]]:
    """(in, out, kernel) of each convolution, in order."""
    return [(conv.in_channels, conv.out_channels, conv.kernel_size[0]) for conv in convolutions(network)]


IDENTITY = torch.eye(3)[None]


# Spectral normalisation


def test_a_spectral_weight_has_largest_singular_value_one() -> None:
    torch.manual_seed(0)
    conv = SpectralConv2d(5, 7, 3)
    power_iteration(conv, steps=300)
    assert torch.linalg.svdvals(conv.normalised_weight().flatten(1))[0].item() == pytest.approx(1, abs=1e-4)
    assert torch.linalg.svdvals(conv.weight.flatten(1))[0].item() != pytest.approx(1, abs=0.05)


def test_a_diagonal_spectral_convolution_divides_by_its_largest_entry() -> None:
    conv = SpectralConv2d(2, 2, 1)
    with torch.no_grad():
        conv.weight.copy_(torch.tensor([[4.0, 0.0], [0.0, 1.0]])[..., None, None])
        assert conv.bias is not None
        conv.bias.copy_(torch.tensor([0.5, -0.5]))
    power_iteration(conv, steps=50)
    result = conv(torch.full((1, 2, 1, 1), 2.0)).flatten().tolist()
    assert result == pytest.approx([2.5, 0.0], abs=1e-6)


def test_a_forward_pass_leaves_the_power_iteration_where_it_is() -> None:
    conv = SpectralConv2d(3, 4, 3).train()
    before = conv.u.clone(), conv.v.clone()
    conv(image())
    assert torch.equal(conv.u, before[0])
    assert torch.equal(conv.v, before[1])


def test_one_call_iterates_every_spectral_convolution_of_a_network() -> None:
    network = generator()
    spectral = [conv for conv in convolutions(network) if isinstance(conv, SpectralConv2d)]
    for conv in spectral:
        conv.u.fill_(1.0)
    power_iteration(network)
    for conv in spectral:
        assert conv.u.norm().item() == pytest.approx(1, abs=1e-5)
        expected = conv.weight.flatten(1) @ conv.v
        assert torch.allclose(conv.u, expected / expected.norm(), atol=1e-6)


def test_gradients_flow_through_the_norm() -> None:
    """W/σ does not change with the length of W, so the gradient has no part along W."""
    torch.manual_seed(0)
    conv = SpectralConv2d(3, 4, 3)
    power_iteration(conv, steps=200)
    conv(image()).square().sum().backward()
    assert conv.weight.grad is not None
    along = (conv.weight.grad * conv.weight).sum() / conv.weight.norm()
    assert along.abs() < 1e-3 * conv.weight.grad.norm()


def test_shared_weights_change_neither_results_nor_gradients() -> None:
    torch.manual_seed(0)
    conv = SpectralConv2d(3, 4, 3)
    power_iteration(conv, steps=3)
    first, second = image(), image() / 2
    apart = conv(first).square().sum() + conv(second).sum()
    apart.backward()
    assert conv.weight.grad is not None
    gradient, conv.weight.grad = conv.weight.grad.clone(), None
    with shared_weights(conv):
        together = conv(first).square().sum() + conv(second).sum()
    together.backward()
    assert together.item() == pytest.approx(apart.item(), rel=1e-5)
    assert torch.allclose(conv.weight.grad, gradient, atol=1e-4 * gradient.abs().max().item())
    assert conv.shared is None


def test_the_written_out_gradient_of_the_norm_is_autograd_s() -> None:
    torch.manual_seed(0)
    conv = SpectralConv2d(3, 4, 3).double()  # not converged: u and v are any unit vectors
    (numerical,) = torch.autograd.grad(
        (conv.normalised_weight() * torch.arange(108.0).view(4, 3, 3, 3)).sum(), conv.weight
    )
    with shared_weights(conv):
        assert conv.shared is not None
        (written_out,) = torch.autograd.grad((conv.shared * torch.arange(108.0).view(4, 3, 3, 3)).sum(), conv.weight)
    assert torch.allclose(written_out, numerical, rtol=1e-12)


def test_scales_that_are_left_out_have_no_gradient_and_change_none_of_the_others() -> None:
    """Weights of one shape are normalised together."""
    torch.manual_seed(0)
    apart = nn.ModuleList(SpectralConv2d(3, 4, 3) for _ in range(4))
    power_iteration(apart, steps=2)
    wanted = [torch.autograd.grad(apart[index](image()).square().sum(), apart[index].weight)[0] for index in (0, 2)]
    for flat in (False, True):
        if flat:
            flatten(apart)
        with shared_weights(apart):
            loss = apart[0](image()).square().sum() + apart[2](image()).square().sum()
        weights = [conv.weight for conv in apart]
        found = torch.autograd.grad(loss, weights, allow_unused=True)
        assert found[1] is None
        assert found[3] is None
        for each, other in zip((found[0], found[2]), wanted, strict=True):
            assert each is not None
            assert torch.allclose(each, other, atol=1e-5 * other.abs().max().item())


def test_weights_of_one_shape_are_iterated_together_as_each_by_itself() -> None:
    torch.manual_seed(0)
    network = nn.ModuleList([SpectralConv2d(3, 4, 3), SpectralConv2d(5, 4, 1), SpectralConv2d(3, 4, 3)])
    flatten(network)
    expected = []
    for conv in network:
        matrix, u = conv.weight.detach().flatten(1), conv.u
        for _ in range(3):
            v = nn.functional.normalize(matrix.mT @ u, dim=0)
            u = nn.functional.normalize(matrix @ v, dim=0)
        expected.append((u, v))
    power_iteration(network, steps=3)
    for conv, (u, v) in zip(network, expected, strict=True):
        assert torch.allclose(conv.u, u, atol=1e-6)
        assert torch.allclose(conv.v, v, atol=1e-6)


def test_equal_weights_of_a_training_are_one_piece_of_memory() -> None:
    """Nothing is copied to work at them all at once."""
    discriminator = MultiScaleDiscriminator(replace(SMALL, scales=3))
    vector = flatten(discriminator)
    weights = [net.body[2].weight for net in discriminator.nets]
    stacked = _stacked(weights)
    assert torch.equal(stacked, torch.stack(weights))
    assert stacked.untyped_storage().data_ptr() == vector.untyped_storage().data_ptr()
    uneven = _stacked([weights[0], weights[2], weights[1]])
    assert torch.equal(uneven, torch.stack([weights[0], weights[2], weights[1]]))
    last = [weight.contiguous(memory_format=torch.channels_last) for weight in weights]
    assert torch.equal(_stacked(last), torch.stack(weights))


class Operations(TorchDispatchMode):
    """Counts what torch is asked to do."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += not func.is_view
        return func(*args, **(kwargs or {}))


def operations(scales: int) -> int:
    discriminator = MultiScaleDiscriminator(replace(SMALL, scales=scales))
    flatten(discriminator)
    spectral = [module for module in discriminator.modules() if isinstance(module, SpectralConv2d)]
    with Operations() as counted:
        power_iteration(discriminator)
        with shared_weights(discriminator):
            shared = [conv.shared for conv in spectral if conv.shared is not None]
        torch.autograd.grad(shared, [conv.weight for conv in spectral], [weight.detach() for weight in shared])
    return counted.count


def test_more_scales_are_no_more_operations_of_the_norm() -> None:
    """But for the one copy of each scale's last weight."""
    assert operations(5) - operations(2) <= 3


def test_every_weight_is_channels_last_within_shared_weights() -> None:
    networks = generator(), MultiScaleDiscriminator(SMALL)
    every = [conv for network in networks for conv in convolutions(network)]
    with torch.autocast("cpu", torch.bfloat16), shared_weights(*networks):
        for conv in every:
            assert conv.shared is not None
            assert conv.shared.dtype == torch.bfloat16
            assert conv.shared.is_contiguous(memory_format=torch.channels_last)
    assert all(conv.shared is None for conv in every)
    exit_weight = networks[0].exit.weight.requires_grad_()
    with shared_weights(networks[0]):
        within = torch.autograd.grad(networks[0].exit(torch.ones(1, 4, 8, 8)).square().sum(), exit_weight)[0]
    without = torch.autograd.grad(networks[0].exit(torch.ones(1, 4, 8, 8)).square().sum(), exit_weight)[0]
    assert torch.allclose(within, without, rtol=1e-5)


# The generator


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


STAGED = replace(SMALL, stages=2)


@pytest.mark.parametrize("stages", [2, 3])
@pytest.mark.parametrize("size", [(48, 64), (49, 67)])
def test_a_coarse_stage_samples_pixels_of_the_whole_grid(stages: int, size: tuple[int, int]) -> None:
    """What is exported takes the whole grid, whatever its stages."""
    network = generator(replace(SMALL, stages=stages))
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


def test_each_stage_has_discriminators_of_its_own_the_first_one_s_at_half_size() -> None:
    network = MultiScaleDiscriminator(replace(STAGED, scales=3))
    assert seen_sizes(network, image(96, 200)) == [(48, 100), (34, 71), (24, 50), (96, 200), (68, 141)]
    fine = network.of_stage(1, image(96, 200))
    assert [scores.shape for scores in fine] == [scores.shape for scores in network(image(96, 200))[3:]]


def test_the_first_pictures_of_a_small_exit_are_nearly_grey() -> None:
    plain, small = generator(SMALL), generator(replace(SMALL, exit_gain=0.1))
    assert torch.allclose(small.exit.weight, 0.1 * plain.exit.weight)


def test_more_halvings_than_tiles_start_at_are_refused() -> None:
    with pytest.raises(UserError, match="must be at most 5"):
        replace(SMALL, downscales=3, stages=3)
