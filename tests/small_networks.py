"""Small networks, and what they consist of."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from ingan_fast.model.convolutions import (
    ReflectConv2d,
)
from ingan_fast.model.fold import fold
from ingan_fast.model.networks import Generator, to_channels_last
from ingan_fast.settings import SMOKE, Settings

SMALL = replace(SMOKE, channels=4, stages=1, d_channels=4, exit_gain=1.0)


def generator(settings: Settings = SMALL, seed: int = 0) -> Generator:
    torch.manual_seed(seed)
    return Generator(settings).eval().requires_grad_(False)


def folded(settings: Settings) -> Generator:
    """A folded generator with statistics, biases and refiners' weights far from their start."""
    torch.manual_seed(0)
    generator = Generator(settings)
    for module in generator.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.3, 0.3)
            nn.init.uniform_(module.running_var, 0.3, 2.0)
    for last in (generator.exit, *(refiner.exit for refiner in generator.refiners)):
        nn.init.normal_(last.weight, std=0.05)
        nn.init.uniform_(last.bias, -0.2, 0.2)
    return to_channels_last(fold(generator))


def image(height: int = 24, width: int = 24, seed: int = 1) -> Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def convolutions(network: nn.Module) -> list[ReflectConv2d]:
    return [module for module in network.modules() if isinstance(module, ReflectConv2d)]


def structure(network: nn.Module) -> list[tuple[int, int, int]]:
    """(in, out, kernel) of each convolution, in order."""
    return [(conv.in_channels, conv.out_channels, conv.kernel_size[0]) for conv in convolutions(network)]
