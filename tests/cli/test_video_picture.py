"""`ingan-fast video` of a picture, without a network."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ingan_fast.video.reading import Clip
from layout_scenes import grain
from video_clips import frames_of

Command = Callable[..., Any]
Refused = Callable[..., None]

SHORT = ("--seconds", "0.3", "--canvas", "96x64")


@pytest.fixture
def photo(ingan_fast: Command) -> Path:
    """A texture, in the working folder."""
    Image.fromarray(grain(48, 64)).save("photo.png")
    return Path("photo.png")


def test_a_script_makes_a_video_of_a_picture_without_torch(photo: Path) -> None:
    words = ["ingan-fast", "video", str(photo), "--script", "grow", "--seconds", "0.2", "--out", "out.mp4"]
    check = (
        f"import sys\nsys.argv = {words}\nfrom ingan_fast.cli import main\ntry:\n    main()\n"
        "except SystemExit as end:\n    print(end.code, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True)
    assert done.stdout.endswith("0 False\n"), done.stderr
    assert "6 frames" in done.stdout
    assert len(frames_of(Clip(Path("out.mp4")))) == 6


def test_the_frames_are_the_pictures_layouts(ingan_fast: Command, photo: Path) -> None:
    words = ("--script", "grow", "--seconds", "0.1", "--canvas", "64x48", "--out", "%d.png")
    assert ingan_fast("video", photo, *words).code == 0
    assert [np.asarray(Image.open(f"{n}.png")).shape for n in (1, 2, 3)] == [(48, 64, 3)] * 3
    frame = np.asarray(Image.open("1.png"))
    shown = frame[(frame != 0).any(axis=2)]
    colours = {tuple(colour) for colour in grain(48, 64).reshape(-1, 3)}
    copied = np.mean([tuple(colour) in colours for colour in shown])
    assert copied > 0.4  # in so small a picture shades beside seams reach far; a resize copies hardly any


def test_a_transparent_picture_lies_over_the_background(ingan_fast: Command) -> None:
    logo = np.dstack([grain(48, 64), np.zeros((48, 64, 1), np.uint8)])
    logo[10:30, 20:40, 3] = 255
    Image.fromarray(logo).save("logo.png")
    words = ("video", "logo.png", "--script", "grow", "--seconds", "0.1", "--canvas", "64x48", "--out", "%d.png")
    ended = ingan_fast(*words, "--background", "#00ff00")
    assert ended.code == 0, ended.err
    frame = np.asarray(Image.open("3.png"))
    assert 0.3 < (frame == (0, 255, 0)).all(axis=2).mean() < 1


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--input", "clip.mp4", "--scale", "2x1"], "needs a run or a model"),
        (["--script", "grow", "--device", "cpu"], "--device, --backend and --warp are for runs"),
        (["--script", "grow", "--backend", "torch"], "--device, --backend and --warp are for runs"),
        (["--script", "grow", "--warp", "smooth"], "--device, --backend and --warp are for runs"),
    ],
)
def test_what_needs_a_model_is_refused_for_a_picture(
    refused: Refused, photo: Path, clip: Path, words: list[str], part: str
) -> None:
    words = [str(clip) if word == "clip.mp4" else word for word in words]
    refused("video", photo, *words, "--out", "out.mp4", parts=(part,))


def test_transparency_without_a_background_is_refused(refused: Refused, ingan_fast: Command) -> None:
    logo = np.dstack([grain(48, 64), np.full((48, 64, 1), 90, np.uint8)])
    Image.fromarray(logo).save("logo.png")
    words = ("--script", "grow", "--background", "none", "--out", "out.webm")
    refused("video", "logo.png", *words, parts=("logo.png is partly transparent", "--background"))
