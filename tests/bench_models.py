"""The models of benchmarks of the preset smoke, made once for all of their tests."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from ingan_fast.bench import retarget
from ingan_fast.bench.models import write_models
from ingan_fast.pictures import Pixels
from made_once import made_once


def smoke_models(factory: pytest.TempPathFactory, picture: Pixels) -> Path:
    """What `write_models` writes: the folders run, of random weights, and model; read-only."""
    return made_once(factory, "models", lambda path: write_models(path, "smoke", picture))


def export_once(patch: pytest.MonkeyPatch, factory: pytest.TempPathFactory, picture: Pixels) -> None:
    """`bench retarget` of the preset smoke and `picture` exports nothing: weights are the same for each run of it."""
    made = smoke_models(factory, picture) / "model"

    def export(run: object, folder: Path, wanted: object) -> SimpleNamespace:
        return SimpleNamespace(path=Path(shutil.copytree(made, folder)) / "model.onnx")

    patch.setattr(retarget, "export", export)
