"""The folder benchmarks/figures as a package, with a budget of seconds."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    import figures.command

    return figures.command


@pytest.fixture
def make(command: ModuleType, tmp_path: Path) -> Callable[..., Path]:
    """Makes figures of small pictures with trainings of two iterations; the output folder."""
    from figures.budgets import Budget, Share

    small = {
        "max_side": 48,
        "crop": 32,
        "channels": 8,
        "d_channels": 8,
        "blocks": 1,
        "checkpoint_every": 1,
        "log_every": 1,
    }
    few = {"GPDM": {"steps": 2}, "GPNN": {"iterations": 1}, "bidirectional similarity": {"iterations": 1}}
    shares = dict.fromkeys(("market", "coffee", "gravel"), Share(2, 60.0))
    tiny = Budget("tiny", shares, 2, (0, 1), few | {"Spatial GAN": {"iterations": 2}}, preset="smoke", changes=small)

    def call(*names: str) -> Path:
        command.make(names, tmp_path / "out", tiny, "cpu")
        return tmp_path / "out"

    return call
