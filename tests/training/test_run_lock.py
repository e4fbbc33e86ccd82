"""Two trainings never write into one run folder, nor share a process; a lock that a killed one left is no obstacle."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ingan_fast import train
from ingan_fast.errors import UserError
from ingan_fast.training.engine import TrainingEngine
from ingan_fast.training.run_lock import LOCK, sole_training
from trainings import generator_bytes, run

pytestmark = pytest.mark.usefixtures("unwatched")

HOLD = "import sys; from ingan_fast.training.run_lock import sole_training; from pathlib import Path\n"
HOLD += "with sole_training(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"


@contextmanager
def held_by_another_process(folder: Path) -> Iterator[subprocess.Popen[str]]:
    words = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


@pytest.mark.parametrize("how", [{"resume": True}, {"overwrite": True}])
def test_a_folder_that_is_trained_in_is_refused_and_nothing_is_touched(
    run_copy: Path, picture_path: Path, how: dict[str, bool]
) -> None:
    half_written = run_copy / ".checkpoint.0123abcd.pt"
    half_written.write_bytes(b"the other training is writing this")
    with held_by_another_process(run_copy):
        before = {path: path.read_bytes() for path in run_copy.rglob("*") if path.is_file()}
        with pytest.raises(UserError, match="another training is using"):
            train(picture_path, run_copy, preset_name="smoke", device="cpu", **how)
        assert {path: path.read_bytes() for path in run_copy.rglob("*") if path.is_file()} == before
    assert half_written in before


def test_a_folder_that_another_training_is_about_to_fill_is_refused(tmp_path: Path, picture_path: Path) -> None:
    with held_by_another_process(tmp_path / "run"), pytest.raises(UserError, match="another training is using"):
        run(picture_path, tmp_path / "run")


def test_the_lock_of_a_killed_process_is_no_obstacle(run_copy: Path, picture_path: Path) -> None:
    with held_by_another_process(run_copy) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert (run_copy / LOCK).exists()
        assert train(picture_path, run_copy, preset_name="smoke", device="cpu", resume=True).finished


def test_a_training_that_is_refused_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="missing"):
        run(tmp_path / "missing.png", tmp_path / "runs" / "new")
    assert list(tmp_path.iterdir()) == []


def test_a_second_training_in_the_same_process_is_refused_and_does_not_change_the_first(
    tmp_path: Path, picture_path: Path, uninterrupted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals: list[BaseException] = []
    step = TrainingEngine.step

    def train_beside() -> None:
        try:
            run(picture_path, tmp_path / "second", seed=1)
        except UserError as error:
            refusals.append(error)

    def with_another_training(engine: TrainingEngine, state, draw):  # type: ignore[no-untyped-def]
        if state.iteration == 3:
            beside = threading.Thread(target=train_beside)
            beside.start()
            beside.join()
        return step(engine, state, draw)

    monkeypatch.setattr(TrainingEngine, "step", with_another_training)
    run(picture_path, tmp_path / "first")
    assert "already running in this process" in str(refusals[0])
    assert generator_bytes(tmp_path / "first") == generator_bytes(uninterrupted)
    assert not (tmp_path / "second").exists()
    with sole_training(tmp_path / "third"):  # the process is free again
        pass
