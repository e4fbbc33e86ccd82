"""The examples in Python and for the shell; those that can be run here are run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from example_files import EXAMPLES, call, example

from ingan_fast.pictures import Pixels
from ingan_fast.runtime import Retargeter

SCRIPTS = sorted(path.name for path in EXAMPLES.iterdir() if path.suffix in (".py", ".vpy"))


def frames_of(path: Path) -> tuple[list[Pixels], list[float]]:
    """Pictures and their times."""
    with av.open(path) as container:
        frames = list(container.decode(video=0))
    return [frame.to_ndarray(format="rgb24") for frame in frames], [frame.time for frame in frames]


def difference(one: Pixels, other: Pixels) -> float:
    return float(np.abs(one.astype(int) - other).mean())


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_are_python_and_say_at_the_top_what_they_do(name: str) -> None:
    source = (EXAMPLES / name).read_text()
    compile(source, name, "exec")
    assert source.startswith('"""')


def test_every_example_is_in_the_index() -> None:
    index = (EXAMPLES / "README.md").read_text()
    for path in EXAMPLES.iterdir():
        assert path.name in ("README.md", "__pycache__") or path.name in index


def test_the_loop_retargets_every_frame_at_its_time(
    model: Path, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    call(example("python_loop"), monkeypatch, model, clip, tmp_path / "wide.mp4", "--scale", "1.5x1")
    assert "5 frames" in capsys.readouterr().out
    (sources, before), (results, after) = frames_of(clip), frames_of(tmp_path / "wide.mp4")
    assert after == pytest.approx(before, abs=1e-3)
    with Retargeter.open(model) as retargeter:
        for source, result in zip(sources, results, strict=True):
            wanted = retargeter(source, size=(96, 56))
            assert result.shape == wanted.shape
            assert difference(result, wanted) < 12  # half resolution of colour, and H.264


def test_the_loop_refuses_in_one_line(
    model: Path, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    loop = example("python_loop")
    for source, size, part in ((tmp_path / "none.mp4", "96x56", "No such file"), (clip, "96", "'96'")):
        with pytest.raises(SystemExit) as end:
            call(loop, monkeypatch, model, source, tmp_path / "out.mp4", "--size", size)
        error = capsys.readouterr().err
        assert end.value.code == 2
        assert part in error
        assert len(error.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_shell_scripts_are_whole() -> None:
    for script in EXAMPLES.glob("*.sh"):
        subprocess.run(["bash", "-n", script], check=True)
        assert os.access(script, os.X_OK)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_the_ffmpeg_pipe_keeps_frames_and_sound(model: Path, clip: Path, tmp_path: Path) -> None:
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    words = [EXAMPLES / "ffmpeg_pipe.sh", model, clip, tmp_path / "wide.mkv", "--scale", "1.5x1"]
    subprocess.run(words, check=True, env=os.environ | {"PATH": tools})
    pictures, _ = frames_of(tmp_path / "wide.mkv")
    assert [picture.shape for picture in pictures] == [(56, 96, 3)] * 5
    with av.open(tmp_path / "wide.mkv") as container:
        assert container.streams.audio[0].codec_context.name == "aac"
