"""Subtitles and chapters of a clip are carried where the container can hold them; else that is told."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from ingan_fast.video.frames import Frame
from ingan_fast.video.reading import Clip
from ingan_fast.video.writing import VideoOutput
from video_clips import grey

SIZE = (64, 48)
TICK = Fraction(1, 1000)
WORDS = [(0, 400, "The first line"), (500, 300, "and the second")]  # ms from, for, text
CHAPTERS = [("one", 0, 600), ("two", 600, 1000)]  # name, ms


def clock(milliseconds: int) -> str:
    return f"00:00:0{(200 + milliseconds) / 1000:.3f}".replace(".", ",")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A second of frames with subtitles and chapters, whose clock starts at 0.2 s."""
    path, text = tmp_path / "in.mkv", tmp_path / "in.srt"
    blocks = [f"1\n{clock(start)} --> {clock(start + length)}\n{line}\n" for start, length, line in WORDS]
    text.write_text("\n".join(blocks))
    with av.open(path, "w") as container, av.open(text) as lines:
        video: Any = container.add_stream("libx264", 30)
        video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
        words = container.add_stream_from_template(lines.streams.subtitles[0])
        chapters: Any = [
            {
                "id": n,
                "start": 200 + start,
                "end": 200 + end,
                "time_base": Fraction(1, 1000),
                "metadata": {"title": name},
            }
            for n, (name, start, end) in enumerate(CHAPTERS)
        ]
        container.set_chapters(chapters)
        packets = []
        for index, pixels in enumerate(grey(SIZE, 30)):
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
            frame.pts, frame.time_base = 6 + index, Fraction(1, 30)
            packets += video.encode(frame)
        packets += video.encode(None)
        for packet in lines.demux(subtitles=0):
            if packet.size:
                packet.stream = words
                packets.append(packet)
        container.mux(sorted(packets, key=lambda one: one.dts * one.time_base))
    return path


def remux(source: Path, out: Path) -> list[str]:
    """What is told."""
    told: list[str] = []
    clip = Clip(source)
    with VideoOutput(str(out)).open(clip, SIZE, False, told.append) as sink:
        for item in clip:
            if isinstance(item, Frame):
                sink.write(np.array(item.pixels), item.pts, item.duration)
            else:
                sink.write_packet(item)
        sink.finish()
    return told


def words_of(path: Path) -> list[tuple[int, int, str]]:
    with av.open(path) as container:
        return [
            (
                round(packet.pts * packet.time_base * 1000),
                round(packet.duration * packet.time_base * 1000),
                bytes(packet).decode(),
            )
            for packet in container.demux(subtitles=0)
            if packet.size
        ]


def chapters_of(path: Path) -> list[tuple[str, int, int]]:
    with av.open(path) as container:
        return [
            (one["metadata"]["title"], *(round(one[side] * one["time_base"] * 1000) for side in ("start", "end")))
            for one in container.chapters()
        ]


def test_both_are_carried_with_their_times(clip: Path, tmp_path: Path) -> None:
    assert remux(clip, tmp_path / "out.mkv") == []
    assert words_of(tmp_path / "out.mkv") == WORDS
    assert chapters_of(tmp_path / "out.mkv") == CHAPTERS


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".webm"])
def test_chapters_are_carried_and_subtitles_that_have_no_place_are_told(
    clip: Path, tmp_path: Path, suffix: str
) -> None:
    told = remux(clip, tmp_path / f"out{suffix}")
    assert len(told) == 1
    assert "srt subtitles" in told[0]
    assert chapters_of(tmp_path / f"out{suffix}") == CHAPTERS
    assert len([item for item in Clip(tmp_path / f"out{suffix}") if isinstance(item, Frame)]) == 30


def test_a_file_of_pictures_alone_tells_what_it_leaves_out(clip: Path, tmp_path: Path) -> None:
    told = remux(clip, tmp_path / "out.webp")
    assert len(told) == 1
    assert "subtitles" in told[0]
