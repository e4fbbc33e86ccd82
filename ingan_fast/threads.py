"""How many threads to compute with: no more than there are cores that nobody else uses.

Threads that work on one operation wait for the slowest of them. Beside a busy process one of two threads on two cores
gets half of its time, and the other one spins meanwhile: two are then several times slower than one.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

LOAD, OWN_THREADS = Path("/proc/loadavg"), Path("/proc/self/task")
MEMORY = 0.8  # how much of the mean of busy others is kept at each look
LOOKS = 10  # before anything is begun
CLEAR = 0.7  # cores by which another number of threads has to be better

_forked = False


def _after_fork() -> None:
    """Torch's other threads are gone in a forked process, and it would wait for them for ever; one needs none."""
    global _forked
    _forked = True
    torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork)


def forked() -> bool:
    """Whether this process was forked from one that may have used torch."""
    return _forked


class Threads:
    """Follows how many cores are free.

    Args:
        most: threads at most; None: as many as torch uses now.
    """

    def __init__(self, most: int | None = None) -> None:
        self.most = 1 if forked() else most or torch.get_num_threads()
        self.others: float | None = None  # busy ones, the mean over the last looks

    def look(self) -> None:
        """To be called often: what runs at one moment says little."""
        if self.most == 1:
            return
        others = _others_running()
        self.others = others if self.others is None else MEMORY * self.others + (1 - MEMORY) * others

    def settled(self, current: int) -> int:
        """`suitable` after a third of a second of looks."""
        for _ in range(LOOKS if self.most > 1 else 0):
            self.look()
            time.sleep(1 / 30)
        return self.suitable(current)

    def suitable(self, current: int) -> int:
        """The number of threads to use where `current` ones are used; it changes only for a clear reason."""
        free = (os.cpu_count() or 1) - (self.others or 0.0)
        wanted = min(max(round(free), 1), self.most)
        nearest = min(max(free, 1.0), float(self.most))
        return wanted if abs(nearest - current) > CLEAR else current


@contextmanager
def using_threads(count: int) -> Iterator[None]:
    """Torch computes with `count` threads inside, and with as many as before afterwards, whatever was set inside.

    In a forked process with one.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1 if forked() else count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _others_running() -> float:
    """How many threads of other processes run or wait for a core at this moment; 0 where the system does not tell."""
    try:
        running = int(LOAD.read_text().split()[3].partition("/")[0])
    except (OSError, ValueError, IndexError):
        return 0.0
    return max(0.0, float(running - sum(map(_runs, OWN_THREADS.glob("*/stat")))))


def _runs(stat: Path) -> bool:
    try:
        return stat.read_text().rpartition(")")[2].split()[0] == "R"
    except (OSError, IndexError):  # it ended meanwhile
        return False
