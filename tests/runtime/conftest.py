"""An exported model and a run to compare with."""

from pathlib import Path

import pytest

from ingan_fast.export.run import ExportOptions, export
from ingan_fast.training.trained import TrainedGenerator, load


@pytest.fixture(scope="session")
def generator_of_run(trained_run: Path) -> TrainedGenerator:
    return load(trained_run, "cpu")


@pytest.fixture(scope="session")
def model(generator_of_run: TrainedGenerator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """model.onnx of a smoke run; read-only."""
    return export(generator_of_run, tmp_path_factory.mktemp("model"), ExportOptions()).path


@pytest.fixture(scope="session")
def fixed_model(generator_of_run: TrainedGenerator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model for one geometry, 96x40."""
    from ingan_fast import Transform

    wanted = ExportOptions(transform=Transform.resize((96, 40)))
    return export(generator_of_run, tmp_path_factory.mktemp("fixed"), wanted).path
