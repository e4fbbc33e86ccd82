"""Convolution as an operation that compilers leave whole.

Inductor (torch 2.13) specialises whatever passes back through a convolution to its sizes: a training, whose pictures
have dozens, would be compiled dozens of times. As an operation of its own it runs in the framework's library as ever,
and what is between convolutions is compiled once for all sizes.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

Gradients = tuple[Tensor, Tensor, Tensor]


@torch.library.custom_op("ingan_fast::convolve", mutates_args=())
def convolve(input: Tensor, weight: Tensor, bias: Tensor, stride: int) -> Tensor:
    """`conv2d` without padding: [N, C, H, W], [C', C, k, k], [C'] of one dtype → [N, C', h, w], channels_last."""
    return F.conv2d(input, weight, bias, stride).contiguous(memory_format=torch.channels_last)


@convolve.register_fake
def _(input: Tensor, weight: Tensor, bias: Tensor, stride: int) -> Tensor:
    height, width = ((input.shape[dim] - weight.shape[dim]) // stride + 1 for dim in (2, 3))
    made = input.new_empty((input.shape[0], weight.shape[0], height, width))
    return made.to(memory_format=torch.channels_last)


@torch.library.custom_op("ingan_fast::convolve_backward", mutates_args=())
def convolve_backward(
    gradient: Tensor, input: Tensor, weight: Tensor, stride: int, of_input: bool, of_weight: bool
) -> Gradients:
    """Gradients in input, weight and bias; what isn't asked for is empty."""
    gradients = torch.ops.aten.convolution_backward(
        gradient.contiguous(memory_format=torch.channels_last), input, weight, [weight.shape[0]],
        [stride] * 2, [0] * 2, [1] * 2, False, [0] * 2, 1, [of_input, of_weight, of_weight],
    )  # fmt: skip
    likes = (input, weight, None)
    return tuple(_laid_out(g, like, gradient) for g, like in zip(gradients, likes, strict=True))  # type: ignore[return-value]


@convolve_backward.register_fake
def _(gradient: Tensor, input: Tensor, weight: Tensor, stride: int, of_input: bool, of_weight: bool) -> Gradients:
    empty = gradient.new_empty(0)
    return (
        torch.empty_like(input, memory_format=torch.channels_last) if of_input else empty,
        torch.empty_like(weight, memory_format=torch.channels_last) if of_weight else gradient.new_empty(0),
        gradient.new_empty(weight.shape[0]) if of_weight else gradient.new_empty(0),
    )


def _laid_out(gradient: Tensor | None, like: Tensor | None, given: Tensor) -> Tensor:
    if gradient is None:
        return given.new_empty(0)
    return gradient if like is None else gradient.contiguous(memory_format=torch.channels_last)


def _setup(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    input, weight, _, ctx.stride = inputs
    ctx.save_for_backward(input, weight)


def _backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
    input, weight = ctx.saved_tensors
    of_input, of_weight = ctx.needs_input_grad[:2]
    gradients = convolve_backward(gradient, input, weight, ctx.stride, of_input, of_weight)
    of = (of_input, of_weight, of_weight)
    of_input_, of_weight_, of_bias = (g if wanted else None for g, wanted in zip(gradients, of, strict=True))
    return of_input_, of_weight_, of_bias, None


convolve.register_autograd(_backward, setup_context=_setup)
