"""What the command writes where it is no terminal, in any encoding, and when the machine fails."""

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from ingan_fast import cli
from ingan_fast.cli.console import answers, progress
from ingan_fast.training.progress import LINE_EVERY, Status, Throttle, _line_reporter, training_progress

Command = Callable[..., Any]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_off_a_terminal_a_training_writes_whole_plain_lines_that_are_flushed(tmp_path: Path) -> None:
    path, clock = tmp_path / "log", Clock()
    with open(path, "w") as file:
        report = _line_reporter(Console(file=file, width=80, highlight=False), clock)
        losses = {name: 0.12345 for name in ("adversarial", "discriminator", "reconstruction", "guidance")}
        for iteration in range(10, 401, 10):
            clock.now = iteration / 5
            report(Status(iteration, 400, losses, {"kept_x1.5": 0.9}))
            if iteration == 100:
                assert "iteration 10 of 400" in path.read_text()  # not only once the buffer is full
    lines = path.read_text().splitlines()
    assert [int(line.split()[1]) for line in lines] == [10, 90, 170, 250, 330, 400]  # every 16 s, and the last one
    assert "iteration 250 of 400, 5.0 it/s, about 30 s left, adver 0.123" in lines[3]
    assert all(line.endswith("kept 0.90") for line in lines)
    assert all("\x1b" not in line for line in lines)


def test_off_a_terminal_no_bar_is_drawn(tmp_path: Path) -> None:
    file = io.StringIO()
    with training_progress(Console(file=file, width=80)) as report:
        report(Status(1, 2, {}))
    assert file.getvalue().startswith("iteration 1 of 2")


def test_a_long_training_writes_lines_ever_more_rarely() -> None:
    clock = Clock()
    throttle, times = Throttle(clock), []
    for second in range(0, 24 * 3600, 5):
        clock.now = float(second)
        if throttle.due():
            times.append(second)
    assert times[:3] == [0, LINE_EVERY, 2 * LINE_EVERY]
    assert 50 < len(times) < 200


def test_any_long_work_says_how_far_it_is_off_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr("ingan_fast.cli.console.Throttle", lambda: Throttle(clock))
    with progress("judging", 40) as advance:
        for _ in range(40):
            clock.now += 1
            advance()
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["judging: 38 % after 15 s", "judging: 75 % after 30 s"]


def test_tables_in_a_file_are_as_wide_as_they_need_to_be(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    table = Table()
    for index in range(12):
        table.add_column(f"a column of number {index}")
    table.add_row(*["a value that is not short"] * 12)
    answers.print(table)
    assert capsys.readouterr().out.count("a value that is not short") == 12


def test_the_package_can_be_run_and_h_is_help(tmp_path: Path) -> None:
    for words in (["-h"], ["train", "-h"], ["bench", "warp", "-h"]):
        command = [sys.executable, "-m", "ingan_fast", *words]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
        assert done.returncode == 0, done.stderr
        assert "Usage" in done.stdout


@pytest.mark.usefixtures("unwatched", "quick_calibration")
def test_hints_can_be_pasted_into_a_shell(ingan_fast: Command, picture_path: Path) -> None:
    Path("my photo.png").write_bytes(picture_path.read_bytes())
    ended = ingan_fast("train", "my photo.png", "--preset", "smoke", "--device", "cpu", "--iterations", "1")
    assert "ingan-fast retarget 'runs/my photo' --scale" in ended.out
    assert "--out 'no run'" in ingan_fast("info", "no run").err
    words = ("--size", "64x64", "--backend", "openvino", "--out", "out.png")
    assert "export 'runs/my photo' --out" in ingan_fast("retarget", "runs/my photo", *words).err


def test_what_a_consoles_encoding_lacks_is_written_as_it_can_be(
    picture_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "cp1252")
    command = [sys.executable, "-m", "ingan_fast", "retarget", str(picture_path), "--scale", "1x1", "--out", "水.png"]
    done = subprocess.run(command, capture_output=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(rb"\u6c34.png: 64x56")
    assert (tmp_path / "水.png").exists()


@pytest.mark.parametrize(
    ("error", "part"),
    [
        (MemoryError("Unable to allocate 275 MiB for an array"), "275 MiB"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), "9"),
        (RuntimeError("Exception from src/inference: std::bad_alloc"), "bad_alloc"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "2 GiB"),
        (OSError(28, "No space left on device"), "no space left on the disk"),
    ],
)
def test_a_machine_without_memory_or_space_is_one_line_and_exit_code_1(
    ingan_fast: Command, monkeypatch: pytest.MonkeyPatch, error: Exception, part: str
) -> None:
    def fail(_: object) -> None:
        raise error

    monkeypatch.setattr(cli, "app", fail)
    ended = ingan_fast()
    assert ended.code == 1
    assert len(ended.err.splitlines()) == 1
    assert part in ended.err


def test_other_errors_are_not_swallowed(ingan_fast: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(RuntimeError, match="a bug"):
        ingan_fast()


def test_a_traceback_is_shown_where_it_is_asked_for(ingan_fast: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Traceback" not in ingan_fast("info", "missing").err
    monkeypatch.setenv("INGAN_FAST_TRACEBACK", "1")
    ended = ingan_fast("info", "missing")
    assert ended.code == 2
    assert "Traceback (most recent call last)" in ended.err
    assert ended.err.splitlines()[-1].startswith("ingan-fast: missing does not exist")
