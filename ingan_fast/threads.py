"""Chooses the number of threads: no more than the cores that other processes leave free.

Threads that share an operation wait for the slowest one. With another busy process on two cores, one of two threads
gets half of its time while the other one spins: two threads are then several times slower than one. A training has
two threads that work apart, each on operations of its own (`side_by_side`).
"""

import functools
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch

from ingan_fast.streams import Beside

LOAD, OWN_THREADS = Path("/proc/loadavg"), Path("/proc/self/task")
MEMORY = 0.8  # decay of the moving average of busy foreign threads, per look
LOOKS = 10  # looks before a start
CLEAR = 0.7  # cores; minimum difference for changing the number of threads
SIDES = 2  # pieces of work that a training runs at a time (`side_by_side`)

_forked = False


def _after_fork() -> None:
    """Use one thread in a forked process: torch's worker threads don't exist there, and it would wait forever."""
    global _forked
    _forked = True
    torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork)


def forked() -> bool:
    """Whether this process was forked from one that may have used torch."""
    return _forked


class Threads:
    """Tracks the number of free cores.

    Args:
        most: maximum number of threads; None: torch's current number.
    """

    def __init__(self, most: int | None = None) -> None:
        self.most = 1 if forked() else most or torch.get_num_threads()
        self.others: float | None = None  # moving average of busy threads of other processes

    def look(self) -> None:
        """Sample the load; call often, because a single sample says little."""
        if self.most == 1:
            return
        others = _others_running()
        self.others = others if self.others is None else MEMORY * self.others + (1 - MEMORY) * others

    def settled(self, current: int) -> int:
        """Sample the load for a third of a second, then return `suitable`."""
        for _ in range(LOOKS if self.most > 1 else 0):
            self.look()
            time.sleep(1 / 30)
        return self.suitable(current)

    def suitable(self, current: int) -> int:
        """The number of threads to use, given the current one; changes only for a clear difference."""
        free = (os.cpu_count() or 1) - (self.others or 0.0)
        wanted = min(max(round(free), 1), self.most)
        nearest = min(max(free, 1.0), float(self.most))
        return wanted if abs(nearest - current) > CLEAR else current


@contextmanager
def using_threads(count: int) -> Iterator[None]:
    """Use `count` torch threads inside the block (one in a forked process); restores the previous number afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(1 if forked() else count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Split(Protocol):
    """Calls `work` once for each of some equal consecutive parts of range(count), of `least` or more, side by side."""

    def __call__(self, work: Callable[[slice], object], count: int, least: int = 1) -> None: ...


_split: ContextVar[Split | None] = ContextVar("split", default=None)


@contextmanager
def apart() -> Iterator[Split]:
    """Give each operation inside the block one thread; yield what splits work between as many threads as torch had.

    For small operations: two threads that share one wait for each other. Beside another busy process they took five
    times as long for a picture's measures as one thread. A block inside another one has its `Split`.
    """
    outer = _split.get()
    if outer is not None:
        yield outer
        return
    threads = torch.get_num_threads()
    with using_threads(1), ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:

        def split(work: Callable[[slice], object], count: int, least: int = 1) -> None:
            parts = max(1, min(threads, count // least))
            list(pool.map(work, [slice(count * part // parts, count * (part + 1) // parts) for part in range(parts)]))

        token = _split.set(split)
        try:
            yield split
        finally:
            _split.reset(token)


Answer = TypeVar("Answer")


class Start(Protocol):
    """Starts some work; returns a function that waits for its result, and raises its errors."""

    def __call__(self, work: Callable[[], Answer]) -> Callable[[], Answer]: ...


def half_of_threads() -> AbstractContextManager[None]:
    """Use as many threads as each side of `side_by_side`, so that results depend on the number of cores as little."""
    return using_threads(max(torch.get_num_threads() // SIDES, 1))


@contextmanager
def side_by_side(device: torch.device) -> Iterator[Start]:
    """Yield a `Start` whose work runs beside the block, each with half of torch's threads.

    A training's operations are small: two that run at the same time don't wait for each other, unlike two threads that
    share one. With one thread work is done at once. On up to three cores the results are the same to the bit. A GPU
    works on a second stream (`Beside`).
    """
    if device.type == "cuda":
        yield Beside(device).start
        return
    half = torch.get_num_threads() // SIDES
    if device.type != "cpu" or half == 0 or forked():
        yield at_once
        return
    started: list[Future[Any]] = []

    def start(work: Callable[[], Answer]) -> Callable[[], Answer]:
        future = _helper().submit(partial(_work_with, half, work))
        started.append(future)
        # Work that has not begun is done by who waits for it.
        return lambda: work() if future.cancel() else future.result()

    with half_of_threads():
        try:
            yield start
        finally:
            wait(started)  # the work uses what the block's caller may change


def at_once(work: Callable[[], Answer]) -> Callable[[], Answer]:
    """A `Start` that runs nothing beside its caller."""
    answer = work()
    return lambda: answer


def _work_with(threads: int, work: Callable[[], Answer]) -> Answer:
    torch.set_num_threads(threads)  # each thread has its own number
    return work()


@functools.cache
def _helper() -> ThreadPoolExecutor:
    """One thread for the whole process, because oneDNN and OpenMP keep memory for each thread that used them."""
    return ThreadPoolExecutor(1, "side")


def _others_running() -> float:
    """Threads of other processes that run or wait for a core right now; 0 if the system does not report it."""
    try:
        running = int(LOAD.read_text().split()[3].partition("/")[0])
    except (OSError, ValueError, IndexError):
        return 0.0
    return max(0.0, float(running - sum(map(_runs, OWN_THREADS.glob("*/stat")))))


def _runs(stat: Path) -> bool:
    try:
        return stat.read_text().rpartition(")")[2].split()[0] == "R"
    except (OSError, IndexError):  # the thread has ended
        return False
