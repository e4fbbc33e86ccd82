"""Training learns, repeats itself to the byte, and survives being stopped at any moment."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from ingan_fast import load, train
from ingan_fast.config import SMOKE
from ingan_fast.curves import read_log
from ingan_fast.engine import Engine, make_engine
from ingan_fast.errors import UserError
from ingan_fast.images import Pixels, save_image
from ingan_fast.progress import Status
from ingan_fast.run_folder import RunFolder
from ingan_fast.sampling import Draw, Sampler
from ingan_fast.state import TrainingState
from ingan_fast.step import LOSSES
from ingan_fast.training import Result

# Checkpoints at 4, 8 and 12, previews at 6 and 12, the norms frozen at 6 of 12 iterations.
SETTINGS: dict[str, Any] = {"freeze_norm_at": 0.5, "log_every": 1}
CPU = torch.device("cpu")


def run(picture: Path | list[Path], out: Path, *, seed: int = 0, resume: bool = False, **more: Any) -> Result:
    settings = SETTINGS | more.pop("settings", {})
    options = {"preset_name": "smoke", "settings": settings, "device": "cpu"} | more
    return train(picture, out, seed=seed, resume=resume, **options)


def generator_bytes(path: Path) -> bytes:
    return RunFolder(path).generator_path.read_bytes()


def losses_of(path: Path) -> list[dict[str, Any]]:
    """The lines of the log that hold losses."""
    return [line for line in read_log(path / "log.jsonl") if "adversarial" in line]


def leftovers(path: Path) -> list[str]:
    """Temporary files, which are hidden until they are renamed."""
    return [file.name for file in path.rglob(".*")]


@pytest.fixture(scope="module")
def uninterrupted(picture_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training of `SETTINGS` from start to end; not to be changed."""
    path = tmp_path_factory.mktemp("uninterrupted") / "run"
    assert run(picture_path, path).finished
    return path


# What a training does


def test_sixty_iterations_lower_the_reconstruction_loss(picture_path: Path, tmp_path: Path) -> None:
    changes = {
        "iterations": 60,
        "unit_scale": False,
        "reconstruction": 10.0,
        "learning_rate_g": 2e-3,
        "decay_from": 0.9,
    }
    changes |= {"ramp": 0.0, "min_scale": 0.7, "max_scale": 1.4, "max_corner_shift": 0.0}  # alike from the start
    run(picture_path, tmp_path / "run", settings=changes | {"checkpoint_every": 1000, "preview_every": 1000})
    losses = [line["reconstruction"] for line in losses_of(tmp_path / "run")]
    assert len(losses) == 60
    assert np.mean(losses[20:]) < 0.85 * np.mean(losses[:15])


def test_the_same_seed_gives_the_same_bytes(uninterrupted: Path, picture_path: Path, tmp_path: Path) -> None:
    torch.manual_seed(99)  # what the process did before changes nothing
    run(picture_path, tmp_path / "again")
    assert generator_bytes(tmp_path / "again") == generator_bytes(uninterrupted)


def test_another_seed_gives_other_bytes(uninterrupted: Path, picture_path: Path, tmp_path: Path) -> None:
    run(picture_path, tmp_path / "other", seed=1)
    assert generator_bytes(tmp_path / "other") != generator_bytes(uninterrupted)


def test_a_run_holds_what_its_description_says(uninterrupted: Path, picture: Pixels) -> None:
    assert {path.name for path in uninterrupted.iterdir()} == {
        "config.json",
        "source.png",
        "generator.safetensors",
        "checkpoint.pt",
        "log.jsonl",
        "monitor",
    }
    assert {path.name for path in (uninterrupted / "monitor").iterdir()} == {
        "iteration_000006.png",
        "iteration_000012.png",
        "latest.png",
        "losses.png",
        "quality.png",
    }
    config = json.loads((uninterrupted / "config.json").read_text())
    assert config["seed"] == 0
    assert config["device"] == "cpu"
    assert config["settings"]["freeze_norm_at"] == 0.5
    assert config["versions"]["torch"] == torch.__version__
    assert (config["images"][0]["width"], config["images"][0]["height"]) == (64, 56)
    lines = losses_of(uninterrupted)
    assert [line["iteration"] for line in lines] == list(range(1, 13))
    assert all(set(LOSSES) <= line.keys() for line in lines)


def test_losses_are_reported_as_they_are_logged(picture_path: Path, tmp_path: Path) -> None:
    reports: list[Status] = []
    settings = {"log_every": 5, "checkpoint_every": 1000, "preview_every": 1000}
    run(picture_path, tmp_path / "run", settings=settings, report=reports.append)
    assert [(status.iteration, status.iterations) for status in reports] == [(5, 12), (10, 12), (12, 12)]
    for status, line in zip(reports, losses_of(tmp_path / "run"), strict=True):
        assert line["iteration"] == status.iteration
        assert line["adversarial"] == pytest.approx(status.losses["adversarial"], abs=1e-6)


