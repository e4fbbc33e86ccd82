"""The pipeline: every frame in order, in bounded memory, stages at the same time, and an end in every case."""

import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from av import Packet

from ingan_fast.errors import UserError
from ingan_fast.geometry import Transform
from ingan_fast.pictures import Pixels
from ingan_fast.video.frames import DEPTH, Frame, Ring, Still
from ingan_fast.video.pipeline import Report, run
from ingan_fast.video.reading import Clip
from ingan_fast.video.rendering import Renderer, unmoving
from ingan_fast.video.writing import VideoOutput
from video_clips import QuickEngine, grey, make_clip

SHAPE = (16, 16, 3)
PATIENCE = 20.0  # seconds; what has to happen at once does


class Numbers(Still):
    """Frames full of their own number; keeps how many were asked for."""

    def __init__(self, count: int, fails_at: int = 0):
        super().__init__(count, Fraction(30))
        self.asked, self._fails_at = 0, fails_at

    def __iter__(self) -> Iterator[Frame]:
        ring = Ring(SHAPE)
        for number in range(1, self.frames + 1):
            self.asked = number
            if number == self._fails_at:
                raise UserError(f"frame {number} is broken")
            pixels = ring.next()
            pixels[:] = number % 256
            yield Frame(number, pixels, number - 1, 1)


class Kept:
    """A sink that keeps what it gets."""

    def __init__(self, fails_at: int = 0, error: Exception | None = None):
        self.frames: list[tuple[Pixels, int, int]] = []
        self.finished = False
        self._fails_at, self._error = fails_at, error or UserError("the disk is full")

    def write(self, pixels: Pixels, pts: int, duration: int) -> None:
        if len(self.frames) + 1 == self._fails_at:
            raise self._error
        self.frames.append((pixels.copy(), pts, duration))

    def write_packet(self, packet: Packet) -> None:
        raise AssertionError("there is none")

    def finish(self) -> None:
        self.finished = True


def copy(frame: Frame, out: Pixels) -> None:
    assert frame.pixels is not None
    out[:] = frame.pixels


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()} & {"decode", "encode"}


def test_every_frame_arrives_in_order_as_it_was_rendered() -> None:
    sink = Kept()
    told: list[int] = []
    report = run(Numbers(100), copy, sink, SHAPE, advance=lambda: told.append(1))
    assert [int(pixels.min()) for pixels, _, _ in sink.frames] == list(range(1, 101))
    assert [int(pixels.max()) for pixels, _, _ in sink.frames] == list(range(1, 101))
    assert [(pts, duration) for _, pts, duration in sink.frames] == [(index, 1) for index in range(100)]
    assert sink.finished
    assert len(told) == report.frames == 100
    assert not report.interrupted
    assert not threads()


def test_the_report_tells_what_each_stage_took() -> None:
    report = run(Numbers(50), copy, Kept(), SHAPE)
    assert isinstance(report, Report)
    assert all(0 < seconds < report.wall for seconds in (report.decode, report.inference, report.encode))


def test_the_next_frame_is_decoded_and_the_last_one_written_while_one_is_rendered() -> None:
    source, sink = Numbers(10), Kept()
    written = threading.Event()

    def write(pixels: Pixels, pts: int, duration: int) -> None:
        Kept.write(sink, pixels, pts, duration)
        if pts == 3:
            written.set()

    sink.write = write  # type: ignore[method-assign]

    def render(frame: Frame, out: Pixels) -> None:
        copy(frame, out)
        if frame.number == 5:
            assert written.wait(PATIENCE)  # frame 4, during frame 5
            deadline = threading.Event()
            while source.asked < 6 and not deadline.wait(0.01):
                pass

    assert run(source, render, sink, SHAPE).frames == 10


def test_no_stage_runs_further_ahead_than_its_queue() -> None:
    source, sink = Numbers(60), Kept()
    ahead: list[int] = []

    def render(frame: Frame, out: Pixels) -> None:
        copy(frame, out)
        ahead.append(source.asked - frame.number)

    run(source, render, sink, SHAPE)
    assert max(ahead) <= DEPTH + 1


def test_a_slow_sink_gets_frames_that_nothing_has_written_over() -> None:
    sink = Kept()
    write, pause = sink.write, threading.Event()

    def slowly(pixels: Pixels, pts: int, duration: int) -> None:
        pause.wait(0.005)
        write(pixels, pts, duration)

    sink.write = slowly  # type: ignore[method-assign]
    run(Numbers(40), copy, sink, SHAPE)
    assert [set(pixels.flat) for pixels, _, _ in sink.frames] == [{number} for number in range(1, 41)]


