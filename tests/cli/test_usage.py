"""What holds for every command: usage, help, the version."""

import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingan_fast.errors import UserError

Command = Callable[..., Any]
Refused = Callable[..., None]


@pytest.mark.parametrize(
    "words",
    [
        ["train", "a.png"],
        ["train", "--out", "run"],
        ["train", "a.png", "--out", "run", "--seed", "x"],
        ["train", "a.png", "--out", "run", "--seed", "-1"],
        ["train", "a.png", "--out", "run", "--iterations", "many"],
        ["retarget", "run", "--size", "64x64"],
        ["retarget", "--out", "out.png"],
        ["retarget", "run", "--out", "out.png", "--colour", "red"],
        ["paint"],
        ["info"],
    ],
)
def test_a_command_that_is_not_whole_is_refused(ingan_fast: Command, words: list[str]) -> None:
    ended = ingan_fast(*words)
    assert ended.code == 2
    assert ended.err
    assert "Traceback" not in ended.err
    assert not list(Path.cwd().iterdir())


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="counts threads as Linux tells them")
@pytest.mark.parametrize(("asked", "threads"), [({}, 1), ({"OPENBLAS_NUM_THREADS": "2"}, 2)])
def test_numpy_gets_one_thread_unless_asked_for_more(asked: dict[str, str], threads: int) -> None:
    count = "import ingan_fast.__main__, numpy, os; print(len(os.listdir('/proc/self/task')))"
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"} | asked
    ended = subprocess.run([sys.executable, "-c", count], env=environment, capture_output=True, check=True)
    assert int(ended.stdout) == min(threads, len(os.sched_getaffinity(0)))


@pytest.mark.parametrize("command", ["batch", "train", "retarget", "video", "export", "demo", "evaluate", "info"])
def test_every_command_has_examples_in_its_help(
    ingan_fast: Command, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    ended = ingan_fast(command, "--help")
    assert ended.code == 0
    assert re.search(rf"Example.*ingan-fast {command} ", ended.out, re.DOTALL)


def test_log_messages_of_the_package_are_lines_on_stderr(ingan_fast: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    logger = logging.getLogger("ingan_fast")
    monkeypatch.setattr(logger, "handlers", [])

    def warn() -> Any:
        logger.getChild("model.devices").warning("using the CPU: %s", "a reason")
        logger.getChild("model.devices").info("nobody asked for this")
        raise UserError("the end")

    monkeypatch.setattr("ingan_fast.cli.app", lambda words: warn())
    for _ in range(2):
        assert ingan_fast("info", "run").err == "ingan-fast: using the CPU: a reason\ningan-fast: the end\n"
        logger.handlers[0].stream = sys.stderr  # type: ignore[attr-defined]
    assert len(logger.handlers) == 1


def test_the_version_is_told(ingan_fast: Command) -> None:
    ended = ingan_fast("--version")
    assert ended.code == 0
    assert re.fullmatch(r"ingan-fast \d+\.\d+\.\d+, layouts with(out)? compiled loops.*\n", ended.out)


def test_the_home_folder_is_found_where_a_shell_leaves_it_as_it_is(
    ingan_fast: Command, monkeypatch: pytest.MonkeyPatch, picture_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(Path.cwd() / "home"))
    for out in ("~/a.png", "--out=~/b.png"):
        words = [out] if out.startswith("--") else ["--out", out]
        ended = ingan_fast("retarget", picture_path, "--size", "40x40", *words)
        assert ended.code == 0, ended.err
    assert sorted(path.name for path in Path("home").iterdir()) == ["a.png", "b.png"]
    assert not Path("~").exists()
