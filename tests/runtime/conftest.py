"""An exported model and a run to compare with."""

from pathlib import Path

import pytest

from ingan_fast.export.run import ExportOptions, export
from ingan_fast.runtime.retargeter import Retargeter, load
from ingan_fast.training.trained import read_run
from made_once import made_once


@pytest.fixture(scope="session")
def float32(trained_run: Path) -> Retargeter:
    """The run, played in float32 by torch."""
    return load(trained_run, "cpu")


@pytest.fixture(scope="session")
def model(exported_run: Path) -> Path:
    """model.onnx of a smoke run; read-only."""
    return exported_run / "model.onnx"


@pytest.fixture(scope="session")
def fixed_model(trained_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model for one geometry, 96x40."""
    from ingan_fast import Transform

    wanted = ExportOptions(transform=Transform.resize((96, 40)))
    return made_once(tmp_path_factory, "fixed", lambda path: export(read_run(trained_run), path, wanted)) / "model.onnx"
