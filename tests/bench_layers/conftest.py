"""Models with random weights, made once."""

from pathlib import Path

import pytest

from ingan_fast.bench.models import write_models
from ingan_fast.pictures import Pixels


@pytest.fixture(scope="session")
def models(picture: Pixels, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A smoke model by backend, next to its run; read-only."""
    return write_models(tmp_path_factory.mktemp("models"), "smoke", picture)
