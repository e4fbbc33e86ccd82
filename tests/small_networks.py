"""Small networks, and what they consist of."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from ingan_fast.model.convolutions import (
    ReflectConv2d,
)
from ingan_fast.model.networks import Generator
from ingan_fast.settings import SMOKE, Settings

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
