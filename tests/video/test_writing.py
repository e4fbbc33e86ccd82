"""What is written holds every frame with its colours and times, or is not there at all."""

import resource
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image, ImageSequence

from ingan_fast.errors import UserError
from ingan_fast.pictures import Pixels
from ingan_fast.video.colour import PICTURES, Colour
from ingan_fast.video.frames import Source, Still, Timing
from ingan_fast.video.reading import Clip
from ingan_fast.video.writing import VideoOutput
from picture_files import refusal_of
from video_clips import centres, corners, frames_of, grey, seconds_of

SIZE = (64, 48)
FILES = [".mp4", ".m4v", ".mkv", ".mov", ".webm"]
ALPHA = [".mov", ".webm"]


def source(count: int, rate: Fraction = Fraction(30), colour: Colour = PICTURES, timing: Timing | None = None) -> Still:
    still = Still(count, rate)
    still.colour, still.timing = colour, timing or still.timing
    return still


def write(
    path: Path | str,
    frames: Sequence[Pixels],
    source_: Source | None = None,
    times: Sequence[int] | None = None,
    steady: bool = False,
) -> list[str]:
    """The frames to a file; returns what the user is told."""
    told: list[str] = []
    times = times or range(len(frames) + 1)
    size = frames[0].shape[1], frames[0].shape[0]
    output = VideoOutput(str(path), alpha=frames[0].shape[2] == 4)
    with output.open(source_ or source(len(frames)), size, steady, told.append) as sink:
        for pixels, start, end in zip(frames, times, times[1:], strict=False):
            sink.write(pixels, start, end - start)
        sink.finish()
    return told


