"""Clips are read as they are shown, with their times and their sound, or refused in one line."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av import Packet

from ingan_fast.pictures import Pixels
from ingan_fast.video.reading import Clip
from picture_files import refusal_of
from video_clips import Recipe, corners, frames_of, grey, make_clip, seconds_of

SIZE = (64, 48)
FAITHFUL = Recipe(pixel_format="yuv444p", options={"crf": "1"})
AUDIO = Recipe(audio="aac")


def read(path: Path) -> list[Pixels]:
    return [frame.pixels for frame in frames_of(Clip(path)) if frame.pixels is not None]


def close_to(pixels: Pixels, wanted: Pixels, levels: int) -> bool:
    """Away from edges between colours, which chroma subsampling blurs."""
    rows, columns = (np.array([side // 4, 3 * side // 4]) for side in wanted.shape[:2])
    there, here = (array[rows[:, None], columns[None]].astype(int) for array in (wanted, pixels))
    return pixels.shape == wanted.shape and bool(np.abs(there - here).max() <= levels)


def test_frames_come_in_order_with_numbers_and_times(tmp_path: Path) -> None:
    clip = Clip(make_clip(tmp_path / "clip.mp4", grey(SIZE, 11)))
    frames = frames_of(clip)
    assert [frame.number for frame in frames] == list(range(1, 12))
    assert seconds_of(clip, frames) == pytest.approx([index / 30 for index in range(12)])
    levels = [int(frame.pixels.mean()) for frame in frames if frame.pixels is not None]
    np.testing.assert_allclose(levels, [20 + 20 * index for index in range(11)], atol=2)
    assert (clip.size, clip.timing.rate, clip.timing.even, clip.total) == (SIZE, 30, True, 11)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_uneven_times_are_kept(tmp_path: Path, suffix: str) -> None:
    times = [0, 20, 40, 140, 160, 400, 600]
    clip = Clip(make_clip(tmp_path / f"clip{suffix}", grey(SIZE, 6), Recipe(times=times)))
    assert seconds_of(clip, frames_of(clip)) == pytest.approx([time / 600 for time in times], abs=6e-4)


def test_times_are_counted_from_the_start_of_the_file(tmp_path: Path) -> None:
    times = [300 + 20 * index for index in range(31)]
    clip = Clip(make_clip(tmp_path / "clip.ts", grey(SIZE, 30), Recipe(times=times)))
    assert seconds_of(clip, frames_of(clip)) == pytest.approx([index / 30 for index in range(31)])


TURNS = {
    "none": ((1, 0, 0, 1), lambda picture: picture),
    "a quarter anticlockwise": ((0, -1, 1, 0), lambda picture: np.rot90(picture, 1)),
    "half": ((-1, 0, 0, -1), lambda picture: np.rot90(picture, 2)),
    "a quarter clockwise": ((0, 1, -1, 0), lambda picture: np.rot90(picture, 3)),
    "mirrored": ((-1, 0, 0, 1), lambda picture: picture[:, ::-1]),
    "upside down": ((1, 0, 0, -1), lambda picture: picture[::-1]),
    "along the diagonal": ((0, 1, 1, 0), lambda picture: picture.transpose(1, 0, 2)),
}


@pytest.mark.parametrize("turn", TURNS)
def test_a_turned_clip_is_read_as_it_is_shown(tmp_path: Path, turn: str) -> None:
    matrix, shown = TURNS[turn]
    path = make_clip(tmp_path / "clip.mp4", [corners(SIZE)], replace(FAITHFUL, display_matrix=matrix))
    clip = Clip(path)
    wanted = shown(corners(SIZE))
    assert clip.size == wanted.shape[1::-1]
    assert close_to(clip.first, wanted, 3)
    assert close_to(read(path)[0], wanted, 3)


def test_pixels_that_are_not_square_are_made_square(tmp_path: Path) -> None:
    for aspect, size in ((Fraction(2), (128, 48)), (Fraction(1, 2), (64, 96)), (Fraction(16, 15), (68, 48))):
        path = make_clip(tmp_path / "clip.mp4", [corners(SIZE)], replace(FAITHFUL, pixel_aspect=aspect))
        assert Clip(path).size == size
        assert close_to(Clip(path).first, corners(size), 3)


def test_odd_sizes_are_read_whole(tmp_path: Path) -> None:
    picture = corners((65, 49))
    picture[:, -1] = (250, 250, 0)
    read_back = read(make_clip(tmp_path / "clip.mp4", [picture], FAITHFUL))[0]
    assert close_to(read_back, picture, 3)
    np.testing.assert_allclose(read_back[:, -1].astype(int), picture[:, -1], atol=6)


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("matrix", [1, 5, 6, 9])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p", "yuv420p10le"])
def test_colours_are_right_in_every_matrix_range_and_depth(
    tmp_path: Path, matrix: int, full_range: bool, pixel_format: str
) -> None:
    recipe = Recipe("libx264", pixel_format, matrix=5 if matrix == 6 else matrix, full_range=full_range)
    path = make_clip(tmp_path / "clip.mp4", [corners(SIZE)], replace(recipe, tagged_matrix=matrix))
    assert Clip(path).colour.matrix == matrix
    assert close_to(read(path)[0], corners(SIZE), 4)


@pytest.mark.parametrize(("size", "matrix"), [((64, 48), 6), ((1280, 64), 1), ((64, 720), 1)])
def test_an_untagged_clip_has_the_matrix_that_players_assume(
    tmp_path: Path, size: tuple[int, int], matrix: int
) -> None:
    recipe = Recipe(matrix=5 if matrix == 6 else matrix, tagged_matrix=2)
    path = make_clip(tmp_path / "clip.mp4", [corners(size)], recipe)
    assert Clip(path).colour.matrix == matrix
    assert close_to(read(path)[0], corners(size), 4)


def test_rgb_in_a_video_needs_no_matrix(tmp_path: Path) -> None:
    recipe = Recipe("ffv1", "bgr0", tagged_matrix=2, options={})
    path = make_clip(tmp_path / "clip.mkv", [corners(SIZE)], recipe)
    assert np.array_equal(read(path)[0], corners(SIZE))


def test_sound_lies_between_the_frames(tmp_path: Path) -> None:
    clip = Clip(make_clip(tmp_path / "clip.mp4", grey(SIZE, 30), AUDIO))
    kinds = ["sound" if isinstance(item, Packet) else "frame" for item in clip]
    assert len(clip.other_streams.audio) == 1
    assert kinds.count("frame") == 30
    assert kinds.count("sound") == 48  # 1024 samples each, and the encoder's delay
    assert "frame" in kinds[kinds.index("sound") + 1 : -kinds[::-1].index("sound") - 1]


def cut(path: Path, share: float = 0.6) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: round(len(data) * share)])
    return path


noise = np.random.default_rng(0).integers(0, 255, (40, 48, 64, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("name", "recipe"),
    [
        ("clip.mp4", Recipe()),
        ("clip.mp4", Recipe(container_options={"movflags": "+faststart"})),
        ("clip.mkv", Recipe()),
        ("clip.mkv", AUDIO),
        ("clip.webm", Recipe("libvpx")),
        ("clip.avi", Recipe("mjpeg", "yuvj420p", full_range=True)),
    ],
)
def test_a_clip_that_is_cut_short_is_refused(tmp_path: Path, name: str, recipe: Recipe) -> None:
    path = make_clip(tmp_path / name, noise, recipe)
    assert len(frames_of(Clip(path))) == 40
    refusal_of(lambda: frames_of(Clip(cut(path))), path, "cut short")


@pytest.mark.parametrize(
    ("name", "recipe"),
    [
        ("clip.mp4", Recipe(container_options={"movflags": "+faststart"})),
        ("clip.mkv", Recipe()),
        ("clip.webm", Recipe("libvpx")),
        ("clip.avi", Recipe("mjpeg", "yuvj420p", full_range=True)),
    ],
)
def test_a_clip_that_lacks_a_few_frames_is_refused_in_every_container(
    tmp_path: Path, name: str, recipe: Recipe
) -> None:
    path = make_clip(tmp_path / name, noise[:24], replace(recipe, rate=24))
    assert len(frames_of(Clip(path))) == 24
    with av.open(path) as container:
        ends = [packet.pos + packet.size for packet in container.demux(video=0) if packet.size]
    path.write_bytes(path.read_bytes()[: ends[16]])  # whole frames are missing: nothing is damaged
    refusal_of(lambda: frames_of(Clip(path)), path, "cut short")


def test_a_damaged_clip_is_refused_with_the_frame(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", noise)
    with av.open(path) as container:
        place = [packet.pos for packet in container.demux(video=0) if packet.size][20]
    data = bytearray(path.read_bytes())
    data[place : place + 4000] = bytes([255]) * 4000
    path.write_bytes(data)
    refusal_of(lambda: frames_of(Clip(path)), path, "frame", "damaged")


def test_a_size_that_changes_midway_is_refused_with_the_frame(tmp_path: Path) -> None:
    first, second = (
        make_clip(tmp_path / f"{width}.h264", grey((width, 48), 5), Recipe(container="h264")) for width in (64, 80)
    )
    both = tmp_path / "both.h264"
    both.write_bytes(first.read_bytes() + second.read_bytes())
    refusal_of(lambda: frames_of(Clip(both)), "frame 6 is 80x48", "64x48")


def sound_alone(path: Path) -> None:
    with av.open(path, "w") as container:
        stream = container.add_stream("aac", 48_000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 48_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (lambda path: None, "doesn't exist"),
        (lambda path: path.mkdir(), "is not a file"),
        (lambda path: path.write_bytes(b""), "empty"),
        (lambda path: path.write_bytes(b"text" * 99), "can't be read as a video"),
        (sound_alone, "no video stream"),
    ],
)
def test_what_is_no_video_is_refused(tmp_path: Path, make: Callable[[Path], object], part: str) -> None:
    path = tmp_path / "clip.mp4"
    make(path)
    refusal_of(lambda: Clip(path), path, part)


def test_frames_without_a_time_or_at_the_same_follow_each_other(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.h264", grey(SIZE, 5), Recipe(container="h264"))
    clip = Clip(path)
    frames = frames_of(clip)
    steps = np.diff([frame.pts for frame in frames])
    assert len(frames) == 5
    assert (steps == steps[0]).all()
    assert steps[0] > 0
