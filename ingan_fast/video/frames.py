"""What passes through the pipeline, from a source of frames to what takes them."""

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

DEPTH = 4  # frames between two stages of the pipeline


@dataclass(frozen=True)
class Frame:
    """One frame of a source.

    Attributes:
        number: from 1.
        pixels: uint8 [H, W, 3], or [H, W, 4] with straight alpha; used again for a later frame (see `Ring`). None: the
            picture that was trained on.
        pts: when it is shown, in the source's time base.
        duration: how long, in the same.
    """

    number: int
    pixels: Pixels | None
    pts: int
    duration: int


@dataclass(frozen=True)
class Timing:
    """How a source counts time.

    Attributes:
        base: seconds of one tick.
        rate: frames per second; where they are not evenly spaced, of the fastest part.
        even: whether they are evenly spaced, as far as is known.
    """

    base: Fraction
    rate: Fraction
    even: bool = True


@dataclass(frozen=True)
class Besides:
    """What a clip has beside its frames.

    Attributes:
        audio, subtitles: its streams, whose packets come between the frames.
        chapters: as PyAV has them, with times from the clip's start.
    """

    audio: list[AudioStream] = field(default_factory=list)
    subtitles: list[SubtitleStream] = field(default_factory=list)
    chapters: list[Any] = field(default_factory=list)


class Source(Protocol):
    """Frames in order, with packets of the other streams in between."""

    timing: Timing
    colour: Colour
    besides: Besides
    total: int | None  # frames, about; None where nobody knows

    def __iter__(self) -> Iterator[Frame | Packet]: ...


class Sink(Protocol):
    """What takes finished frames."""

    def write(self, pixels: Pixels, pts: int, duration: int) -> None:
        """Add uint8 [H, W, 3 or 4]; the array may be changed after this returns."""

    def write_packet(self, packet: Packet) -> None:
        """Add a packet of sound or of subtitles."""

    def finish(self) -> None:
        """Write what is held back; the last call."""


class Ring:
    """Buffers that are used in turn: enough of them for two neighbouring stages and the queue between them."""

    def __init__(self, shape: tuple[int, ...]):
        # One that is being filled, DEPTH in the queue, one that is being read.
        self._buffers = [np.empty(shape, np.uint8) for _ in range(DEPTH + 2)]
        self._next = 0

    def next(self) -> Pixels:
        self._next = (self._next + 1) % len(self._buffers)
        return self._buffers[self._next]


class Still:
    """The picture that was trained on, frame after frame."""

    def __init__(self, frames: int, rate: Fraction):
        self.timing = Timing(1 / rate, rate)
        self.colour = PICTURES
        self.besides = Besides()
        self.frames = frames
        self.total: int | None = frames

    def __iter__(self) -> Iterator[Frame]:
        for index in range(self.frames):
            yield Frame(index + 1, None, index, 1)
