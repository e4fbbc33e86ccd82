"""Runs to export, one per kind of generator, with random weights."""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from untrained_runs import write_run

from ingan_fast.export.check import Check
from ingan_fast.export.run import ExportedFile, ExportOptions, export
from ingan_fast.pictures import Pixels
from ingan_fast.settings import PAPER, SMOKE
from ingan_fast.training.trained import TrainedRun, read_run
from made_once import made_once
from small_engines import write_plain

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


Exports = Callable[..., ExportedFile]


@pytest.fixture(scope="session")
def exports(trained: TrainedRun, kind: str, tmp_path_factory: pytest.TempPathFactory) -> Exports:
    """Exports the run with options of `ExportOptions`, each once; the model's folder is read-only."""

    def exported(**options: Any) -> ExportedFile:
        wanted = ExportOptions(**options)

        def make(path: Path) -> None:
            found = export(trained, path / "model", wanted).check
            (path / "check").write_bytes(json.dumps(asdict(found)).encode())

        about = hashlib.sha256(f"{kind} {wanted}".encode()).hexdigest()[:12]
        path = made_once(tmp_path_factory, f"export_{about}", make)
        return ExportedFile(path / "model" / "model.onnx", Check(**json.loads((path / "check").read_bytes())))

    return exported


@pytest.fixture(scope="session")
def exported(exports: Exports) -> ExportedFile:
    """model.onnx per kind, float32 and dynamic."""
    return exports()


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of engines for this test alone."""
    monkeypatch.setenv("INGAN_FAST_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an ONNX file that is built in no time; read-only."""
    folder = tmp_path_factory.mktemp("plain")
    write_plain(folder)
    return folder


@pytest.fixture
def simple(plain: Path, tmp_path: Path) -> Path:
    """A copy of the ONNX file that is built in no time."""
    return Path(shutil.copytree(plain, tmp_path / "simple")) / "model.onnx"
