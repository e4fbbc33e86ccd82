"""Sound of clips: copied, re-encoded, or left out with a notice."""

from pathlib import Path

import av
import numpy as np
import pytest

from ingan_fast.video.frames import Frame
from ingan_fast.video.reading import Clip
from ingan_fast.video.writing import VideoOutput
from video_clips import Recipe, centres, corners, frames_of, grey, make_clip, seconds_of

SIZE = (64, 48)


def remux(clip: Clip, path: Path) -> list[str]:
    told: list[str] = []
    with VideoOutput(str(path)).open(clip, clip.size, False, told.append) as sink:
        for item in clip:
            if isinstance(item, Frame):
                assert item.pixels is not None
                sink.write(item.pixels, item.pts, item.duration)
            else:
                sink.write_packet(item)
        sink.finish()
    return told


def sound(path: Path) -> tuple[str, list[bytes]]:
    with av.open(path) as container:
        stream = container.streams.audio[0]
        return stream.codec_context.name, [bytes(packet) for packet in container.demux(stream) if packet.size]


def heard(path: Path) -> np.ndarray:
    """The samples, with what the decoder has to leave out left out."""
    with av.open(path) as container:
        return np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])


@pytest.mark.parametrize(("codec", "suffix"), [("aac", ".mp4"), ("aac", ".mkv"), ("libopus", ".webm"), ("aac", ".mov")])
def test_sound_is_copied_as_it_is(tmp_path: Path, codec: str, suffix: str) -> None:
    path = make_clip(tmp_path / f"in{'.mkv' if codec == 'libopus' else '.mp4'}", grey(SIZE, 30), Recipe(audio=codec))
    assert remux(Clip(path), tmp_path / f"out{suffix}") == []
    assert sound(tmp_path / f"out{suffix}") == sound(path)
    assert Clip(tmp_path / f"out{suffix}").seconds == pytest.approx(Clip(path).seconds, abs=0.03)


@pytest.mark.parametrize(("codec", "suffix", "anew"), [("aac", ".webm", "opus"), ("libopus", ".mov", "aac")])
def test_sound_that_the_file_cannot_hold_is_re_encoded_with_a_notice(
    tmp_path: Path, codec: str, suffix: str, anew: str
) -> None:
    path = make_clip(tmp_path / "in.mkv", grey(SIZE, 30), Recipe(audio=codec))
    told = remux(Clip(path), tmp_path / f"out{suffix}")
    assert len(told) == 1
    assert "re-encoded" in told[0]
    assert sound(tmp_path / f"out{suffix}")[0] == anew
    samples = heard(tmp_path / f"out{suffix}")
    assert len(samples) / 48_000 == pytest.approx(1, abs=0.05)
    middle = samples[12_000:36_000]
    pitch = np.abs(np.fft.rfft(middle)).argmax() * 48_000 / len(middle)
    assert pitch == pytest.approx(440, abs=2)
    assert middle.max() == pytest.approx(0.5, abs=0.1)


def test_sound_that_has_no_place_is_left_out_and_it_is_told(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "in.mp4", grey(SIZE, 9), Recipe(rate=25, audio="aac"))
    for name in ("out.gif", "out.webp", "%d.png"):
        told = remux(Clip(path), tmp_path / name)
        assert len(told) == 1
        assert "sound" in told[0]


def test_a_turned_uneven_ten_bit_clip_with_sound_comes_through(tmp_path: Path) -> None:
    times = [20 * index for index in range(0, 40) if index % 3 or index > 20]
    recipe = Recipe("libx265", "yuv420p10le", times=times, display_matrix=(0, 1, -1, 0), audio="aac", matrix=9)
    recipe.options["x265-params"] = "log-level=none"
    path = make_clip(tmp_path / "in.mp4", [corners((66, 50))] * (len(times) - 1), recipe)
    remux(Clip(path), tmp_path / "out.mp4")
    before, after = Clip(path), Clip(tmp_path / "out.mp4")
    assert before.size == after.size == (50, 66)
    assert after.seconds == pytest.approx(before.seconds, abs=1e-3)
    old, new = (seconds_of(clip, frames_of(clip)) for clip in (before, after))
    assert new == pytest.approx(old, abs=1e-4)
    assert sound(tmp_path / "out.mp4") == sound(path)
    np.testing.assert_allclose(centres(after.first), centres(np.rot90(corners((66, 50)), 3)), atol=6)
