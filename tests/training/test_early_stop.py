"""An early stop: a flat curve is told from a moving one, and the training is brought to a proper end."""

import json
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from ingan_fast import train
from ingan_fast.model.sampling import Batch
from ingan_fast.model.state import TrainingState
from ingan_fast.quality.validation import Quality
from ingan_fast.settings import SMOKE
from ingan_fast.training import loop as training
from ingan_fast.training.curves import read_log
from ingan_fast.training.early_stop import COOL_DOWN, is_flat, may_be_shortened, shortened
from ingan_fast.training.engine import TrainingEngine
from ingan_fast.training.info import describe
from ingan_fast.training.run_folder import RunFolder
from ingan_fast.training.trained import read_run
from trainings import calibrate_quickly, leave_unwatched

SETTINGS = {
    "iterations": 24,
    "validate_every": 2,
    "preview_every": 12,
    "fine_at": 0.1,
    "log_every": 1,
    "checkpoint_every": 3,
}


def curve(coherences: list[float], kept: float = 0.9) -> list[Quality]:
    return [{"coherence_x1.5": value, "coherence_x0.6": 0.002, "kept_width_x1.5": kept} for value in coherences]


def test_a_curve_within_its_noise_is_flat() -> None:
    assert is_flat(curve([0.005, 0.00100, 0.00107, 0.00098, 0.00103]))


@pytest.mark.parametrize(
    "coherences",
    [[0.001] * 3, [4e-3, 3e-3, 2e-3, 1e-3], [0.001, 0.001, 0.002, 0.002], [0.002, 0.002, 0.001, 0.001]],
)
def test_a_short_or_moving_curve_is_not_flat(coherences: list[float]) -> None:
    assert not is_flat(curve(coherences))


def test_all_measures_have_to_be_flat() -> None:
    assert not is_flat(curve([0.001] * 2, kept=0.7) + curve([0.001] * 2, kept=0.8))


def test_the_learning_rate_falls_from_where_it_is_to_zero() -> None:
    whole = replace(SMOKE, iterations=1000, decay_from=0.5, learning_rate_g=1.0)
    for flat_at in (500, 600, 740):
        short = shortened(whole, flat_at)
        assert short.iterations == flat_at + COOL_DOWN * 1000
        rates = {}
        for name, settings in (("whole", whole), ("short", short)):
            state = TrainingState(settings, 0, torch.device("cpu"))
            for state.iteration in (flat_at, short.iterations - 1):
                state.set_schedules()
                rates[name, state.iteration] = state.optimizer_g.rate.item()
        assert rates["short", flat_at] == pytest.approx(rates["whole", flat_at])
        assert rates["short", short.iterations - 1] < 0.01
        assert flat_at < short.freeze_norm_at * short.iterations < short.iterations


def test_a_training_is_shortened_only_between_its_schedules_and_its_last_part() -> None:
    settings = replace(SMOKE, iterations=1000, ramp=0.15, fine_at=0.5)
    assert [may_be_shortened(settings, done) for done in (499, 500, 749, 750)] == [False, True, True, False]


def run(picture: Path, out: Path, **more: Any) -> training.Result:
    return train(picture, out, preset_name="smoke", settings=SETTINGS, device="cpu", early_stop=True, **more)


def call_flat(patch: pytest.MonkeyPatch) -> None:
    """Every curve of four validations is flat; judging and plotting take no time."""
    judged = curve([0.001])[0] | {"swd_x1.5": 0.01, "swd_x0.6": 0.01}
    leave_unwatched(patch, judged)
    calibrate_quickly(patch)
    patch.setattr("ingan_fast.training.history.is_flat", lambda validations: len(validations) >= 4)


@pytest.fixture
def always_flat(monkeypatch: pytest.MonkeyPatch) -> None:
    call_flat(monkeypatch)


@pytest.fixture(scope="module")
def stopped(picture_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was stopped early, from start to end; not to be changed."""
    path = tmp_path_factory.mktemp("stopped") / "run"
    with pytest.MonkeyPatch.context() as patch:
        call_flat(patch)
        run(picture_path, path)
    return path


@pytest.mark.usefixtures("always_flat")
def test_a_flat_curve_ends_a_training_early_and_properly(picture_path: Path, tmp_path: Path) -> None:
    told: list[str] = []
    result = run(picture_path, tmp_path / "run", notice=told.append)
    assert result == training.Result(tmp_path / "run", 14, 14, finished=True)  # flat at 8, then a quarter of 24
    assert any("iteration 14" in text for text in told)
    checkpoint = RunFolder(tmp_path / "run").read_checkpoint()
    assert checkpoint is not None
    assert checkpoint["norm_frozen"]
    assert checkpoint["optimizer_g"]["rate"] < 0.2 * SMOKE.learning_rate_g
    assert read_run(tmp_path / "run").settings.iterations == 24
    names, values = ([str(cell) for cell in column.cells] for column in describe(tmp_path / "run").columns)
    assert dict(zip(reversed(names), reversed(values), strict=True))["iterations"] == "14 of 14 (planned: 24)"


@pytest.mark.usefixtures("always_flat")
@pytest.mark.parametrize("iteration", [7, 8, 12])
def test_an_early_stopped_training_resumes_to_the_same_bytes(
    stopped: Path, picture_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, iteration: int
) -> None:
    step = TrainingEngine.step

    def interrupted(engine: TrainingEngine, state: TrainingState, draw: Batch) -> torch.Tensor:
        if state.iteration == iteration - 1:
            signal.raise_signal(signal.SIGINT)
        return step(engine, state, draw)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingEngine, "step", interrupted)
        assert run(picture_path, tmp_path / "run").iteration == iteration
    assert run(picture_path, tmp_path / "run", resume=True).finished
    whole, resumed = RunFolder(stopped), RunFolder(tmp_path / "run")
    assert resumed.generator_path.read_bytes() == whole.generator_path.read_bytes()
    logs = [[line | {"seconds": 0} for line in read_log(folder.log_path)] for folder in (whole, resumed)]
    assert logs[0] == logs[1]
    before = resumed.checkpoint_path.stat().st_mtime_ns
    assert run(picture_path, tmp_path / "run", resume=True).finished
    assert resumed.checkpoint_path.stat().st_mtime_ns == before


@pytest.mark.usefixtures("always_flat")
def test_the_smoke_preset_does_not_stop_early_unless_asked_to(picture_path: Path, tmp_path: Path) -> None:
    settings = SETTINGS | {"iterations": 12}  # flat at 8, in time to end at 11
    result = train(picture_path, tmp_path / "run", preset_name="smoke", settings=settings, device="cpu")
    assert result.iteration == 12
    assert json.loads((tmp_path / "run" / "config.json").read_text())["settings"]["early_stop"] is False