def test_a_training_without_reconstruction_never_computes_it(picture_path: Path, tmp_path: Path) -> None:
    run(picture_path, tmp_path / "run", settings={"iterations": 3, "reconstruction": 0.0})
    assert [line["reconstruction"] for line in losses_of(tmp_path / "run")] == [0.0] * 3
    assert load(tmp_path / "run", device="cpu").settings.reconstruction == 0


@pytest.mark.parametrize(
    "changes", [{"scales": 1}, {"noise": 0.0}, {"unit_scale": False}, {"unit_scale": False, "skips": False}]
)
def test_ablations_train(picture_path: Path, tmp_path: Path, changes: dict[str, Any]) -> None:
    assert run(picture_path, tmp_path / "run", settings={"iterations": 3, **changes}).finished
    losses = losses_of(tmp_path / "run")[-1]
    assert 0 < losses["adversarial"] < 10
    assert 0 < losses["discriminator"] < 10


def eager() -> Engine:
    return make_engine("eager", CPU, lambda text: None)


def one_step(picture: Pixels, **changes: Any) -> tuple[TrainingState, torch.Tensor]:
    settings = replace(SMOKE, reconstruction=1.0, **changes)
    sampler, state = Sampler([picture], settings, 0, CPU), TrainingState(settings, 0, CPU)
    return state, eager().step(state, sampler.draw(5))


def test_a_detached_inverse_has_the_same_losses_and_other_gradients(picture: Pixels) -> None:
    (whole, losses), (detached, same_losses) = one_step(picture), one_step(picture, detach_inverse=True)
    assert torch.equal(losses[:3], same_losses[:3])
    assert whole.weights_g.grad is not None
    assert detached.weights_g.grad is not None
    assert not torch.equal(whole.weights_g.grad, detached.weights_g.grad)


def test_a_step_moves_both_networks(picture: Pixels) -> None:
    state, losses = one_step(picture, unit_scale=False)
    fresh = TrainingState(state.settings, 0, CPU)
    assert losses.isfinite().all()
    assert state.iteration == 1
    for network in ("generator", "discriminator"):
        pairs = zip(getattr(state, network).parameters(), getattr(fresh, network).parameters(), strict=True)
        moved = [not torch.equal(*pair) for pair in pairs]
        assert np.mean(moved) > 0.5


def norms(network: nn.Module) -> list[torch.Tensor]:
    found = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    return [value.clone() for norm in found for value in (norm.running_mean, norm.running_var)]  # type: ignore[union-attr]


def test_frozen_norms_keep_their_statistics(picture: Pixels) -> None:
    sampler, state = Sampler([picture], SMOKE, 0, CPU), TrainingState(SMOKE, 0, CPU)

    def step() -> list[torch.Tensor]:
        eager().step(state, sampler.draw(state.iteration))
        return norms(state.generator)

    assert not all(map(torch.equal, norms(state.generator), step()))
    state.freeze_norm(sampler)
    frozen = norms(state.generator)
    for _ in range(2):
        assert all(map(torch.equal, frozen, step()))
    assert all(map(torch.equal, frozen, norms(state.deployable(sampler))))


def test_a_training_ends_with_the_statistics_it_was_frozen_with(
    uninterrupted: Path, picture_path: Path, tmp_path: Path
) -> None:
    """A run of 12 iterations that never froze deploys something else."""
    run(picture_path, tmp_path / "run", settings={"freeze_norm_at": 1.0})
    assert generator_bytes(tmp_path / "run") != generator_bytes(uninterrupted)


def test_the_learning_rate_falls_linearly_to_zero() -> None:
    settings = replace(SMOKE, iterations=100, decay_from=0.6, learning_rate_g=1e-3, learning_rate_d=3e-3)
    state = TrainingState(settings, 0, CPU)
    rates = {}
    for state.iteration in (0, 60, 80, 99):
        state.set_schedules()
        rates[state.iteration] = [o.param_groups[0]["lr"].item() * 1e3 for o in (state.optimizer_g, state.optimizer_d)]
    assert rates[0] == rates[60] == pytest.approx([1, 3])
    assert rates[80] == pytest.approx([0.5, 1.5])
    assert rates[99] == pytest.approx([0.025, 0.075])


# Pictures


