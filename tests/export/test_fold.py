"""The folded generator is the unfolded one in eval mode, made of plain convolutions."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from ingan_fast.model.convolutions import SpectralConv2d, power_iteration
from ingan_fast.model.fold import fold
from ingan_fast.model.networks import Generator
from ingan_fast.settings import PAPER, SMOKE, Settings

SHAPES = {
    "two stages": SMOKE,
    "one stage": replace(SMOKE, stages=1),
    "three downscales, skips": replace(PAPER, channels=8, blocks=2),
    "no downscale, no block": replace(SMOKE, downscales=0, blocks=0),
}
MATRIX = torch.tensor([[[0.9, 0.1, 0.05], [-0.1, 1.1, 0.0], [0.1, -0.05, 1.0]]])


def lived_in(settings: Settings) -> Generator:
    """A generator whose norms have statistics and affine parameters far from their start."""
    torch.manual_seed(0)
    generator = Generator(settings).train()
    for module in generator.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, -1.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
    with torch.no_grad():
        for _ in range(5):
            generator(torch.rand(1, 3, 32, 40) * 2 - 1, MATRIX, (40, 32))
            for parameter in generator.parameters():
                parameter.add_(0.02 * torch.randn_like(parameter))
    power_iteration(generator)
    return generator


@pytest.mark.parametrize("settings", SHAPES.values(), ids=SHAPES.keys())
def test_the_folded_generator_equals_the_unfolded_one_in_eval_mode(settings: Settings) -> None:
    generator = lived_in(settings).eval()
    x = torch.rand(1, 3, 33, 48) * 2 - 1
    with torch.no_grad():
        expected = generator(x, MATRIX, (37, 50))
        found = fold(generator)(x, MATRIX, (37, 50))
    assert expected.std() > 0.01
    assert (found - expected).abs().max() <= 1e-5


@pytest.mark.parametrize("settings", SHAPES.values(), ids=SHAPES.keys())
def test_nothing_is_left_to_normalise(settings: Settings) -> None:
    folded = fold(lived_in(settings))
    assert not [m for m in folded.modules() if isinstance(m, SpectralConv2d | nn.BatchNorm2d)]
    assert not folded.training
    assert not any(parameter.requires_grad for parameter in folded.parameters())
    assert not list(folded.buffers())


def test_folding_leaves_the_generator_as_it_was() -> None:
    generator = lived_in(SMOKE)
    before = {name: tensor.clone() for name, tensor in generator.state_dict().items()}
    fold(generator)
    assert generator.training
    assert all(parameter.requires_grad for parameter in generator.parameters())
    for name, tensor in generator.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_folding_twice_gives_the_same_weights() -> None:
    generator = lived_in(SMOKE)
    first, second = fold(generator).state_dict(), fold(generator).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
