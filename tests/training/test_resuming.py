"""A training survives being stopped at any moment, and goes on to the same bytes."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from ingan_fast import load, train
from ingan_fast.errors import UserError
from ingan_fast.geometry import Transform
from ingan_fast.model.sampling import Batch
from ingan_fast.model.state import TrainingState
from ingan_fast.pictures import Pixels, save_image
from ingan_fast.quality.validation import MEASURES, WIDTHS, Quality
from ingan_fast.training.curves import read_log
from ingan_fast.training.engine import TrainingEngine
from ingan_fast.training.loop import Result
from ingan_fast.training.progress import Status
from ingan_fast.training.run_folder import RunFolder
from trainings import (
    FEW_DRAWS,
    SETTINGS,
    calibrate_quickly,
    generator_bytes,
    leave_unplotted,
    leftovers,
    losses_of,
    run,
)

# Stopping and going on


@pytest.mark.usefixtures("unwatched")
@pytest.mark.parametrize(("iteration", "by_signal"), [(3, True), (6, False)])
def test_an_interrupted_training_goes_on_to_the_same_bytes(
    uninterrupted: Path, picture_path: Path, tmp_path: Path, iteration: int, by_signal: bool
) -> None:
    asked_to_stop = threading.Event()

    def interrupt(status: Status) -> None:
        if status.iteration == iteration:
            signal.raise_signal(signal.SIGINT) if by_signal else asked_to_stop.set()

    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    result = run(picture_path, tmp_path / "run", report=interrupt, stop=asked_to_stop.is_set)
    assert result == Result(tmp_path / "run", iteration, 12, finished=False)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers
    assert load(tmp_path / "run", device="cpu").source_size == (64, 56)  # what it has so far can be looked at

    assert run(picture_path, tmp_path / "run", resume=True).finished
    assert generator_bytes(tmp_path / "run") == generator_bytes(uninterrupted)
    assert [line["iteration"] for line in losses_of(tmp_path / "run")] == list(range(1, 13))


UNEQUAL = {"log_every": 3, "checkpoint_every": 5, "validate_every": 4}


def judge_quickly(patch: pytest.MonkeyPatch) -> None:
    """The quality of a network is the mean of what it makes, and is not plotted."""

    def mean(retarget: Callable[[Transform], Pixels], source: Pixels) -> Quality:
        height, width = source.shape[:2]
        found = float(retarget(Transform.resize((3 * width // 2, height))).mean())
        return {f"{measure}_x{ratio:g}": found for measure in MEASURES for ratio in WIDTHS}

    patch.setattr("ingan_fast.training.monitor.judge", mean)
    leave_unplotted(patch)


@pytest.fixture(scope="module")
def whole(picture_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An uninterrupted training with the intervals `UNEQUAL`; read-only."""
    path = tmp_path_factory.mktemp("whole") / "run"
    with pytest.MonkeyPatch.context() as patch:
        judge_quickly(patch)
        calibrate_quickly(patch)
        run(picture_path, path, settings=UNEQUAL)
    return path


@pytest.mark.parametrize("iteration", [2, 5, 9])
def test_a_resumed_trainings_log_is_that_of_an_uninterrupted_one(
    whole: Path, picture_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, iteration: int
) -> None:
    judge_quickly(monkeypatch)
    step = TrainingEngine.step

    def interrupted(engine: TrainingEngine, state: TrainingState, draw: Batch) -> torch.Tensor:
        if state.iteration == iteration:
            signal.raise_signal(signal.SIGINT)
        return step(engine, state, draw)

    monkeypatch.setattr(TrainingEngine, "step", interrupted)
    assert not run(picture_path, tmp_path / "run", settings=UNEQUAL).finished
    monkeypatch.setattr(TrainingEngine, "step", step)
    assert run(picture_path, tmp_path / "run", settings=UNEQUAL, resume=True).finished
    logs = [read_log(path / "log.jsonl") for path in (tmp_path / "run", whole)]
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