def fails_at(number: int, error: Exception) -> Callable[[Frame, Pixels], None]:
    def render(frame: Frame, out: Pixels) -> None:
        if frame.number == number:
            raise error
        copy(frame, out)

    return render


def test_a_frame_that_cannot_be_decoded_stops_all() -> None:
    sink = Kept()
    with pytest.raises(UserError, match="frame 7 is broken"):
        run(Numbers(1000, fails_at=7), copy, sink, SHAPE)
    assert not sink.finished
    assert not threads()


def test_a_frame_that_cannot_be_retargeted_stops_all() -> None:
    source, sink = Numbers(1000), Kept()
    with pytest.raises(UserError, match="frame 7: it is too large"):
        run(source, fails_at(7, UserError("it is too large")), sink, SHAPE)
    assert not sink.finished
    assert source.asked < 7 + 2 * DEPTH
    assert not threads()


def test_a_frame_that_cannot_be_written_stops_all() -> None:
    source, sink = Numbers(1000), Kept(fails_at=7)
    with pytest.raises(UserError, match="frame 7: the disk is full"):
        run(source, copy, sink, SHAPE)
    assert not sink.finished
    assert source.asked < 7 + 3 * DEPTH
    assert not threads()


@pytest.mark.parametrize("where", ["retargeting", "writing"])
def test_an_error_of_the_program_says_which_frame(where: str) -> None:
    error = RuntimeError("no kernel")
    render = fails_at(7, error) if where == "retargeting" else copy
    sink = Kept(fails_at=0 if where == "retargeting" else 7, error=error)
    with pytest.raises(RuntimeError, match="no kernel") as caught:
        run(Numbers(1000), render, sink, SHAPE)
    assert f"while {where} frame 7" in caught.value.__notes__


def test_a_sink_that_cannot_finish_is_an_error() -> None:
    sink = Kept()

    def finish() -> None:
        raise UserError("the disk is full")

    sink.finish = finish  # type: ignore[method-assign]
    with pytest.raises(UserError, match="the disk is full"):
        run(Numbers(10), copy, sink, SHAPE)


def test_an_interrupt_ends_with_what_is_made_whole() -> None:
    interrupted, sink = threading.Event(), Kept()

    def render(frame: Frame, out: Pixels) -> None:
        copy(frame, out)
        if frame.number == 20:
            interrupted.set()

    report = run(Numbers(1000), render, sink, SHAPE, interrupted=interrupted)
    assert report.interrupted
    assert report.frames == len(sink.frames) == 20
    assert sink.finished
    assert not threads()


class Interrupted(Numbers):
    """Once its three frames are written there is an interrupt, and then `what_then`."""

    def __init__(self, what_then: Callable[[], None]):
        super().__init__(3)
        self.interrupted, self.written = threading.Event(), threading.Semaphore(0)
        self._what_then = what_then

    def __iter__(self) -> Iterator[Frame]:
        yield from super().__iter__()
        for _ in range(3):
            assert self.written.acquire(timeout=PATIENCE)
        self.interrupted.set()
        self._what_then()


def break_off() -> None:
    raise UserError("it ends within a frame")


@pytest.mark.parametrize("what_then", [lambda: None, break_off])
def test_an_interrupt_is_noticed_while_the_source_waits_and_what_breaks_off_then_is_no_error(
    what_then: Callable[[], None],
) -> None:
    source, sink = Interrupted(what_then), Kept()
    report = run(source, copy, sink, SHAPE, interrupted=source.interrupted, advance=source.written.release)
    assert (report.interrupted, report.frames, sink.finished) == (True, 3, True)


def resident() -> int:
    """Bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.slow
def test_memory_is_flat_over_thousands_of_frames(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", grey((64, 48), 3000))
    clip = Clip(path)
    animation = unmoving(Transform.resize((96, 64)), clip.size)
    used: list[int] = []
    with VideoOutput(str(tmp_path / "out.mp4")).open(clip, animation.canvas, False, print) as sink:
        renderer = Renderer(QuickEngine(), animation, clip.timing.base, (0, 0, 0))
        report = run(clip, renderer, sink, renderer.shape, advance=lambda: used.append(resident()))
    assert report.frames == 3000
    assert used[-1] - used[99] < 6_000_000  # 20 MB over 10,000
