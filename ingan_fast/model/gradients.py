"""Gradients of one step's losses, which may be computed apart, and in several threads.

Within `shared_weights`, passes use weights that are normalised and cast once. Each loss is differentiated with respect
to those; the sum of its gradients goes through the normalisation once.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ingan_fast.model.convolutions import ReflectConv2d

Gradients = Sequence[Tensor | None]  # in the order of `network.parameters()`; None: the loss does not use it


class _Given(torch.autograd.Function):
    """A number whose gradients with respect to tensors are given; autograd's own `grad_outputs` import SymPy."""

    @staticmethod
    def forward(ctx: Any, gradients: Sequence[Tensor], *tensors: Tensor) -> Tensor:
        ctx.gradients = gradients
        return tensors[0].new_zeros(())

    @staticmethod
    def backward(ctx: Any, _: Tensor) -> tuple[Tensor | None, ...]:
        return (None, *ctx.gradients)


def partial_gradients(network: nn.Module, loss: Tensor, scale: float) -> Gradients:
    """∂(scale · loss)/∂(weights as passes use them, other parameters); the graph stays for other losses.

    Args:
        scale: loss scale, a power of two (`precision.LOSS_SCALE`).
    """
    return torch.autograd.grad(loss * scale, _as_used(network), retain_graph=True, allow_unused=True)


def partial_gradients_and_input(
    network: nn.Module, loss: Tensor, scale: float, input: Tensor
) -> tuple[Gradients, Tensor | None]:
    """`partial_gradients`, and ∂(scale · loss)/∂input; None if `input` needs no gradient."""
    inputs = [input] if input.requires_grad else []
    found = torch.autograd.grad(loss * scale, [*_as_used(network), *inputs], allow_unused=True)
    return (found[:-1], found[-1]) if inputs else (found, None)


def gradients_through(network: nn.Module, output: Tensor, of_output: Tensor) -> Gradients:
    """Like `partial_gradients`, for a loss whose gradient with respect to an output of the network is given."""
    start = _Given.apply([of_output], output)
    return torch.autograd.grad(start, _as_used(network), retain_graph=True, allow_unused=True)


def gradient(network: nn.Module, parts: Sequence[Gradients], scale: float) -> Tensor:
    """∂loss/∂parameters as one vector in the order of `state.flatten`, from `partial_gradients` of a loss's terms."""
    parameters, used = list(network.parameters()), _as_used(network)
    sums = [_sum([one for one in of_one if one is not None]) for of_one in zip(*parts, strict=True)]
    prepared = [index for index, total in enumerate(sums) if total is not None and used[index] is not parameters[index]]
    start = _Given.apply([sums[index] for index in prepared], *(used[index] for index in prepared))
    through = torch.autograd.grad(start, [parameters[index] for index in prepared])
    for index, one in zip(prepared, through, strict=True):
        sums[index] = one
    whole = [
        torch.zeros_like(parameter) if total is None else total
        for parameter, total in zip(parameters, sums, strict=True)
    ]
    return torch.cat([in_memory_order(one) for one in whole]).div_(scale)


def in_memory_order(parameter: Tensor) -> Tensor:
    """A vector of its values, for a convolution's weight in channels_last: what convolutions take and give."""
    return (parameter.permute(0, 2, 3, 1) if parameter.dim() == 4 else parameter).flatten()


def _as_used(network: nn.Module) -> list[Tensor]:
    """The parameters of `network`, with the prepared weights of its convolutions instead of their own."""
    return [
        module.shared if isinstance(module, ReflectConv2d) and module.shared is not None and name == "weight" else value
        for module in network.modules()
        for name, value in module.named_parameters(recurse=False)
    ]


def _sum(parts: list[Tensor]) -> Tensor | None:
    """Added up in order; None if there are none."""
    if not parts:
        return None
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total
