"""Runs decoding, inference and encoding concurrently, in threads connected by bounded queues."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Generic, TypeVar

from av import Packet

from ingan_fast.callbacks import Advance
from ingan_fast.errors import UserError
from ingan_fast.pictures import Pixels
from ingan_fast.video.frames import DEPTH, Frame, Ring, Sink, Source

POLL = 0.1  # seconds between checks for an interrupt
PATIENCE = 5.0  # seconds to wait for a stage after another one failed
T = TypeVar("T")


@dataclass
class Report:
    """Statistics of a run.

    Attributes:
        frames: number of frames written.
        decode, inference, encode: working time of each stage in seconds, without waiting for other stages, but with
            waiting for the other end of a pipe.
        wall: total time in seconds; with perfect overlap equal to the slowest stage's.
        interrupted: stopped before the source's end; the output so far is complete.
    """

    frames: int = 0
    decode: float = 0.0
    inference: float = 0.0
    encode: float = 0.0
    wall: float = 0.0
    interrupted: bool = False


def run(
    source: Source,
    render: Callable[[Frame, Pixels], None],
    sink: Sink,
    shape: tuple[int, int, int],
    *,
    interrupted: threading.Event | None = None,
    advance: Advance = lambda: None,
) -> Report:
    """Process every frame of `source` with `render` and write it to `sink`.

    Args:
        render: writes a frame's output to uint8 `shape`; called in this thread, frame by frame.
        shape: [H, W, 3 or 4] of the output.
        interrupted: when set, stops after the frames in progress.
        advance: called after each written frame, in another thread.

    Raises:
        UserError: raised by a stage, with the frame's number; other errors have it as a note. The output is then not
            finished.
    """
    interrupted = interrupted or threading.Event()
    report = Report()
    decoded: _Queue[Frame | Packet] = _Queue()
    rendered: _Queue[_Rendered | Packet] = _Queue()
    start = perf_counter()
    decode = _Stage("decode", lambda: _decode(source, decoded, report))
    encode = _Stage("encode", lambda: _encode(rendered, sink, report, advance))
    try:
        _render(decoded, render, rendered, shape, interrupted, report)
        report.interrupted = interrupted.is_set()
        decoded.abandon()
        decode.join()
        if not report.interrupted:  # an interrupted source may end within a frame
            decode.check()
        rendered.close()
        encode.join()
        encode.check()
    finally:
        decoded.abandon()
        rendered.abandon()
        decode.join(PATIENCE)
        encode.join(PATIENCE)
    report.wall = perf_counter() - start
    return report


@dataclass(frozen=True)
class _Rendered:
    number: int
    pixels: Pixels
    pts: int
    duration: int


class _Queue(Generic[T]):
    """At most `DEPTH` items between two threads; either side can end it."""

    def __init__(self) -> None:
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self.abandoned = False

    def put(self, item: T) -> bool:
        """Add an item, waiting for room; returns False if the queue is closed."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._items) < DEPTH or self._closed)
            if self._closed:
                return False
            self._items.append(item)
            self._changed.notify_all()
            return True

    def items(self, interrupted: threading.Event | None = None) -> Iterator[T]:
        """Yield items until the queue is closed and empty, or abandoned, or the event is set."""
        while True:
            with self._changed:
                while not self._items and not self._closed:
                    self._changed.wait(POLL if interrupted else None)
                    if interrupted and interrupted.is_set():
                        return
                if not self._items:
                    return
                item = self._items.popleft()
                self._changed.notify_all()
            yield item

    def close(self) -> None:
        """Accept no more items; the remaining ones are still delivered."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def abandon(self) -> None:
        """Accept no more items, and drop the remaining ones."""
        with self._changed:
            self._items.clear()
            self.abandoned = self._closed = True
            self._changed.notify_all()


class _Stage(threading.Thread):
    """A thread that stores its exception."""

    def __init__(self, name: str, work: Callable[[], None]):
        super().__init__(name=name, daemon=True)
        self._work = work
        self._error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # re-raised by `check`
            self._error = error

    def check(self) -> None:
        if self._error is not None:
            raise self._error


def _decode(source: Source, decoded: _Queue[Frame | Packet], report: Report) -> None:
    try:
        items = iter(source)
        while True:
            start = perf_counter()
            item = next(items, None)
            report.decode += perf_counter() - start
            if item is None or not decoded.put(item):
                return
    finally:
        decoded.close()


def _render(
    decoded: _Queue[Frame | Packet],
    render: Callable[[Frame, Pixels], None],
    rendered: _Queue[_Rendered | Packet],
    shape: tuple[int, int, int],
    interrupted: threading.Event,
    report: Report,
) -> None:
    ring = Ring(shape)
    for item in decoded.items(interrupted):
        if interrupted.is_set():
            return
        if isinstance(item, Frame):
            start = perf_counter()
            pixels = ring.next()
            with _named(item.number, "retargeting"):
                render(item, pixels)
            report.inference += perf_counter() - start
            wanted = rendered.put(_Rendered(item.number, pixels, item.pts, item.duration))
        else:
            wanted = rendered.put(item)
        if not wanted:
            return


def _encode(rendered: _Queue[_Rendered | Packet], sink: Sink, report: Report, advance: Advance) -> None:
    try:
        for item in rendered.items():
            start = perf_counter()
            if isinstance(item, _Rendered):
                with _named(item.number, "writing"):
                    sink.write(item.pixels, item.pts, item.duration)
                report.frames += 1
                advance()
            else:
                sink.write_packet(item)
            report.encode += perf_counter() - start
        if report.frames and not rendered.abandoned:
            start = perf_counter()
            sink.finish()
            report.encode += perf_counter() - start
    finally:
        rendered.abandon()


@contextmanager
def _named(number: int, doing: str) -> Iterator[None]:
    """Add the frame's number to errors raised inside."""
    try:
        yield
    except UserError as error:
        raise UserError(f"frame {number}: {error}") from error
    except Exception as error:
        error.add_note(f"while {doing} frame {number}")
        raise
