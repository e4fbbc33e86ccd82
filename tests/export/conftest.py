"""Runs to export, one per kind of generator, with random weights."""

from dataclasses import replace
from pathlib import Path

import pytest
from untrained_runs import write_run

from ingan_fast.export.run import ExportedFile, ExportOptions, export
from ingan_fast.pictures import Pixels
from ingan_fast.settings import PAPER, SMOKE
from ingan_fast.training.trained import TrainedRun, read_run

KINDS = {
    "paper": replace(PAPER, channels=8, blocks=1),
    "two stages": SMOKE,
}


@pytest.fixture(scope="session", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def some_run(kind: str, picture: Pixels, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder per kind; read-only."""
    return write_run(tmp_path_factory.mktemp("runs") / kind.replace(" ", "_"), KINDS[kind], picture)


@pytest.fixture(scope="session")
def trained(some_run: Path) -> TrainedRun:
    return read_run(some_run)


@pytest.fixture(scope="session")
def exported(trained: TrainedRun, tmp_path_factory: pytest.TempPathFactory) -> ExportedFile:
    """model.onnx per kind, float32 and dynamic; read-only."""
    return export(trained, tmp_path_factory.mktemp("exported"), ExportOptions())
