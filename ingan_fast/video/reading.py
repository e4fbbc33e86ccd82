"""Reads clips from a video file or a pipe: frames, and the audio and subtitle packets between them."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import cast

import av
import numpy as np
from av import Packet, VideoFrame
from av.container import InputContainer
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from ingan_fast.errors import UserError
from ingan_fast.geometry import Size
from ingan_fast.pictures import Pixels
from ingan_fast.video.colour import Colour, colour_of
from ingan_fast.video.display import Display
from ingan_fast.video.frames import Frame, OtherStreams, Ring, Timing
from ingan_fast.video.pipes import PipeInput

Y4M_FRAME = b"FRAME\n"  # precedes each frame
BUFFER = 1 << 20  # bytes per read from a pipe
UNEVEN = 0.01  # relative difference of mean and nominal rate from which frames count as unevenly spaced
SHORT = 0.25  # seconds that an unevenly spaced clip may end early: the last frame's duration is unknown


class Clip:
    """The first video stream of a file or pipe, and all of its audio and subtitles.

    Yields `Frame`s as displayed (upright, square pixels, RGB), and the other streams' packets in between; times
    count from the file's start.

    Attributes:
        name: for messages.
        size: (width, height) of the displayed frames.
        alpha: whether frames have transparency.
        first: the first frame, uint8 [H, W, 3 or 4].
        seconds: duration stated by the file; None if it states none.
        timing, colour, other_streams, total: see `frames.Source`.

    Raises:
        UserError: the file is missing, not a video, damaged or cut short, or its frame size changes.
    """

    def __init__(self, source: Path | PipeInput):
        self.name = str(source) if isinstance(source, Path) else "standard input"
        self._pipe = source if isinstance(source, PipeInput) else None
        self._container = self._open(source)
        try:
            self._video = self._video_stream()
            self._check_is_whole()
            self.other_streams = self._other_contents()
            self.timing = self._timing()
            self._items = self._decoded()
            self._begin()
        except BaseException:
            self._container.close()
            raise
        duration = self._container.duration
        self.seconds: float | None = duration / av.time_base if duration else None
        rate = float(self._video.average_rate or self.timing.rate)
        self.total: int | None = round(self.seconds * rate) if self.seconds else None

    def close(self) -> None:
        self._container.close()

    def __iter__(self) -> Iterator[Frame | Packet]:
        base = self.timing.base
        ring = Ring(self.first.shape)
        start, usual = _ticks(self._start, base), max(1, round(1 / self.timing.rate / base))
        number, earliest, expected = 0, 0, 0
        for item in self._items:
            if isinstance(item, Packet):
                yield self._from_start(item)
                continue
            number += 1
            # Some files have frames without a time, or two with the same; encoders reject both.
            pts = max(earliest, expected if item.pts is None else item.pts - start)
            duration = max(item.duration, usual)  # AVI has half-length frames
            earliest, expected = pts + 1, pts + duration
            yield Frame(number, self._show(item, ring.next(), number), pts, duration)

    def _open(self, source: Path | PipeInput) -> InputContainer:
        if isinstance(source, Path):
            if not source.is_file():
                what = "is not a file" if source.exists() else "doesn't exist"
                raise UserError(f"{source} {what}; give the path of a video, or - for standard input")
            if source.stat().st_size == 0:
                raise UserError(f"{source} is empty (0 bytes); give the path of a video")
        try:
            return av.open(source, "r", buffer_size=BUFFER)
        except PermissionError as error:
            raise UserError(f"can't read {self.name}: {error.strerror}; check its permissions") from error
        except (av.FFmpegError, OSError) as error:
            raise UserError(
                f"{self.name} can't be read as a video; it may be damaged or cut short: {_why(error)}"
            ) from error

    def _video_stream(self) -> VideoStream:
        pictures = [s for s in self._container.streams.video if not s.disposition & Disposition.attached_pic]
        if not pictures:
            raise UserError(f"{self.name} has no video stream; give a video file")
        if pictures[0].codec_context is None:
            raise UserError(f"{self.name} has a codec that can't be decoded here; convert it to H.264 first")
        pictures[0].thread_type = "AUTO"
        return pictures[0]

    def _check_is_whole(self) -> None:
        """Check files with an index (MP4) for missing data before any work, instead of failing there."""
        size = self._container.size  # None or negative for pipes
        for stream in self._container.streams:
            entries = stream.index_entries
            if len(entries) and size is not None and 0 < size < entries[-1].pos + entries[-1].size:
                raise UserError(f"{self.name} is cut short: its last frames are missing; copy or download it again")

    def _decoder(self) -> VideoStream | VideoCodecContext:
        """The decoder; libav's own VP8 and VP9 decoders ignore alpha, libvpx doesn't."""
        name = self._video.codec_context.name
        if self._video.metadata.get("alpha_mode") != "1" or name not in ("vp8", "vp9"):
            return self._video
        decoder = VideoCodecContext.create(f"libvpx-{name}" if name == "vp9" else "libvpx", "r")
        decoder.extradata = self._video.codec_context.extradata
        return cast(VideoCodecContext, decoder)

    def _other_contents(self) -> OtherStreams:
        streams, chapters = self._container.streams, []
        for chapter in self._container.chapters():
            shift = _ticks(self._start, chapter["time_base"] or Fraction(1))
            chapters.append({**chapter, "start": chapter["start"] - shift, "end": chapter["end"] - shift})
        return OtherStreams(list(streams.audio), list(streams.subtitles), chapters)

    def _timing(self) -> Timing:
        average = self._video.average_rate
        rate = self._video.guessed_rate or average or Fraction(30)
        even = average is None or abs(average / rate - 1) < UNEVEN
        return Timing(self._video.time_base or 1 / rate, rate, even)

    def _begin(self) -> None:
        """Decode up to the first frame, which determines how all are displayed."""
        before: list[VideoFrame | Packet] = []
        while not before or isinstance(before[-1], Packet):
            item = next(self._items, None)
            if item is None:
                raise UserError(f"{self.name} has no frame that can be decoded; it may be damaged or cut short")
            before.append(item)
        first = before[-1]
        assert isinstance(first, VideoFrame)
        context = self._video.codec_context
        tagged = Colour(first.colorspace, context.color_primaries, context.color_trc)
        self.colour = colour_of(tagged, (first.width, first.height))
        self._display = Display(first, self._video.sample_aspect_ratio, self.colour.matrix)
        self.size: Size = self._display.size
        self.alpha = self._display.alpha
        self.first = self._show(first, np.empty((self.size[1], self.size[0], 4 if self.alpha else 3), np.uint8), 1)
        self._items = chain(before, self._items)

    @property
    def _start(self) -> Fraction:
        """Start of the file's clock, in seconds."""
        return Fraction(self._container.start_time or 0, av.time_base)

    def _decoded(self) -> Iterator[VideoFrame | Packet]:
        number, end, corrupt, taken = 0, Fraction(0), False, 0
        decoder = self._decoder()
        streams = {*self.other_streams.audio, *self.other_streams.subtitles}
        try:
            for packet in self._container.demux():
                if packet.size:
                    taken += len(Y4M_FRAME) + packet.size
                    corrupt = packet.is_corrupt
                    end = max(end, ((packet.pts or 0) + (packet.duration or 0)) * packet.time_base)
                if packet.stream is self._video:
                    for frame in decoder.decode(packet):
                        number += 1
                        yield frame
                elif packet.size and packet.stream in streams:
                    yield packet
        except (av.FFmpegError, OSError) as error:
            raise UserError(
                f"{self.name}: frame {number + 1} can't be decoded ({_why(error)}); it is damaged or cut short"
            ) from error
        if corrupt or self._ends_early(end) or self._ends_within_frame(taken):
            raise UserError(f"{self.name} is cut short: it ends after frame {number}, before its end")

    def _ends_early(self, end: Fraction) -> bool:
        """For files whose header states a duration; others are detected by their index or an incomplete packet."""
        name, rate = self._container.format.name, self._video.average_rate
        if name == "avi" and rate:  # in frames; libav's duration is estimated from the file's size
            stated, tolerance = self._video.frames / rate, Fraction(0)
        elif "matroska" in name:
            stated = Fraction(self._container.duration or 0, av.time_base)
            tolerance = Fraction(0) if self.timing.even else Fraction(SHORT)
        else:
            return False
        # Some files count from the first frame's time, some from zero.
        return max(end, end - self._start) < stated - 2 / self.timing.rate - tolerance

    def _ends_within_frame(self, taken: int) -> bool:
        """For y4m, where libav silently drops an incomplete frame; `taken`: bytes of complete frames."""
        if self._pipe is None or self._container.format.name != "yuv4mpegpipe":
            return False
        return self._pipe.count > len(self._pipe.first_line) + taken

    def _show(self, frame: VideoFrame, out: Pixels, number: int) -> Pixels:
        size, first = (frame.width, frame.height), self._display.coded_size
        if size != first:
            raise UserError(
                f"{self.name}: frame {number} is {size[0]}x{size[1]}, but earlier ones are {first[0]}x{first[1]}; "
                "cut it there, or scale it to one size first"
            )
        self._display.show(frame, out)
        return out

    def _from_start(self, packet: Packet) -> Packet:
        shift = _ticks(self._start, packet.time_base)
        if packet.pts is not None:
            packet.pts -= shift
        if packet.dts is not None:
            packet.dts -= shift
        return packet


def _ticks(seconds: Fraction, base: Fraction) -> int:
    return round(seconds / base)


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
