"""Models with random weights, made once."""

from pathlib import Path

import pytest
from bench_models import smoke_models

from ingan_fast.bench.models import contenders
from ingan_fast.pictures import Pixels


@pytest.fixture(scope="session")
def models(picture: Pixels, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A smoke model by backend, next to its run; read-only."""
    folder = smoke_models(tmp_path_factory, picture)
    return {name: folder / ("run" if name == "torch" else "model/model.onnx") for name in contenders()}
