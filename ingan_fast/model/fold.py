"""Folding: merges spectral and batch norm into the convolutions, so that only convolutions are deployed."""

import copy
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ingan_fast.model.convolutions import ReflectConv2d, SpectralConv2d
from ingan_fast.model.networks import SLOPE, ActivatedNorm, Generator, Refiner, UpBlock, to_channels_last


def fold(generator: Generator) -> Generator:
    """Return a copy of `generator` made of plain convolutions, in eval mode, equal to it up to rounding.

    For W/σ followed by batch norm with running statistics μ, v and affine parameters γ, β, the folded convolution
    has weight W/σ · γ/√(v+ε) and bias (b − μ) · γ/√(v+ε) + β.
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


class SubPixelUp(nn.Module):
    """A folded `UpBlock` as one 2×2 convolution at the lower resolution and a pixel shuffle (Shi et al., CVPR 2016).

    Each 3×3 window on a nearest-neighbour upsampled picture covers only 2×2 distinct pixels; adding up the taps that
    read the same pixel leaves four multiplications per output instead of nine. Reflection padding of the upsampled
    picture equals replication padding of the original.
    """

    def __init__(self, block: UpBlock):
        super().__init__()
        convolution = cast(ReflectConv2d, block[0])
        self.activation = block[1]
        phases = [_taps(_taps(convolution.weight, 2, row), 3, column) for row in (1, 0) for column in (1, 0)]
        weight = torch.stack(phases, dim=1).flatten(0, 1)  # [4·C', C, 2, 2]
        self.register_buffer("weight", weight.contiguous(memory_format=torch.channels_last))
        self.register_buffer("bias", cast(Tensor, convolution.bias).repeat_interleave(4))

    weight: Tensor
    bias: Tensor

    def forward(self, input: Tensor) -> Tensor:
        """[N, C, H, W] → [N, C', 2H, 2W]."""
        padded = F.pad(input, [1] * 4, mode="replicate")
        phases = self.activation(F.conv2d(padded, self.weight, self.bias))  # [N, 4·C', H + 1, W + 1]
        return F.pixel_shuffle(phases, 2)[..., 1:-1, 1:-1]


def merge_upsampling(folded: Generator) -> Generator:
    """Return a copy of a folded generator with each `UpBlock` replaced by `SubPixelUp`; equal up to rounding."""
    merged = copy.deepcopy(folded)
    merged.up = nn.ModuleList(SubPixelUp(cast(UpBlock, block)) for block in merged.up)
    for refiner in cast(list[Refiner], list(merged.refiners)):
        refiner.up = SubPixelUp(cast(UpBlock, refiner.up))  # type: ignore[assignment]
    return merged


def _taps(weight: Tensor, axis: int, phase: int) -> Tensor:
    """Reduce three taps along `axis` on an upsampled row (each pixel twice) to two taps on the original row."""
    before, at, after = weight.unbind(axis)
    return torch.stack([before + at, after] if phase else [before, at + after], dim=axis)
