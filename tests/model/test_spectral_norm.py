"""The spectral norm of the convolutions: of one, of all of a network at once, its gradient, its layout."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from ingan_fast.model.convolutions import (
    SpectralConv2d,
    _stacked,
    as_matrix,
    power_iteration,
    shared_weights,
)
from ingan_fast.model.discriminator import MultiScaleDiscriminator
from ingan_fast.model.state import flatten
from small_networks import SMALL, convolutions, generator, image

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
        expected = as_matrix(conv.weight) @ conv.v
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
        matrix, u = as_matrix(conv.weight.detach()), conv.u
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
