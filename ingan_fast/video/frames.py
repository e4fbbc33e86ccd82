"""Types of the video pipeline: frames, sources, sinks and buffers."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
from av import Packet
from av.audio import AudioStream
from av.subtitles.stream import SubtitleStream

from ingan_fast.pictures import Pixels
from ingan_fast.video.colour import PICTURES, Colour

DEPTH = 4  # queue length between two stages of the pipeline, in frames


@dataclass(frozen=True)
class Frame:
    """One frame of a source.

    Attributes:
        number: counted from 1.
        pixels: uint8 [H, W, 3], or [H, W, 4] with straight alpha; the buffer is reused (see `Ring`). None: the
            training picture.
        pts: presentation time, in the source's time base.
        duration: in the same unit.
    """

    number: int
    pixels: Pixels | None
    pts: int
    duration: int


@dataclass(frozen=True)
class Timing:
    """Time base and frame rate of a source.

    Attributes:
        base: seconds per tick.
        rate: frames per second; the maximum if unevenly spaced.
        even: whether frames are evenly spaced, as far as known.
    """

    base: Fraction
    rate: Fraction
    even: bool = True


@dataclass(frozen=True)
class OtherStreams:
    """Other contents of a clip.

    Attributes:
        audio, subtitles: streams whose packets come between the frames.
        chapters: in PyAV's format, with times from the clip's start.
    """

    audio: list[AudioStream] = field(default_factory=list)
    subtitles: list[SubtitleStream] = field(default_factory=list)
    chapters: list[Any] = field(default_factory=list)


class Source(Protocol):
    """Yields frames in order, with packets of other streams in between."""

    timing: Timing
    colour: Colour
    other_streams: OtherStreams
    total: int | None  # approximate number of frames; None if unknown

    def __iter__(self) -> Iterator[Frame | Packet]: ...


class Sink(Protocol):
    """Receives finished frames."""

    def write(self, pixels: Pixels, pts: int, duration: int) -> None:
        """Add a frame, uint8 [H, W, 3 or 4]; the array may be modified afterwards."""

    def write_packet(self, packet: Packet) -> None:
        """Add a packet of audio or subtitles."""

    def finish(self) -> None:
        """Write everything that is buffered; the last call."""


class Ring:
    """Cyclic buffers: enough for two neighbouring stages and the queue between them."""

    def __init__(self, shape: tuple[int, ...]):
        # One being filled, DEPTH in the queue, one being read.
        self._buffers = [np.empty(shape, np.uint8) for _ in range(DEPTH + 2)]
        self._next = 0

    def next(self) -> Pixels:
        self._next = (self._next + 1) % len(self._buffers)
        return self._buffers[self._next]


class Still:
    """The training picture, as every frame."""

    def __init__(self, frames: int, rate: Fraction):
        self.timing = Timing(1 / rate, rate)
        self.colour = PICTURES
        self.other_streams = OtherStreams()
        self.frames = frames
        self.total: int | None = frames

    def __iter__(self) -> Iterator[Frame]:
        for index in range(self.frames):
            yield Frame(index + 1, None, index, 1)