def see_through(size: tuple[int, int]) -> Pixels:
    """`corners`, the right half transparent; uint8 [H, W, 4]."""
    alpha = np.full((size[1], size[0], 1), 255, np.uint8)
    alpha[:, size[0] // 2 :] = 0
    return np.concatenate([corners(size), alpha], axis=2)


@pytest.mark.parametrize("suffix", FILES)
def test_frames_come_back_with_their_colours_and_times(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    assert write(path, [corners(SIZE)] * 9 + grey(SIZE, 3)) == []
    clip = Clip(path)
    frames = frames_of(clip)
    assert clip.size == SIZE
    assert seconds_of(clip, frames) == pytest.approx([index / 30 for index in range(13)], abs=1e-3)
    np.testing.assert_allclose(centres(frames[4].pixels), centres(corners(SIZE)), atol=6)
    assert [path.name for path in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", FILES)
def test_colours_are_tagged(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    write(path, grey(SIZE, 3))
    assert Clip(path).colour == PICTURES
    with av.open(path) as container:
        assert next(container.decode(video=0)).color_range == 1


@pytest.mark.parametrize("colour", [Colour(6, 6, 6), Colour(5, 5, 6), Colour(9, 9, 16), Colour(6, 2, 2)])
def test_a_clips_own_colours_stay_its_own(tmp_path: Path, colour: Colour) -> None:
    write(tmp_path / "out.mp4", [corners(SIZE)] * 3, source(3, colour=colour))
    clip = Clip(tmp_path / "out.mp4")
    assert clip.colour == colour
    np.testing.assert_allclose(centres(clip.first), centres(corners(SIZE)), atol=6)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".mov"])
def test_uneven_times_are_kept_to_the_last_frames_end(tmp_path: Path, suffix: str) -> None:
    times = [0, 20, 40, 140, 160, 400, 700]
    uneven = source(6, timing=Timing(Fraction(1, 600), Fraction(30), even=False))
    write(tmp_path / f"out{suffix}", grey(SIZE, 6), uneven, times)
    clip = Clip(tmp_path / f"out{suffix}")
    assert seconds_of(clip, frames_of(clip)) == pytest.approx([time / 600 for time in times], abs=1e-3)
    assert clip.seconds == pytest.approx(700 / 600, abs=1e-3)


def test_an_mp4_can_be_played_while_it_loads(tmp_path: Path) -> None:
    write(tmp_path / "out.mp4", grey(SIZE, 30))
    data = (tmp_path / "out.mp4").read_bytes()
    assert 0 < data.find(b"moov") < data.find(b"mdat")
    with av.open(tmp_path / "out.mp4") as container:
        assert (container.streams.video[0].codec_context.name, container.streams.video[0].pix_fmt) == (
            "h264",
            "yuv420p",
        )


def test_odd_sides_are_made_even_where_the_codec_wants_that_and_it_is_told(tmp_path: Path) -> None:
    frames = [corners((65, 49))] * 3
    told = write(tmp_path / "out.mp4", frames)
    assert len(told) == 1
    assert "66x50" in told[0]
    clip = Clip(tmp_path / "out.mp4")
    assert clip.size == (66, 50)
    np.testing.assert_allclose(clip.first[:, -1].astype(int), clip.first[:, -2], atol=3)
    np.testing.assert_allclose(clip.first[-1].astype(int), clip.first[-2], atol=3)
    assert write(tmp_path / "out.webm", frames) == []
    assert Clip(tmp_path / "out.webm").size == (65, 49)


@pytest.mark.parametrize(("suffix", "decoder"), [(".mov", "prores"), (".webm", "libvpx-vp9")])
def test_transparency_is_kept_in_videos(tmp_path: Path, suffix: str, decoder: str) -> None:
    path = tmp_path / f"out{suffix}"
    write(path, [see_through(SIZE)] * 5)
    with av.open(path) as container:
        stream = container.streams.video[0]
        context: Any = av.CodecContext.create(decoder, "r")
        context.extradata = stream.codec_context.extradata
        frames = [frame for packet in container.demux(stream) if packet.size for frame in context.decode(packet)]
        frames += context.decode(None)
    assert len(frames) == 5
    quarters = centres(frames[2].reformat(format="rgba", src_colorspace=1).to_ndarray())
    np.testing.assert_allclose(quarters[..., 3], [[255, 0], [255, 0]], atol=3)
    np.testing.assert_allclose(quarters[:, 0, :3], centres(corners(SIZE))[:, 0], atol=8)


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
@pytest.mark.parametrize("alpha", [False, True])
def test_animations_for_the_web(tmp_path: Path, suffix: str, alpha: bool) -> None:
    path = tmp_path / f"out{suffix}"
    moving = [np.roll(see_through(SIZE) if alpha else corners(SIZE), 5 * index, axis=0) for index in range(7)]
    write(path, moving, source(7, Fraction(25)), steady=True)
    with Image.open(path) as image:
        assert (image.size, image.n_frames, image.info["loop"]) == (SIZE, 7, 0)
        shown, durations = [], []
        for frame in ImageSequence.Iterator(image):
            shown.append(np.asarray(frame.convert("RGBA")))
            durations.append(frame.info["duration"])
    assert durations == [40] * 7
    for mine, theirs in zip(shown, moving, strict=True):
        quarters, wanted = centres(mine), centres(theirs)
        if alpha:
            np.testing.assert_array_equal(quarters[..., 3], wanted[..., 3])
        np.testing.assert_allclose(quarters[:, 0, :3], wanted[:, 0, :3], atol=16)


def gif_frames(path: Path) -> list[Pixels]:
    with Image.open(path) as image:
        return [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(image)]


def test_what_stands_still_in_a_gif_does_not_flicker(tmp_path: Path) -> None:
    gradient = np.zeros((48, 64, 3), np.uint8)
    gradient[..., 0], gradient[..., 1] = np.arange(64) * 4, np.arange(48)[:, None] * 5
    frames = [gradient.copy() for _ in range(6)]
    for index, frame in enumerate(frames):
        frame[20:28, 8 * index : 8 * index + 8] = gradient[40, 60]
    write(tmp_path / "out.gif", frames, source(6, Fraction(25)), steady=True)
    shown = gif_frames(tmp_path / "out.gif")
    assert len(shown) == 6
    for frame in shown[1:]:
        np.testing.assert_array_equal(frame[:20], shown[0][:20])


def test_a_gif_of_a_clip_follows_its_colours(tmp_path: Path) -> None:
    frames = [np.full((48, 64, 3), colour, np.uint8) for colour in ((200, 0, 0), (0, 200, 0), (0, 0, 200))]
    write(tmp_path / "out.gif", frames, source(3, Fraction(25)), steady=False)
    for mine, theirs in zip(gif_frames(tmp_path / "out.gif"), frames, strict=True):
        np.testing.assert_allclose(mine.astype(int), theirs, atol=4)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp", ".jpg"])
def test_pictures_are_numbered_from_one(tmp_path: Path, suffix: str) -> None:
    write(tmp_path / f"made/f%03d{suffix}", [corners(SIZE), *grey(SIZE, 2)])
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == [f"f00{n}{suffix}" for n in (1, 2, 3)]
    with Image.open(tmp_path / f"made/f001{suffix}") as image:
        np.testing.assert_allclose(centres(np.asarray(image)), centres(corners(SIZE)), atol=4)


def test_pictures_keep_transparency(tmp_path: Path) -> None:
    write(tmp_path / "%d.png", [see_through(SIZE)])
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "1.png")), see_through(SIZE))


