"""Reflection padding as torch operators: own kernels on CUDA, torch's padding elsewhere."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ingan_fast.kernels import ops
from ingan_fast.kernels.reference import is_channels_last


def reflect_pad(features: Tensor, border: int) -> Tensor:
    """`features` [N, C, H, W] with `border` px reflected on each side: [N, C, H + 2·border, W + 2·border].

    Keeps the dtype and layout. Equal to `F.pad(mode="reflect")`, whose gradient on CUDA is not deterministic.
    Exporters always get `F.pad`.
    """
    if features.is_cuda and is_channels_last(features) and ops._takes_the_operator(features):
        padded: Tensor = reflect_pad_op(features, border)
        return padded
    # Autocast on a CPU would pad in float32 and cast twice.
    with torch.autocast(features.device.type, enabled=False):
        return _plain(features, border)


@torch.library.custom_op("ingan_fast::reflect_pad", mutates_args=())
def reflect_pad_op(features: Tensor, border: int) -> Tensor:
    """The result is channels_last."""
    return _last(_plain(features, border))


@reflect_pad_op.register_kernel("cuda")
def pad_on_cuda(features: Tensor, border: int) -> Tensor:
    if border >= min(features.shape[2:]):
        return _plain(features, border)  # raises torch's error about the border
    return ops._run(
        features,
        lambda kernels: kernels.reflect_pad(features, border),
        lambda: _last(_plain(features, border)),
        channels_last=True,
    )


@reflect_pad_op.register_fake
def _(features: Tensor, border: int) -> Tensor:
    return _empty(features, 2 * border)


@torch.library.custom_op("ingan_fast::reflect_pad_backward", mutates_args=())
def reflect_pad_backward_op(gradient: Tensor, border: int) -> Tensor:
    """Gradient of the padded map → gradient of the features, channels_last."""
    return _plain_gradient(gradient, border)


@reflect_pad_backward_op.register_kernel("cuda")
def gather_on_cuda(gradient: Tensor, border: int) -> Tensor:
    return ops._run(
        gradient,
        lambda kernels: kernels.reflect_pad_gather(gradient, border),
        lambda: _plain_gradient(gradient, border),
        channels_last=True,
    )


@reflect_pad_backward_op.register_fake
def _(gradient: Tensor, border: int) -> Tensor:
    return _empty(gradient, -2 * border)


def _keep_border(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    _, ctx.border = inputs


def _backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
    return reflect_pad_backward_op(gradient, ctx.border), None


reflect_pad_op.register_autograd(_backward, setup_context=_keep_border)


def _plain(features: Tensor, border: int) -> Tensor:
    return F.pad(features, [border] * 4, mode="reflect")


def _plain_gradient(gradient: Tensor, border: int) -> Tensor:
    like = _empty(gradient, -2 * border)
    return _last(torch.ops.aten.reflection_pad2d_backward(gradient, like, [border] * 4))


def _last(tensor: Tensor) -> Tensor:
    return tensor.contiguous(memory_format=torch.channels_last)


def _empty(like: Tensor, more: int) -> Tensor:
    """An empty tensor like `like`, with `more` px added to both sides; channels_last."""
    shape = (*like.shape[:2], like.shape[2] + more, like.shape[3] + more)
    return torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=torch.channels_last)
