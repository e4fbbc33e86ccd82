"""Frames through standard input and output, as YUV4MPEG2 (y4m) or raw rgb24."""

import os
import select
import threading
from collections.abc import Iterator
from fractions import Fraction
from typing import BinaryIO

import numpy as np
from av import Packet, VideoFrame

from ingan_fast.errors import UserError
from ingan_fast.geometry import Size
from ingan_fast.pictures import Pixels
from ingan_fast.video.colour import PICTURES, UNSPECIFIED, Colour, Converter, colour_of, plane_rows
from ingan_fast.video.frames import Frame, OtherStreams, Ring, Timing

POLL = 0.1  # seconds


class PipeInput:
    """Reads from a pipe until it ends or the event is set; plain reads would block and could not be interrupted."""

    def __init__(self, descriptor: int, interrupted: threading.Event):
        self.first_line = b""  # of y4m, with the newline
        self.count = 0  # bytes read
        self._descriptor = descriptor
        self._interrupted = interrupted

    def read(self, count: int) -> bytes:
        """At most `count` bytes; empty at the end."""
        data = os.read(self._descriptor, count) if self._wait() else b""
        if not self.count:
            self.first_line = data[: data.find(b"\n") + 1]
        self.count += len(data)
        return data

    def readinto(self, buffer: memoryview) -> int:
        """Fill `buffer` [n bytes]; returns fewer only at the end."""
        done = 0
        while done < len(buffer) and self._wait():
            count = os.readv(self._descriptor, [buffer[done:]])
            if not count:
                break
            done += count
        return done

    def _wait(self) -> bool:
        while not self._interrupted.is_set():
            if select.select([self._descriptor], [], [], POLL)[0]:
                return True
        return False


class RawFrames:
    """rgb24 frames of a given size and rate.

    Attributes:
        first: uint8 [H, W, 3].

    Raises:
        UserError: there is no frame, or (while reading) the pipe ends within one.
    """

    def __init__(self, pipe: PipeInput, size: Size, rate: Fraction):
        self._pipe = pipe
        self.size = size
        self.seconds: float | None = None
        self.total: int | None = None
        self.timing = Timing(1 / rate, rate)
        self.colour = PICTURES
        self.other_streams = OtherStreams()
        self.first = np.empty((size[1], size[0], 3), np.uint8)
        if not self._read(self.first, 1):
            raise UserError("standard input has no frames; check the command before the pipe")

    def __iter__(self) -> Iterator[Frame]:
        ring, number, pixels = Ring(self.first.shape), 1, self.first
        while True:
            yield Frame(number, pixels, number - 1, 1)
            number, pixels = number + 1, ring.next()
            if not self._read(pixels, number):
                return

    def close(self) -> None:
        """Nothing to do: the pipe belongs to the caller."""

    def _read(self, pixels: Pixels, number: int) -> bool:
        count = self._pipe.readinto(pixels.data.cast("B"))
        if 0 < count < pixels.nbytes:
            raise UserError(
                f"standard input ends within frame {number}: {count} of its {pixels.nbytes} bytes; "
                f"is it rgb24 of {self.size[0]}x{self.size[1]}?"
            )
        return bool(count)


class RawOutput:
    """Writes frames to a pipe as rgb24."""

    def __init__(self, file: BinaryIO, timing: Timing):
        self._file = file
        self._clock = _Clock(timing)

    def write(self, pixels: Pixels, pts: int, duration: int) -> None:
        for _ in range(self._clock.repeats(pts, duration)):
            _write_all(self._file, pixels.data)

    def write_packet(self, packet: Packet) -> None:
        """Dropped: pipes carry only frames."""

    def finish(self) -> None:
        pass


class Y4mOutput(RawOutput):
    """Writes frames to a pipe as YUV4MPEG2, 4:2:0, limited range, which every encoder accepts.

    The format has no tag for the matrix; uses the one that readers assume for the frames' size.
    """

    def __init__(self, file: BinaryIO, timing: Timing, size: Size):
        super().__init__(file, timing)
        self._matrix = colour_of(Colour(UNSPECIFIED, UNSPECIFIED, UNSPECIFIED), size).matrix
        self._converter = Converter()
        rate = timing.rate
        self._header = (
            f"YUV4MPEG2 W{size[0]} H{size[1]} F{rate.numerator}:{rate.denominator} Ip A1:1 C420mpeg2 "
            "XCOLORRANGE=LIMITED\n"
        ).encode()

    def write(self, pixels: Pixels, pts: int, duration: int) -> None:
        rgb = VideoFrame.from_numpy_buffer(pixels, "rgb24")
        frame = self._converter.from_rgb(rgb, self._matrix, "yuv420p")
        for _ in range(self._clock.repeats(pts, duration)):
            _write_all(self._file, self._header + b"FRAME\n")
            self._header = b""
            for index, plane in enumerate(frame.planes):
                rows = plane_rows(frame, index)[: plane.height, : plane.width]
                _write_all(self._file, np.ascontiguousarray(rows).data)


class _Clock:
    """Pipes have a constant rate: frames are repeated or dropped to keep their times."""

    def __init__(self, timing: Timing):
        self._timing = timing
        self._first: int | None = None
        self._written = 0

    def repeats(self, pts: int, duration: int) -> int:
        """How often to write this frame."""
        if self._first is None:
            self._first = pts
        end = round((pts + duration - self._first) * self._timing.base * self._timing.rate)
        count = max(end - self._written, 0)
        self._written += count
        return count


def _write_all(file: BinaryIO, data: bytes | memoryview) -> None:
    view = memoryview(data).cast("B")
    while view:
        view = view[file.write(view) :]