@pytest.mark.parametrize(
    ("name", "alpha", "parts"),
    [
        ("out.xyz", False, (".mp4", "frames/%05d.png")),
        ("out", False, ("no suffix",)),
        ("out.mp4", True, ("transparency", ".webm", "background colour")),
        ("out.mkv", True, ("transparency",)),
        ("%d.jpg", True, ("transparency",)),
        ("%d.mp4", False, (".png",)),
        ("-", True, ("background colour",)),
        ("folder.mp4", False, ("is a folder",)),
        ("file.mp4/out.mp4", False, ("not a folder",)),
    ],
)
def test_a_place_that_cannot_take_it_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, alpha: bool, parts: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder.mp4").mkdir()
    Path("file.mp4").write_bytes(b"a file")
    refusal_of(lambda: VideoOutput(name, alpha), *parts)


@pytest.mark.parametrize(
    ("name", "size", "rate", "part"),
    [("out.mp4", (17000, 16), 30, "16384"), ("out.webp", (17000, 16), 30, "16383"), ("out.gif", SIZE, 60, ".webp")],
)
def test_frames_that_the_format_cannot_hold_are_refused(
    tmp_path: Path, name: str, size: tuple[int, int], rate: int, part: str
) -> None:
    def open_it() -> None:
        with VideoOutput(str(tmp_path / name)).open(source(3, Fraction(rate)), size, True, print):
            raise AssertionError("it was opened")

    refusal_of(open_it, name, part)
    assert not list(tmp_path.iterdir())


@contextmanager
def small_disk(limit: int) -> Iterator[None]:
    """No file can have more bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


noise = list(np.random.default_rng(0).integers(0, 255, (30, 240, 320, 3), dtype=np.uint8))


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".gif", ".webp"])
def test_a_full_disk_leaves_what_was_there(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    path.write_bytes(b"an old video")
    with small_disk(100_000):
        refusal_of(lambda: write(path, noise), path, "can't write")
    assert path.read_bytes() == b"an old video"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", [*FILES, ".gif", ".webp"])
def test_an_error_midway_leaves_what_was_there(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    path.write_bytes(b"an old video")

    def break_off() -> None:
        with VideoOutput(str(path)).open(source(30), SIZE, True, print) as sink:
            for index, pixels in enumerate(grey(SIZE, 10)):
                sink.write(pixels, index, 1)
            raise UserError("the clip is damaged")

    refusal_of(break_off, "the clip is damaged")
    assert path.read_bytes() == b"an old video"
    assert list(tmp_path.iterdir()) == [path]
