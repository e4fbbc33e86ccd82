"""`ingan-fast video` between pipes, and interrupted."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingan_fast.video.reading import Clip
from video_clips import frames_of, grey

Command = Callable[..., Any]
Refused = Callable[..., None]


# In a process of its own, with an engine that takes 20 ms a frame.
PROGRAM = """
import os, sys, time
from ingan_fast.runtime import Retargeter
from ingan_fast.cli import main
from video_clips import QuickEngine

SECONDS = float(sys.argv[1])

class Slow(QuickEngine):
    def __call__(self, frame, **options):
        time.sleep(SECONDS)
        return super().__call__(frame, **options)

Retargeter.open = lambda *_: Slow()
sys.argv[:2] = ["ingan-fast"]
if "STARTED" in os.environ:
    open(os.environ["STARTED"], "w").close()
main()
"""


def start(*words: object, seconds: float = 0.0, **streams: Any) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", PROGRAM, str(seconds), "video", "model", *map(str, words)]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, **streams)


def raw(count: int) -> bytes:
    return b"".join(frame.tobytes() for frame in grey((64, 48), count))


def test_raw_frames_go_through_pipes() -> None:
    words = ("--input", "-", "--raw", "64x48", "--scale", "0.5", "--out", "-")
    process = start(*words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    out, err = process.communicate(raw(10))
    assert process.returncode == 0, err
    frames = np.frombuffer(out, np.uint8).reshape(10, 24, 32, 3)
    np.testing.assert_array_equal(frames[:, 0, 0, 0], [20 + 20 * index for index in range(10)])
    assert b"10 frames of 32x24" in err


def test_y4m_goes_through_pipes(tmp_path: Path, clip: Path) -> None:
    first = start("--input", clip, "--size", "65x49", "--out", "-", stdout=subprocess.PIPE)
    second = start("--input", "-", "--size", "32x24", "--out", tmp_path / "out.mkv", stdin=first.stdout)
    assert second.wait(60) == first.wait(60) == 0
    video = Clip(tmp_path / "out.mkv")
    levels = [int(frame.pixels.mean()) for frame in frames_of(video)]
    np.testing.assert_allclose(levels, [20 + 20 * index for index in range(10)], atol=3)


def test_raw_frames_of_a_script_have_the_size_that_is_told() -> None:
    words = ("--script", "zoom", "--seconds", "0.3", "--canvas", "96x64", "--out", "-", "--raw")
    process = start(*words, "96x64", stdout=subprocess.PIPE)
    assert len(process.communicate()[0]) == 9 * 96 * 64 * 3
    process = start(*words, "64x64", stdout=subprocess.PIPE)
    out, err = process.communicate()
    assert (process.returncode, out) == (2, b"")
    assert b"--raw 96x64" in err


def test_a_pipe_that_ends_within_a_frame_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    process = start("--input", "-", "--raw", "64x48", "--scale", "1", "--out", out, stdin=subprocess.PIPE)
    err = process.communicate(raw(3) + b"half")[1]
    assert (process.returncode, len(err.splitlines())) == (2, 1)
    assert b"frame 4" in err
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_closes_the_pipe_ends_it_quietly() -> None:
    process = start("--script", "zoom", "--out", "-", stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.read(10_000)
    process.stdout.close()
    assert process.wait(60) == 141
    assert process.stderr is not None
    assert process.stderr.read() == b""


@pytest.mark.parametrize("name", ["out.mp4", "out.webm", "out.mov"])
def test_ctrl_c_leaves_a_video_that_can_be_played(tmp_path: Path, name: str) -> None:
    process = start("--script", "zoom", "--out", tmp_path / name, seconds=0.02, stdout=subprocess.PIPE)
    while not list(tmp_path.iterdir()) and process.poll() is None:
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert 0 < len(frames_of(Clip(tmp_path / name))) < 300


def test_ctrl_c_while_nothing_comes_leaves_nothing(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = tmp_path_factory.mktemp("started") / "started"  # after Python's own start, which takes its time
    monkeypatch.setenv("STARTED", str(started))
    process = start("--input", "-", "--scale", "1", "--out", tmp_path / "out.mp4", stdin=subprocess.PIPE)
    while process.poll() is None and not started.exists():
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert list(tmp_path.iterdir()) == []


# Pictures without a model
