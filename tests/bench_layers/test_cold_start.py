"""`bench cold-start`: fresh processes in turns, beside a bare Python."""

import sys
from pathlib import Path

import pytest

from ingan_fast.bench import cold_start
from ingan_fast.bench.cold_start import BARE, ColdStartRequest
from ingan_fast.errors import UserError
from ingan_fast.pictures import Pixels

REQUEST = ColdStartRequest("smoke", 16, 2)


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What is started instead of the command line."""
    commands = {BARE: [], "help": ["json.tool", "--help"]}
    monkeypatch.setattr(cold_start, "_commands", lambda request, folder: commands)
    for name in ("write_run", "read_run", "export"):
        monkeypatch.setattr(cold_start, name, lambda *_: None)
    return commands


def test_commands_are_held_against_a_bare_python(picture: Pixels, commands: dict[str, list[str]]) -> None:
    advanced: list[None] = []
    bare, started = cold_start.measure(REQUEST, picture, lambda: advanced.append(None)).rows
    assert (bare.name, started.name) == (BARE, "help")
    assert bare.milliseconds is not None
    assert started.milliseconds is not None
    assert bare.times_as_fast == 1
    assert started.times_as_fast == pytest.approx(bare.milliseconds.median / started.milliseconds.median)
    assert bare.peak_memory_bytes is not None
    assert started.peak_memory_bytes is not None
    assert 5e6 < bare.peak_memory_bytes < started.peak_memory_bytes < 100e6  # no torch in either
    assert len(advanced) == cold_start.steps(REQUEST)


def test_a_command_that_fails_is_told_with_what_it_says(picture: Pixels, commands: dict[str, list[str]]) -> None:
    commands["broken"] = ["ingan_fast", "retarget", "missing.onnx", "--size", "16x16", "--out", "out.png"]
    with pytest.raises(UserError, match=r"retarget missing\.onnx .* ends with code 2: .*missing\.onnx"):
        cold_start.measure(REQUEST, picture, lambda: None)


def test_sources_that_are_compiled_each_time_are_told(
    picture: Pixels, commands: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for without in (False, True):
        monkeypatch.setattr(sys, "dont_write_bytecode", without)
        notes = cold_start.measure(REQUEST, picture, lambda: None).details["notes"]
        assert any("PYTHONDONTWRITEBYTECODE" in note for note in notes) == without


def test_outputs_are_made_from_a_picture_by_an_exported_model_and_by_a_run() -> None:
    commands = cold_start._commands(REQUEST, Path("folder"))
    assert commands["retarget model.onnx"][1:3] == ["retarget", "folder/model/model.onnx"]
    assert commands["retarget RUN"][1:3] == ["retarget", "folder/run"]
    assert all("16x16" in words for name, words in commands.items() if name.endswith((".onnx", "RUN")))
    words = ["retarget", "folder/picture.png", "--scale", "1.5x1", "--out", "folder/out.png"]
    assert commands["retarget PICTURE"][1:] == words
