"""The folder benchmarks/figures as a package, with a budget of seconds."""

import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from trainings import calibrate_quickly, leave_unwatched

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    import figures.command
    import figures.outputs

    few = dict.fromkeys(("kept_width", "kept_height", "coherence", "completeness", "swd", "verbatim"), 0.01)
    monkeypatch.setattr(figures.outputs, "evaluate", lambda *_: few)  # figure 10 has real ones, see `tenth`
    return figures.command


Make = Callable[..., Path]


def makes(out: Path) -> Make:
    """Makes figures of small pictures with trainings of two iterations in the folder `out`, and returns it."""
    import figures.command
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
        figures.command.make(names, out, tiny, "cpu")
        return out

    return call


@pytest.fixture
def make(command: ModuleType, tmp_path: Path, unwatched: None, quick_calibration: None) -> Make:
    return makes(tmp_path / "out")


@pytest.fixture(scope="session")
def tenth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of figure 10; read-only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        leave_unwatched(patch)
        calibrate_quickly(patch)
        return makes(tmp_path_factory.mktemp("tenth") / "out")("10")


@pytest.fixture
def tenth_copy(tenth: Path, tmp_path: Path) -> Path:
    """A copy of `tenth` where `make` makes figures."""
    return Path(shutil.copytree(tenth, tmp_path / "out"))
