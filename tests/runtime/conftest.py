"""An exported model and a run to compare with."""

from pathlib import Path

import pytest

from ingan_fast.export.run import ExportOptions, export
from ingan_fast.runtime.retargeter import Retargeter, load
from ingan_fast.training.trained import read_run


@pytest.fixture(scope="session")
def float32(trained_run: Path) -> Retargeter:
    """The run, played in float32 by torch."""
    return load(trained_run, "cpu")


@pytest.fixture(scope="session")
def model(trained_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """model.onnx of a smoke run; read-only."""
    return export(read_run(trained_run), tmp_path_factory.mktemp("model"), ExportOptions()).path


@pytest.fixture(scope="session")
def fixed_model(trained_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model for one geometry, 96x40."""
    from ingan_fast import Transform

    wanted = ExportOptions(transform=Transform.resize((96, 40)))
    return export(read_run(trained_run), tmp_path_factory.mktemp("fixed"), wanted).path
