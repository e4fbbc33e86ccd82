"""Inputs for the examples."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ingan_fast.model.networks import Generator
from ingan_fast.pictures import Pixels
from ingan_fast.settings import PAPER
from ingan_fast.training.run_folder import Config, RunFolder
from video_clips import Recipe, make_clip


@pytest.fixture(scope="session")
def model(exported_run: Path) -> Path:
    """The folder of an exported model; read-only."""
    return exported_run


@pytest.fixture(scope="session")
def picture_ppm(picture: Pixels, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "dots.ppm"
    height, width = picture.shape[:2]
    path.write_bytes(f"P6\n{width} {height}\n255\n".encode() + picture.tobytes())
    return path


@pytest.fixture(scope="session")
def clip(picture: Pixels, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five frames of the picture with increasing brightness, and a tone."""
    frames = [(picture * (0.6 + 0.1 * index)).astype("uint8") for index in range(5)]
    return make_clip(tmp_path_factory.mktemp("clips") / "dots.mp4", frames, Recipe(audio="aac"))


@pytest.fixture(scope="session")
def paper_run(picture: Pixels, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder of the paper's generator, small and untrained."""
    settings = replace(PAPER, channels=8, blocks=0, downscales=1)
    folder = RunFolder(tmp_path_factory.mktemp("paper"))
    folder.write_config(Config.new(settings, "smoke", None, 0, {"dots": picture}, "cpu"), [picture])
    torch.manual_seed(0)
    folder.write_generator(Generator(settings).eval(), settings, 0)
    return folder.path
