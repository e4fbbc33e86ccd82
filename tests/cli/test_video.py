"""`ingan-fast video`: scripts, clips and pipes end to end, and one clear line with exit code 2 for bad input."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ingan_fast.video.reading import Clip
from video_clips import QuickEngine, Recipe, frames_of, make_clip, seconds_of

Command = Callable[..., Any]
Refused = Callable[..., None]

SHORT = ("--seconds", "0.3", "--canvas", "96x64")


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> QuickEngine:
    """Instead of a model."""
    quick = QuickEngine()
    monkeypatch.setattr("ingan_fast.runtime.Retargeter.open", lambda *_: quick)
    return quick


def test_a_script_makes_a_video_of_the_trained_picture(ingan_fast: Command, trained_run: Path) -> None:
    ended = ingan_fast("video", trained_run, "--script", "grow", *SHORT, "--out", "out.mp4")
    assert ended.code == 0, ended.err
    assert ended.out.startswith("out.mp4: 9 frames of 96x64")
    video = Clip(Path("out.mp4"))
    frames = frames_of(video)
    assert (video.size, len(frames)) == ((96, 64), 9)
    assert seconds_of(video, frames)[-1] == pytest.approx(0.3)
    assert frames[-1].pixels.std() > 5
    assert list(Path.cwd().iterdir()) == [Path.cwd() / "out.mp4"]


def test_every_frame_of_a_clip_is_retargeted_by_the_trained_generator(
    ingan_fast: Command, trained_run: Path, clip: Path
) -> None:
    ended = ingan_fast("video", trained_run, "--input", clip, "--scale", "1.5x1", "--out", "out.mp4")
    assert ended.code == 0, ended.err
    before, after = Clip(clip), Clip(Path("out.mp4"))
    assert (after.size, len(after.other_streams.audio)) == ((96, 48), 1)
    assert seconds_of(after, frames_of(after)) == pytest.approx(seconds_of(before, frames_of(before)))


@pytest.mark.parametrize(
    ("words", "size"),
    [
        (["--size", "80x60"], (80, 60)),
        (["--scale", "2x0.5"], (128, 24)),
        (["--corners", "10,0 90,4 80,60 0,56"], (90, 60)),
        (["--corners", "10,0 90,4 80,60 0,56", "--size", "100x70"], (100, 70)),
        (["--script", "round-trip", "--canvas", "90x70"], (90, 70)),
    ],
)
def test_a_clip_takes_every_shape(
    ingan_fast: Command, engine: QuickEngine, clip: Path, words: list[str], size: tuple[int, int]
) -> None:
    ended = ingan_fast("video", "model", "--input", clip, *words, "--out", "out.mp4")
    assert ended.code == 0, ended.err
    video = Clip(Path("out.mp4"))
    assert (video.size, len(frames_of(video))) == (size, 10)


def test_a_script_over_a_clip_lasts_as_long_as_the_clip(ingan_fast: Command, engine: QuickEngine, clip: Path) -> None:
    words = ("--script", "grow", "--canvas", "128x96", "--background", "#00ff00", "--out", "%d.png")
    assert ingan_fast("video", "model", "--input", clip, *words).code == 0
    first, last = (np.asarray(Image.open(f"{n}.png")).astype(int) for n in (1, 10))
    assert (first == (0, 255, 0)).all(axis=2).mean() > 0.5
    assert (last == (0, 255, 0)).all(axis=2).mean() == 0
    np.testing.assert_allclose(last, 200, atol=2)


@pytest.mark.parametrize(
    ("background", "wanted"), [("#ff8000", (255, 128, 0)), ("none", (0, 0, 0, 0)), (None, (0, 0, 0))]
)
def test_what_lies_beside_the_picture_has_the_background(
    ingan_fast: Command, engine: QuickEngine, clip: Path, background: str | None, wanted: tuple[int, ...]
) -> None:
    words = ["--background", background] if background else []
    corners = ("--corners", "60,0 100,0 100,64 0,64")
    assert ingan_fast("video", "model", "--input", clip, *corners, *words, "--out", "%02d.png").code == 0
    picture = np.asarray(Image.open("01.png"))
    assert tuple(picture[2, 2]) == wanted
    assert tuple(picture[50, 80])[:3] == pytest.approx((20, 20, 20), abs=2)


@pytest.mark.parametrize("name", ["out.mp4", "out.webm", "out.mov", "out.gif", "out.webp"])
def test_the_suffix_says_what_is_written(ingan_fast: Command, engine: QuickEngine, name: str) -> None:
    ended = ingan_fast("video", "model", "--script", "dance", *SHORT, "--out", name)
    assert ended.code == 0, ended.err
    assert Path(name).stat().st_size > 500


def test_a_gif_has_a_rate_that_it_can_hold(ingan_fast: Command, engine: QuickEngine) -> None:
    assert ingan_fast("video", "model", "--script", "zoom", "--seconds", "1", "--out", "out.gif").code == 0
    with Image.open("out.gif") as image:
        assert (image.n_frames, image.info["duration"]) == (25, 40)


def test_what_differs_from_what_was_asked_for_is_told(ingan_fast: Command, engine: QuickEngine, clip: Path) -> None:
    ended = ingan_fast("video", "model", "--input", clip, "--size", "65x49", "--out", "out.mp4")
    assert ended.code == 0
    assert "66x50" in ended.err


def test_the_end_tells_the_speed_of_each_stage(ingan_fast: Command, engine: QuickEngine, clip: Path) -> None:
    ended = ingan_fast("video", "model", "--input", clip, "--size", "64x48", "--out", "out.mp4")
    for word in ("10 frames", "per second", "decode", "retargeting", "encode"):
        assert word in ended.out


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ([], "nothing to do"),
        (["--size", "64x64"], "--input"),
        (["--scale", "2", "--script", "grow"], "--input"),
        (["--script", "groww"], "grow"),
        (["--script", "grow", "--fps", "0"], "fps"),
        (["--script", "grow", "--fps", "many"], "fps"),
        (["--script", "grow", "--seconds", "0"], "0 seconds"),
        (["--script", "grow", "--seconds", "nan"], "seconds"),
        (["--script", "grow", "--canvas", "8x8"], "16"),
        (["--script", "grow", "--canvas", "60000x60000"], "GB of memory"),
        (["--script", "grow", "--anchor", "middle"], "centre"),
        (["--script", "grow", "--background", "red"], "#rrggbb"),
        (["--script", "grow", "--background", "#12345"], "#rrggbb"),
        (["--script", "grow", "--background", "none"], "transparency"),
        (["--script", "grow", "--raw", "64x48"], "--out -"),
        (["--input", "CLIP"], "--size, --scale, --corners or --script"),
        (["--input", "CLIP", "--size", "64x64", "--scale", "2"], "exclude"),
        (["--input", "CLIP", "--size", "64x64", "--script", "grow"], "exclude"),
        (["--input", "CLIP", "--scale", "2", "--corners", "0,0 9,0 9,9 0,9"], "exclude"),
        (["--input", "CLIP", "--size", "15x64"], "16"),
        (["--input", "CLIP", "--size", "64"], "WIDTHxHEIGHT"),
        (["--input", "CLIP", "--scale", "0.1"], "16"),
        (["--input", "CLIP", "--corners", "0,0 100,100 100,0 0,100"], "convex"),
        (["--input", "CLIP", "--size", "64x64", "--fps", "25"], "keeps its own"),
        (["--input", "CLIP", "--size", "64x64", "--canvas", "90x90"], "--script"),
        (["--input", "CLIP", "--size", "64x64", "--seed", "1"], "--script"),
        (["--input", "CLIP", "--size", "64x64", "--raw", "64x48"], "--raw"),
        (["--input", "nowhere.mp4", "--size", "64x64"], "doesn't exist"),
        (["--input", "text.mp4", "--size", "64x64"], "can't be read as a video"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused(
    refused: Refused, engine: QuickEngine, clip: Path, words: list[str], part: str
) -> None:
    Path("text.mp4").write_text("text")
    Path("out.mp4").write_bytes(b"an old video")
    refused("video", "model", *(clip if word == "CLIP" else word for word in words), "--out", "out.mp4", parts=(part,))
    assert Path("out.mp4").read_bytes() == b"an old video"


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("out.xyz", "choose one of"),
        ("out", "no suffix"),
        (".", "suffix"),
        ("file/out.mp4", "not a folder"),
        ("CLIP", "would replace the input"),
        ("%d.mp4", ".png"),
    ],
)
def test_an_output_that_cannot_be_written_is_refused(
    refused: Refused, engine: QuickEngine, clip: Path, name: str, part: str
) -> None:
    Path("file").write_text("text")
    before = clip.read_bytes()
    refused(
        "video", "model", "--input", clip, "--size", "64x64", "--out", clip if name == "CLIP" else name, parts=(part,)
    )
    assert clip.read_bytes() == before


@pytest.mark.parametrize("name", ["out.mp4", "out.gif", "out.webm"])
def test_a_clip_that_ends_too_early_leaves_nothing(
    refused: Refused, engine: QuickEngine, tmp_path: Path, name: str
) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (40, 48, 64, 3), dtype=np.uint8)
    path = make_clip(tmp_path / "clip.mkv", noise, Recipe(audio="aac"))
    path.write_bytes(path.read_bytes()[:-40_000])
    refused("video", "model", "--input", path, "--size", "65x49", "--out", name, parts=("clip.mkv", "cut short"))


def test_a_script_file_is_refused_with_the_line(refused: Refused, engine: QuickEngine) -> None:
    Path("mine.yaml").write_text("keyframes:\n  - time: 0\n    scael: 1\n")
    refused("video", "model", "--script", "mine.yaml", "--out", "out.mp4", parts=("mine.yaml", "3", "scael"))


def test_what_is_no_model_is_refused(refused: Refused, broken_run: tuple[Path, str]) -> None:
    refused("video", broken_run[0], "--script", "grow", "--out", "out.mp4", parts=("thing",))
