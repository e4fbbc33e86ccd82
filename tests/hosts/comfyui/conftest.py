"""A stand-in for ComfyUI with the pack in it, and pictures as ComfyUI holds them."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

import comfyui_host
from comfyui_host import Host
from ingan_fast.pictures import Pixels


@pytest.fixture
def comfyui(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return comfyui_host.start(tmp_path, monkeypatch)


@pytest.fixture
def image(picture: Pixels) -> Tensor:
    """The picture of the tests as an IMAGE: [1, 56, 64, 3]."""
    return torch.from_numpy(picture).float()[None] / 255