def test_several_pictures_train_one_model(picture: Pixels, picture_path: Path, tmp_path: Path) -> None:
    other = np.ascontiguousarray(picture[:40, ::-1])
    save_image(other, tmp_path / "dots.png")  # of the same name, in another folder
    run([picture_path, tmp_path / "dots.png"], tmp_path / "run", settings={"iterations": 3})
    trained = load(tmp_path / "run", device="cpu")
    np.testing.assert_array_equal(trained.sources[0], picture)
    np.testing.assert_array_equal(trained.sources[1], other)
    assert len({image["name"] for image in trained.config.images}) == 2


def test_a_large_picture_is_made_smaller_and_the_user_told(picture_path: Path, tmp_path: Path) -> None:
    told: list[str] = []
    run(picture_path, tmp_path / "run", settings={"iterations": 3, "max_side": 48}, notice=told.append)
    assert load(tmp_path / "run", device="cpu").source_size == (48, 42)
    assert any("64x56" in text and "48x42" in text for text in told)


def test_no_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="at least one"):
        train([], tmp_path / "run", preset_name="smoke")
    assert not (tmp_path / "run").exists()


# Stopping and going on


@pytest.mark.parametrize("iteration", [3, 6, 9])
def test_an_interrupted_training_goes_on_to_the_same_bytes(
    uninterrupted: Path, picture_path: Path, tmp_path: Path, iteration: int
) -> None:
    def interrupt(status: Status) -> None:
        if status.iteration == iteration:
            signal.raise_signal(signal.SIGINT)

    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    result = run(picture_path, tmp_path / "run", report=interrupt)
    assert result == Result(tmp_path / "run", iteration, 12, finished=False)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers
    assert load(tmp_path / "run", device="cpu").source_size == (64, 56)  # what it has so far can be looked at

    assert run(picture_path, tmp_path / "run", resume=True).finished
    assert generator_bytes(tmp_path / "run") == generator_bytes(uninterrupted)
    assert [line["iteration"] for line in losses_of(tmp_path / "run")] == list(range(1, 13))


@pytest.mark.parametrize("iteration", [2, 5, 9])
def test_a_resumed_trainings_log_is_that_of_an_uninterrupted_one(
    picture_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, iteration: int
) -> None:
    settings = {"log_every": 3, "checkpoint_every": 5, "validate_every": 4}
    run(picture_path, tmp_path / "whole", settings=settings)
    step = Engine.step

    def interrupted(engine: Engine, state: TrainingState, draw: Draw) -> torch.Tensor:
        if state.iteration == iteration:
            signal.raise_signal(signal.SIGINT)
        return step(engine, state, draw)

    monkeypatch.setattr(Engine, "step", interrupted)
    assert not run(picture_path, tmp_path / "run", settings=settings).finished
    monkeypatch.setattr(Engine, "step", step)
    assert run(picture_path, tmp_path / "run", settings=settings, resume=True).finished
    logs = [read_log(tmp_path / name / "log.jsonl") for name in ("run", "whole")]
    for line in (*logs[0], *logs[1]):
        del line["seconds"]
    assert logs[0] == logs[1]


