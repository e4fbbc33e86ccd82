"""Frames through pipes: y4m and raw rgb24, whole frames alone, at an even rate."""

import io
import os
import threading
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from ingan_fast.video.frames import Timing
from ingan_fast.video.pipes import PipeInput, RawFrames, RawOutput, Y4mOutput
from ingan_fast.video.reading import Clip
from picture_files import refusal_of
from video_clips import Recipe, corners, frames_of, grey, make_clip, seconds_of

SIZE = (64, 48)
EVEN = Timing(Fraction(1, 30), Fraction(30))


class Pipe:
    """A pipe that another thread fills."""

    def __init__(self, data: bytes, stays_open: bool = False):
        self._read, self._write = os.pipe()
        self.interrupted = threading.Event()
        self.input = PipeInput(self._read, self.interrupted)
        self._filler = threading.Thread(target=self._fill, args=(data, stays_open), daemon=True)
        self._filler.start()

    def _fill(self, data: bytes, stays_open: bool) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._write, view) :]
        if not stays_open:
            os.close(self._write)


def raw(frames: list[np.ndarray]) -> bytes:
    return b"".join(frame.tobytes() for frame in frames)


def y4m(levels: list[int]) -> bytes:
    """Grey frames of `SIZE` at 30 a second, 4:2:0 in limited range."""
    frames = [bytes([16 + round(219 * level / 255)]) * (64 * 48) + bytes([128]) * (64 * 48 // 2) for level in levels]
    return b"YUV4MPEG2 W64 H48 F30:1 Ip A1:1 C420mpeg2\n" + b"".join(b"FRAME\n" + frame for frame in frames)


def test_raw_frames_are_read_at_the_rate_that_is_told() -> None:
    frames = [corners(SIZE), *grey(SIZE, 9)]
    source = RawFrames(Pipe(raw(frames)).input, SIZE, Fraction(25))
    read = [(frame.number, np.array(frame.pixels), frame.pts) for frame in source]
    assert source.timing.base * source.timing.rate == 1
    assert [number for number, _, _ in read] == list(range(1, 11))
    assert [pts for _, _, pts in read] == list(range(10))
    assert all(np.array_equal(mine, theirs) for (_, mine, _), theirs in zip(read, frames, strict=True))
    assert np.array_equal(source.first, frames[0])


def test_a_raw_frame_that_is_not_whole_is_refused() -> None:
    source = RawFrames(Pipe(raw(grey(SIZE, 5)) + bytes(100)).input, SIZE, Fraction(30))
    refusal_of(lambda: list(source), "frame 6", "100 of its 9216 bytes", "64x48")
    refusal_of(lambda: RawFrames(Pipe(bytes(100)).input, SIZE, Fraction(30)), "frame 1")
    refusal_of(lambda: RawFrames(Pipe(b"").input, SIZE, Fraction(30)), "no frames")


def test_a_y4m_pipe_is_read_like_a_clip() -> None:
    clip = Clip(Pipe(y4m([20 + 20 * index for index in range(7)])).input)
    frames = frames_of(clip)
    assert clip.size == SIZE
    assert seconds_of(clip, frames) == pytest.approx([index / 30 for index in range(8)])
    levels = [int(frame.pixels.mean()) for frame in frames if frame.pixels is not None]
    np.testing.assert_allclose(levels, [20 + 20 * index for index in range(7)], atol=2)


@pytest.mark.parametrize("lacking", [1, 2000, 4610])
def test_a_y4m_pipe_that_ends_within_a_frame_is_refused(lacking: int) -> None:
    data = y4m([100] * 7)
    refusal_of(lambda: frames_of(Clip(Pipe(data[:-lacking]).input)), "standard input", "cut short")


def test_any_stream_can_be_piped_in(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mkv", grey(SIZE, 7), Recipe(audio="aac"))
    clip = Clip(Pipe(path.read_bytes()).input)
    assert len(clip.other_streams.audio) == 1
    assert len(frames_of(clip)) == 7


def test_what_is_no_video_in_a_pipe_is_refused() -> None:
    refusal_of(lambda: Clip(Pipe(b"text" * 99).input), "standard input", "can't be read as a video")


def test_waiting_for_a_pipe_ends_with_an_interrupt() -> None:
    pipe = Pipe(raw(grey(SIZE, 2)), stays_open=True)
    source = RawFrames(pipe.input, SIZE, Fraction(30))
    threading.Timer(0.05, pipe.interrupted.set).start()
    assert len(list(source)) == 2


@pytest.fixture
def written() -> Iterator[io.BytesIO]:
    with io.BytesIO() as file:
        yield file


def test_raw_output_is_the_frames_alone(written: io.BytesIO) -> None:
    frames = [corners((33, 17)), *grey((33, 17), 3)]
    sink = RawOutput(written, EVEN)
    for index, pixels in enumerate(frames):
        sink.write(pixels, index, 1)
    sink.finish()
    assert written.getvalue() == raw(frames)


@pytest.mark.parametrize("size", [(64, 48), (65, 49), (1280, 16)])
def test_y4m_output_has_the_colours_that_readers_assume(
    written: io.BytesIO, tmp_path: Path, size: tuple[int, int]
) -> None:
    sink = Y4mOutput(written, Timing(Fraction(1001, 30000), Fraction(30000, 1001)), size)
    for index in range(3):
        sink.write(corners(size), index, 1)
    sink.finish()
    assert written.getvalue().startswith(b"YUV4MPEG2 W%d H%d F30000:1001 Ip A1:1 C420" % size)
    path = tmp_path / "out.y4m"
    path.write_bytes(written.getvalue())
    clip = Clip(path)
    frames = frames_of(clip)
    assert (clip.size, len(frames), clip.timing.rate) == (size, 3, Fraction(30000, 1001))
    height, width = size[1], size[0]
    places = np.ix_([height // 4, 3 * height // 4], [width // 4, 3 * width // 4])
    assert frames[2].pixels is not None
    np.testing.assert_allclose(frames[2].pixels[places].astype(int), corners(size)[places], atol=4)


def test_frames_are_repeated_or_left_out_where_their_times_are_uneven(written: io.BytesIO) -> None:
    sink = RawOutput(written, Timing(Fraction(1, 600), Fraction(30)))
    times = [100, 120, 180, 190, 200, 220]
    for level, (start, end) in enumerate(pairwise(times)):
        sink.write(np.full((1, 1, 3), level, np.uint8), start, end - start)
    assert list(written.getvalue()[::3]) == [0, 1, 1, 1, 3, 4]


def test_a_closed_pipe_is_noticed() -> None:
    read, write = os.pipe()
    os.close(read)
    with open(write, "wb", buffering=0) as file:
        sink = RawOutput(file, EVEN)
        with pytest.raises(BrokenPipeError):
            sink.write(corners(SIZE), 0, 1)


def test_a_pipe_that_takes_little_at_a_time_gets_everything() -> None:
    class Narrow(io.RawIOBase):
        taken = b""

        def write(self, data: memoryview) -> int:  # type: ignore[override]
            self.taken += bytes(data[:1000])
            return min(len(data), 1000)

    narrow = Narrow()
    RawOutput(narrow, EVEN).write(corners(SIZE), 0, 1)  # type: ignore[arg-type]
    assert narrow.taken == corners(SIZE).tobytes()