def test_a_network_without_checkpoint_and_log_is_not_trained_from_the_start(run_copy: Path, picture_path: Path) -> None:
    for name in ("checkpoint.pt", "log.jsonl"):  # what a downloaded or bundled run lacks
        (run_copy / name).unlink()
    before = generator_bytes(run_copy), sorted(path.name for path in run_copy.iterdir())
    with pytest.raises(UserError, match=r"no checkpoint\.pt to resume from.*overwrite=True"):
        train(picture_path, run_copy, preset_name="smoke", device="cpu", resume=True)
    assert (generator_bytes(run_copy), sorted(path.name for path in run_copy.iterdir())) == before


@pytest.mark.usefixtures("unwatched")
def test_resume_starts_a_training_that_is_not_there(uninterrupted: Path, picture_path: Path, tmp_path: Path) -> None:
    assert run(picture_path, tmp_path / "run", resume=True).finished
    assert generator_bytes(tmp_path / "run") == generator_bytes(uninterrupted)


@pytest.mark.usefixtures("unwatched")
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
    with pytest.raises(UserError, match=rf"{named}.*overwrite=True"):
        train(given, run_copy, preset_name="smoke", device="cpu", resume=True, **change)
    assert generator_bytes(run_copy) == before


@pytest.mark.usefixtures("unwatched")
def test_a_training_can_run_in_a_thread(uninterrupted: Path, picture_path: Path, tmp_path: Path) -> None:
    thread = threading.Thread(target=lambda: run(picture_path, tmp_path / "run"))
    thread.start()
    thread.join()
    assert generator_bytes(tmp_path / "run") == generator_bytes(uninterrupted)


# Being killed

# Trains in a child process for each line of its input. The child kills itself while it writes a file for the n-th time,
# in one of three moments. Children of one process, because importing torch takes longer than such a training.
KILLED = """
import json, os, signal, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from ingan_fast import train
from ingan_fast.model import state
from ingan_fast.quality.validation import MEASURES, WIDTHS
from ingan_fast.training import monitor
state.CALIBRATION_DRAWS = int(sys.argv[1])
monitor.plot_losses = monitor.plot_quality = lambda *_: None  # importing Matplotlib takes long
monitor.judge = lambda *_: {f"{measure}_x{ratio:g}": 0.01 for measure in MEASURES for ratio in WIDTHS}  # so does this

def train_until_killed(picture, out, settings, name, count, moment):
    left = count

    def is_it(path):
        nonlocal left
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
    train(picture, out, preset_name="smoke", settings=settings, device="cpu")

for line in sys.stdin:
    child = os.fork()
    if not child:
        try:
            train_until_killed(*json.loads(line))
        finally:
            os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""

Killed = Callable[..., int]


@pytest.fixture(scope="module")
def killed() -> Iterator[Killed]:
    """Trains with `SETTINGS` in a child process that kills itself; returns how it ended."""
    command = [sys.executable, "-c", KILLED, str(FEW_DRAWS)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def train_until_killed(picture: Path, out: Path, *when: object) -> int:
            assert process.stdin is not None
            assert process.stdout is not None
            print(json.dumps([str(picture), str(out), SETTINGS, *when]), file=process.stdin, flush=True)
            return int(process.stdout.readline())

        yield train_until_killed


@pytest.mark.usefixtures("unwatched")
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
    killed: Killed,
    picture_path: Path,
    tmp_path: Path,
    name: str,
    count: int,
    moment: str,
    iteration: int | None,
) -> None:
    out = tmp_path / "run"
    assert killed(picture_path, out, name, count, moment) == -signal.SIGKILL
    if moment != "renamed":
        assert leftovers(out), "the kill must have come in the middle of a write"
    state = RunFolder(out).read_checkpoint()
    assert (state and state["iteration"]) == iteration

    assert run(picture_path, out, resume=True).finished
    assert generator_bytes(out) == generator_bytes(uninterrupted)
    assert leftovers(out) == []
    assert [line["iteration"] for line in losses_of(out)] == list(range(1, 13))


@pytest.mark.usefixtures("unwatched")
def test_a_stale_checkpoint_without_its_config_is_not_gone_on_with(
    uninterrupted: Path, run_copy: Path, picture_path: Path
) -> None:
    """What an --overwrite leaves that was killed at once."""
    (run_copy / "config.json").unlink()
    assert run(picture_path, run_copy, overwrite=True).finished
    assert generator_bytes(run_copy) == generator_bytes(uninterrupted)
