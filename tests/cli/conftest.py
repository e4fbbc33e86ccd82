"""Shared by the command tests: incomplete run folders."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

BROKEN = {
    "missing": "train first",
    "a file": "not a run",
    "an empty folder": "not a run",
    "another version": "7.5",
    "damaged": "config.json",
}


@pytest.fixture(params=BROKEN)
def broken_run(request: pytest.FixtureRequest, ingan_fast: object, trained_run: Path) -> tuple[Path, str]:
    """`thing` in the working folder, which is not a valid run, and the expected part of the error."""
    return not_a_run(request.param, trained_run), BROKEN[request.param]


@pytest.fixture
def half_written(ingan_fast: object, trained_run: Path) -> Path:
    """`thing` in the working folder, a run without a generator."""
    return not_a_run("half written", trained_run)


@pytest.fixture
def no_space() -> Callable[..., None]:
    """A function that fails like a full disk."""

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return fail


def not_a_run(kind: str, trained_run: Path) -> Path:
    path = Path("thing")
    if kind == "a file":
        path.write_text("text")
    elif kind == "an empty folder":
        path.mkdir()
    elif kind != "missing":
        path.mkdir()
        for name in ("config.json", "source.png"):
            (path / name).write_bytes((trained_run / name).read_bytes())
    if kind == "another version":
        content = json.loads((path / "config.json").read_text())
        content |= {"format": 99, "versions": {"ingan-fast": "7.5"}}
        (path / "config.json").write_text(json.dumps(content))
    if kind == "damaged":
        (path / "config.json").write_text("{")
    return path


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    from video_clips import Recipe, grey, make_clip

    return make_clip(tmp_path / "clip.mp4", grey((64, 48), 10), Recipe(audio="aac"))
