"""Writes video files with libav: encoded frames, copied audio and subtitles."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av import Packet, VideoFrame
from av.audio import AudioFrame, AudioStream
from av.codec.context import Flags
from av.container import OutputContainer
from av.subtitles.stream import SubtitleStream
from av.video.stream import VideoStream

from ingan_fast.errors import UserError
from ingan_fast.geometry import Size
from ingan_fast.pictures import Pixels
from ingan_fast.video.colour import LIMITED, Colour, Converter
from ingan_fast.video.frames import OtherStreams, Timing

ENCODERS = {"opus": "libopus"}  # codecs whose namesake encoder is experimental
NOT_IN_MOV = ("flac", "libopus", "opus")  # libav lists them as supported in .mov, but refuses them
RATE = 48_000  # samples per second; supported by all audio codecs


@dataclass(frozen=True)
class Codec:
    """An encoder and its options."""

    name: str
    pixel_format: str
    max_side: int
    even: bool = False  # requires even sides
    options: dict[str, str] = field(default_factory=dict)
    container_options: dict[str, str] = field(default_factory=dict)


# Visually near lossless; can play while loading; supported by browsers.
H264 = Codec(
    "libx264",
    "yuv420p",
    16384,
    even=True,
    options={"crf": "16", "preset": "veryfast"},
    container_options={"movflags": "+faststart"},
)
_VP9_OPTIONS = {"crf": "24", "b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"}
VP9 = Codec("libvpx-vp9", "yuv420p", 65535, options=_VP9_OPTIONS)
VP9_ALPHA = Codec("libvpx-vp9", "yuva420p", 65535, options=_VP9_OPTIONS | {"auto-alt-ref": "0"})
PRORES_ALPHA = Codec("prores_ks", "yuva444p10le", 65535, options={"profile": "4444", "alpha_bits": "16"})
GIF = Codec("gif", "pal8", 65535, container_options={"loop": "0"})
WEBP = Codec("libwebp_anim", "bgra", 16383, options={"quality": "85"}, container_options={"loop": "0"})


class VideoFile:
    """A sink with one video stream; audio and subtitles are copied if the container supports their codec.

    Attributes:
        size: (width, height) of the video.
        reencoded: names of audio codecs that the container doesn't support.
        left_out: names of subtitle codecs that it doesn't support.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        codec: Codec,
        size: Size,
        timing: Timing,
        colour: Colour,
        other_streams: OtherStreams = OtherStreams(),  # noqa: B008  (frozen)
        paint: Callable[[Pixels], VideoFrame] | None = None,
    ):
        """`name` is for messages; `paint` makes the codec's frames, if colour conversion isn't enough."""
        self._name = name
        self._codec, self._timing, self._colour = codec, timing, colour
        self._paint = paint or self._convert
        self.size = (size[0] + size[0] % 2, size[1] + size[1] % 2) if codec.even else size
        self._padded: Pixels | None = None
        self._converter = Converter()
        self._container = av.open(path, "w", container_options=codec.container_options)
        stream = self._container.add_stream(codec.name, timing.rate, options=dict(codec.options))
        self._stream = cast(VideoStream, stream)
        self._describe()
        self._tracks: dict[Any, _Copied | _Encoded] = {
            source: _track(self._container, source) for source in other_streams.audio
        }
        self.reencoded = [source.codec_context.name for source, track in self._tracks.items() if track.encodes]
        held = [one for one in other_streams.subtitles if _holds(self._container, one)]
        self._tracks |= {source: _Copied(self._container, source) for source in held}
        self.left_out = [one.codec_context.name for one in other_streams.subtitles if one not in held]
        if other_streams.chapters:
            self._container.set_chapters(other_streams.chapters)

    def write(self, pixels: Pixels, pts: int, duration: int) -> None:
        if (pixels.shape[1], pixels.shape[0]) != self.size:
            pixels = self._pad(pixels)
        frame = self._paint(pixels)
        frame.color_primaries, frame.color_trc = self._colour.primaries, self._colour.transfer
        frame.time_base, frame.pts, frame.duration = self._timing.base, pts, duration
        with self._as_user_errors():
            self._container.mux(self._stream.encode(frame))

    def write_packet(self, packet: Packet) -> None:
        track = self._tracks.get(packet.stream)
        if track is not None:
            with self._as_user_errors():
                self._container.mux(track.packets(packet))

    def finish(self) -> None:
        with self._as_user_errors():
            self._container.mux(self._stream.encode(None))
            for track in self._tracks.values():
                self._container.mux(track.packets(None))
            self._container.close()

    def close(self) -> None:
        """Close an unfinished file."""
        with suppress(av.FFmpegError, OSError):
            self._container.close()

    @contextmanager
    def _as_user_errors(self) -> Iterator[None]:
        try:
            yield
        except (av.FFmpegError, OSError) as error:
            raise UserError(f"can't write {self._name}: {error.strerror or error}; nothing was changed") from error

    def _describe(self) -> None:
        context = self._stream.codec_context
        context.width, context.height = self.size
        context.pix_fmt = self._codec.pixel_format
        context.time_base = self._timing.base
        context.flags |= Flags.frame_duration
        if not self._timing.even:  # MP4 stores wrong durations of reordered frames if they are unevenly spaced
            context.max_b_frames = 0
        context.color_range, context.colorspace = LIMITED, self._colour.matrix
        context.color_primaries, context.color_trc = self._colour.primaries, self._colour.transfer

    def _convert(self, pixels: Pixels) -> VideoFrame:
        rgb = VideoFrame.from_numpy_buffer(pixels, "rgb24" if pixels.shape[2] == 3 else "rgba")
        return self._converter.from_rgb(rgb, self._colour.matrix, self._codec.pixel_format)

    def _pad(self, pixels: Pixels) -> Pixels:
        """Pad to the video's size by repeating the last column and row."""
        height, width, channels = pixels.shape
        if self._padded is None:
            self._padded = np.empty((self.size[1], self.size[0], channels), np.uint8)
        self._padded[:height, :width] = pixels
        self._padded[height:, :width] = pixels[-1:]
        self._padded[:, width:] = self._padded[:, width - 1 : width]
        return self._padded


class _Copied:
    """An audio or subtitle stream, copied packet by packet."""

    encodes = False

    def __init__(self, container: OutputContainer, source: AudioStream | SubtitleStream):
        self._stream = container.add_stream_from_template(source)

    def packets(self, packet: Packet | None) -> list[Packet]:
        if packet is None:
            return []
        packet.stream = self._stream
        return [packet]


class _Encoded:
    """An audio stream, re-encoded to the container's default codec, at most stereo."""

    encodes = True

    def __init__(self, container: OutputContainer, source: AudioStream):
        name = container.default_audio_codec
        self._source = source
        self._stream = cast(AudioStream, container.add_stream(ENCODERS.get(name, name), RATE))
        self._stream.layout = "mono" if source.channels == 1 else "stereo"

    def packets(self, packet: Packet | None) -> list[Packet]:
        frames: list[AudioFrame | None] = [*self._source.decode(packet)]
        if packet is None:
            frames.append(None)
        return [encoded for frame in frames for encoded in self._stream.encode(frame)]


def _track(container: OutputContainer, source: AudioStream) -> _Copied | _Encoded:
    return _Copied(container, source) if _holds(container, source) else _Encoded(container, source)


def _holds(container: OutputContainer, source: AudioStream | SubtitleStream) -> bool:
    codec = source.codec_context.codec.name
    refused = container.format.name == "mov" and codec in NOT_IN_MOV
    return codec in container.supported_codecs and not refused