def test_a_second_interrupt_acts_at_once(picture_path: Path, tmp_path: Path) -> None:
    def interrupt(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(picture_path, tmp_path / "run", report=interrupt)


def test_resuming_a_finished_training_changes_nothing(
    run_copy: Path, picture_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path: path.stat().st_mtime_ns for path in run_copy.rglob("*") if path.is_file()}
    result = train(picture_path, run_copy, preset_name="smoke", device="cpu", resume=True)
    assert result.finished
    assert {path: path.stat().st_mtime_ns for path in run_copy.rglob("*") if path.is_file()} == before


def test_resume_starts_a_training_that_is_not_there(uninterrupted: Path, picture_path: Path, tmp_path: Path) -> None:
    assert run(picture_path, tmp_path / "run", resume=True).finished
    assert generator_bytes(tmp_path / "run") == generator_bytes(uninterrupted)


def test_overwrite_trains_anew_and_keeps_what_is_not_the_runs(
    uninterrupted: Path, run_copy: Path, picture_path: Path
) -> None:
    (run_copy / "notes.txt").write_text("mine")
    assert run(picture_path, run_copy, overwrite=True).finished
    assert generator_bytes(run_copy) == generator_bytes(uninterrupted)
    assert (run_copy / "notes.txt").read_text() == "mine"
    assert [line["iteration"] for line in losses_of(run_copy)] == list(range(1, 13))


@pytest.mark.parametrize(
    ("change", "named"),
    [({"seed": 5}, "seed"), ({"settings": {"noise": 0.5}}, "noise"), ({"other picture": True}, "image")],
)
def test_resuming_with_another_command_is_refused(
    run_copy: Path, picture: Pixels, picture_path: Path, tmp_path: Path, change: dict[str, Any], named: str
) -> None:
    given = picture_path
    if change.pop("other picture", False):
        given = tmp_path / "other.png"
        save_image(255 - picture, given)
    before = generator_bytes(run_copy)
    with pytest.raises(UserError, match=rf"{named}.*--overwrite"):
        train(given, run_copy, preset_name="smoke", device="cpu", resume=True, **change)
    assert generator_bytes(run_copy) == before


def test_a_training_can_run_in_a_thread(uninterrupted: Path, picture_path: Path, tmp_path: Path) -> None:
    thread = threading.Thread(target=lambda: run(picture_path, tmp_path / "run"))
    thread.start()
    thread.join()
    assert generator_bytes(tmp_path / "run") == generator_bytes(uninterrupted)


# Being killed

# Kills its own process while it writes a file for the n-th time, in one of three moments.
KILLED = """
import os, signal, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
picture, out, name, count, moment, settings = sys.argv[1:7]
left = int(count)

def is_it(path):
    global left
    path = Path(path).name.lstrip(".")
    if path.startswith(name.split(".")[0]) and path.endswith(name.split(".")[1]):
        left -= 1
        return left == 0
    return False

def die():
    os.kill(os.getpid(), signal.SIGKILL)

write_bytes, replace = Path.write_bytes, os.replace

def half_written(path, data):
    if moment == "half written" and is_it(path):
        with open(path, "wb") as file:
            file.write(data[: len(data) // 2])
        die()
    return write_bytes(path, data)

def killed_at_rename(source, target):
    hit = moment != "half written" and is_it(target)
    if hit and moment == "not renamed":
        die()
    replace(source, target)
    if hit:
        die()

Path.write_bytes, os.replace = half_written, killed_at_rename
import json
from ingan_fast import train
train(picture, out, preset_name="smoke", settings=json.loads(settings), device="cpu")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "count", "moment", "iteration"),
    [
        ("config.json", 1, "half written", None),
        ("checkpoint.pt", 1, "half written", None),
        ("checkpoint.pt", 2, "not renamed", 4),
        ("generator.safetensors", 2, "renamed", 8),
        ("checkpoint.pt", 3, "half written", 8),
    ],
)
def test_a_training_killed_while_it_writes_goes_on_to_the_same_bytes(
    uninterrupted: Path,
    picture_path: Path,
    tmp_path: Path,
    name: str,
    count: int,
    moment: str,
    iteration: int | None,
) -> None:
    out = tmp_path / "run"
    command = [sys.executable, "-c", KILLED, str(picture_path), str(out), name, str(count), moment]
    killed = subprocess.run([*command, json.dumps(SETTINGS)], capture_output=True, cwd=tmp_path, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    if moment != "renamed":
        assert leftovers(out), "the kill must have come in the middle of a write"
    state = RunFolder(out).read_checkpoint()
    assert (state and state["iteration"]) == iteration

    assert run(picture_path, out, resume=True).finished
    assert generator_bytes(out) == generator_bytes(uninterrupted)
    assert leftovers(out) == []
    assert [line["iteration"] for line in losses_of(out)] == list(range(1, 13))


def test_a_training_killed_from_outside_goes_on_to_the_same_bytes(
    uninterrupted: Path, picture_path: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    sets = [word for key, value in SETTINGS.items() for word in ("--set", f"{key}={value}")]
    command = [sys.executable, "-m", "ingan_fast.cli", "train", str(picture_path), "--out", str(out), *sets]
    command += ["--preset", "smoke", "--device", "cpu"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not (out / "log.jsonl").exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert run(picture_path, out, resume=True).finished
    assert generator_bytes(out) == generator_bytes(uninterrupted)


# TensorBoard


def test_tensorboard_events_are_written_when_asked_for(picture_path: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run(picture_path, tmp_path / "run", settings={"iterations": 3}, tensorboard=True)
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    logged = [line["adversarial"] for line in losses_of(tmp_path / "run")]
    assert [event.value for event in events.Scalars("loss/adversarial")] == pytest.approx(logged, abs=1e-5)
    assert [event.step for event in events.Images("preview")] == [3]


def test_tensorboard_that_is_not_installed_is_refused(
    picture_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(UserError, match=r"pip install 'ingan-fast\[tensorboard\]'"):
        run(picture_path, tmp_path / "run", tensorboard=True)
    assert not (tmp_path / "run").exists()


def test_a_stale_checkpoint_without_its_config_is_not_gone_on_with(
    uninterrupted: Path, run_copy: Path, picture_path: Path
) -> None:
    """What an --overwrite leaves that was killed at once."""
    (run_copy / "config.json").unlink()
    assert run(picture_path, run_copy, overwrite=True).finished
    assert generator_bytes(run_copy) == generator_bytes(uninterrupted)
