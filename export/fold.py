"""Folding: spectral and batch norm become part of the convolutions, so that only convolutions are deployed."""

import copy

import torch
from torch import nn

from ingan_fast.convolutions import ReflectConv2d, SpectralConv2d
from ingan_fast.networks import SLOPE, ActivatedNorm, Generator, to_channels_last


def fold(generator: Generator) -> Generator:
    """A copy of `generator` made of plain convolutions, equal to it in eval mode up to rounding.

    For W/σ followed by batch norm with running statistics μ, v and affine γ, β the folded convolution has
    weight W/σ · γ/√(v+ε) and bias (b − μ) · γ/√(v+ε) + β. The copy is in eval mode.
    """
    folded = copy.deepcopy(generator).eval().requires_grad_(False)
    for parent in list(folded.modules()):
        if isinstance(parent, nn.Sequential):
            _fold_children(parent)
    return folded


def _fold_children(sequence: nn.Sequential) -> None:
    children = list(sequence)
    for index, child in enumerate(children):
        if isinstance(child, SpectralConv2d):
            norm = children[index + 1]
            assert isinstance(norm, nn.BatchNorm2d)
            sequence[index] = _folded_convolution(child, norm)
            sequence[index + 1] = nn.LeakyReLU(SLOPE) if isinstance(norm, ActivatedNorm) else nn.Identity()


@torch.no_grad()
def _folded_convolution(convolution: SpectralConv2d, norm: nn.BatchNorm2d) -> ReflectConv2d:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert convolution.bias is not None
    factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    plain = ReflectConv2d(
        convolution.in_channels, convolution.out_channels, convolution.kernel_size[0], padding=convolution.border
    ).to(convolution.weight.device)
    plain.requires_grad_(False)
    plain.weight.copy_(convolution.normalised_weight() * factor[:, None, None, None])
    plain.bias.copy_((convolution.bias - norm.running_mean) * factor + norm.bias)  # type: ignore[union-attr]
    return to_channels_last(plain)
