"""Clips for tests, made with PyAV, and a fast engine."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.codec.context import Flags
from av.video.reformatter import VideoReformatter

from ingan_fast.geometry import Transform
from ingan_fast.pictures import Pixels
from ingan_fast.video.colour import LIMITED
from ingan_fast.video.frames import Frame
from ingan_fast.video.reading import Clip

BASE = Fraction(1, 600)


def corners(size: tuple[int, int], level: int = 200) -> Pixels:
    """Four quarters in different colours: red, green / blue, grey; uint8 [H, W, 3]."""
    width, height = size
    picture = np.full((height, width, 3), 90, np.uint8)
    top, bottom, left, right = (
        slice(height // 2),
        slice(height // 2, None),
        slice(width // 2),
        slice(width // 2, None),
    )
    for channel, quarter in enumerate([(top, left), (top, right), (bottom, left)]):
        picture[quarter] = 30
        picture[(*quarter, channel)] = level
    return picture


def centres(pixels: Pixels) -> Pixels:
    """Of the four quarters: [2, 2, C]."""
    rows, columns = (np.array([side // 4, 3 * side // 4]) for side in pixels.shape[:2])
    return pixels[rows[:, None], columns[None]].astype(int)


def grey(size: tuple[int, int], count: int) -> list[Pixels]:
    """Frames with different levels, 20 apart."""
    return [np.full((size[1], size[0], 3), 20 + 20 * (index % 11), np.uint8) for index in range(count)]


@dataclass(frozen=True)
class Recipe:
    """Parameters of `make_clip`."""

    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    rate: int = 30
    times: Sequence[int] | None = None  # of each frame and of the end, in 1/600 s; None: evenly by the rate
    matrix: int = 1
    tagged_matrix: int | None = None  # None: `matrix`
    full_range: bool = False
    pixel_aspect: Fraction | None = None
    display_matrix: Sequence[int] | None = None  # a, b, c, d of libavutil/display.h, each 0 or ±1
    audio: str | None = None  # codec of a tone as long as the clip
    options: dict[str, str] = field(default_factory=lambda: {"crf": "4"})
    container_options: dict[str, str] = field(default_factory=dict)
    container: str | None = None


def make_clip(path: Path, frames: Sequence[Pixels], recipe: Recipe | None = None) -> Path:
    recipe = recipe or Recipe()
    container = av.open(path, "w", format=recipe.container, container_options=recipe.container_options)
    video: Any = container.add_stream(recipe.codec, recipe.rate, options=dict(recipe.options))
    context = video.codec_context
    context.width, context.height = frames[0].shape[1], frames[0].shape[0]
    context.pix_fmt, context.time_base = recipe.pixel_format, BASE
    context.flags |= Flags.frame_duration
    context.color_range = 2 if recipe.full_range else LIMITED
    context.colorspace = recipe.matrix if recipe.tagged_matrix is None else recipe.tagged_matrix
    context.max_b_frames = 0
    if recipe.pixel_aspect:
        context.sample_aspect_ratio = recipe.pixel_aspect
    if recipe.display_matrix:
        a, b, c, d = (value << 16 for value in recipe.display_matrix)
        video.set_display_matrix([a, b, 0, c, d, 0, 0, 0, 1 << 30])
    times = recipe.times or [round(index / recipe.rate / BASE) for index in range(len(frames) + 1)]
    tone = _tone(container, recipe.audio, float(times[-1] * BASE)) if recipe.audio else []
    converter = VideoReformatter()
    for pixels, start, end in zip(frames, times, times[1:], strict=False):
        rgb = av.VideoFrame.from_ndarray(pixels, "rgb24")
        frame = converter.reformat(
            rgb,
            format=recipe.pixel_format,
            dst_colorspace=recipe.matrix,
            src_color_range=2,
            dst_color_range=2 if recipe.full_range else LIMITED,
        )
        frame.pts, frame.time_base, frame.duration = start, BASE, end - start
        container.mux(video.encode(frame))
        while tone and tone[0].pts * tone[0].time_base <= start * BASE:
            container.mux(tone.pop(0))
    container.mux(video.encode(None))
    container.mux(tone)
    container.close()
    return path


def _tone(container: Any, codec: str, seconds: float) -> list[av.Packet]:
    stream = container.add_stream(codec, 48_000)
    stream.layout = "mono"
    samples = np.sin(np.arange(round(48_000 * seconds)) * 2 * np.pi * 440 / 48_000, dtype=np.float32)[None] / 2
    packets = []
    for start in range(0, samples.shape[1], 1024):
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[:, start : start + 1024]), "fltp", "mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, start, Fraction(1, 48_000)
        packets += stream.encode(frame)
    return packets + stream.encode(None)


def frames_of(clip: Clip) -> list[Frame]:
    """All frames, with copies of their pixels."""
    return [
        Frame(item.number, np.array(item.pixels), item.pts, item.duration) for item in clip if isinstance(item, Frame)
    ]


def seconds_of(clip: Clip, frames: Sequence[Frame]) -> list[float]:
    """Start time of each frame, and the last one's end."""
    base = clip.timing.base
    return [float(frame.pts * base) for frame in frames] + [float((frames[-1].pts + frames[-1].duration) * base)]


class QuickEngine:
    """Nearest-pixel resizing; of a built-in picture if no frame is given."""

    source_size = (64, 48)

    def __init__(self) -> None:
        self.source = corners(self.source_size)

    def __call__(self, frame: Pixels | None, *, transform: Transform, out: Pixels, warp: str = "smooth") -> Pixels:
        pixels = self.source if frame is None else frame
        width, height = transform.size
        rows, columns = (np.arange(n) * side // n for n, side in zip((height, width), pixels.shape[:2], strict=True))
        np.copyto(out, pixels[rows[:, None], columns[None]])
        return out

    def warp_for(self, frame: Pixels | None, warp: str) -> str:
        return "smooth"

    def close(self) -> None:
        pass
