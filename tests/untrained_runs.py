"""Untrained runs with random weights."""

from pathlib import Path

import pytest
import torch
from torch import nn

from ingan_fast.model.convolutions import power_iteration
from ingan_fast.model.networks import Generator
from ingan_fast.pictures import Pixels
from ingan_fast.settings import Settings
from ingan_fast.training.run_folder import Config, RunFolder

# Of the two kinds in export/conftest.py, for what wraps a graph or rounds it, whatever its layers are.
LARGER_KIND = pytest.mark.parametrize("kind", ["two stages"], indirect=True, scope="session")


def lived_in(settings: Settings) -> Generator:
    """A generator whose norms have non-trivial statistics and affine parameters."""
    torch.manual_seed(0)
    generator = Generator(settings).eval()
    for module in generator.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.6, 1.2)
            nn.init.uniform_(module.bias, -0.2, 0.2)
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.7, 1.2)
    for last in (generator.exit, *(refiner.exit for refiner in generator.refiners)):
        nn.init.normal_(last.weight, std=0.01)
    nn.init.uniform_(generator.exit.bias, -0.1, 0.1)
    power_iteration(generator, 3)
    return generator


def write_run(path: Path, settings: Settings, picture: Pixels, stretches: bool = False) -> Path:
    """A run folder of an untrained generator, which may be said to stretch large things."""
    folder = RunFolder(path)
    path.mkdir(parents=True)
    folder.write_config(Config.new(settings, "smoke", None, 0, {"dots": picture}, "cpu"), [picture])
    folder.write_generator(lived_in(settings), settings, 0, stretches)
    return path
