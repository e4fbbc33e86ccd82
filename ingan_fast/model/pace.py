"""Keeping a training within its time budget: adapts the schedules' speed while it runs.

The number of iterations is planned from a measurement, but the machine may get slower or faster. The adapted pace is
stored in the checkpoint; a resumed training keeps it unchanged, which makes resuming exact.
"""

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from ingan_fast.threads import Threads

LOOKS = 5  # clock readings that the mean time per iteration is taken over
OFTEN = 40  # clock readings per budget
SHORTEST_LOOK, LONGEST_LOOK = 2.0, 30.0  # bounds of the interval between readings, seconds
UNTOUCHED = 0.1  # initial fraction of a budget without changes: kernels are being compiled
MATTERS = 0.03  # the plan is changed if it misses the budget by more than this fraction


@dataclass(frozen=True)
class Pace:
    """Position of the schedules, which runs from 0 to the planned iterations; normally equal to the iteration.

    The position is `position` at iteration `iteration`, and grows by `speed` with each iteration after it.
    """

    iteration: int = 0
    position: float = 0.0
    speed: float = 1.0

    def at(self, iteration: int) -> float:
        """The schedules' position at an iteration."""
        return self.position + (iteration - self.iteration) * self.speed

    def total(self, end: float) -> int:
        """The iteration at which the position reaches `end`."""
        return self.iteration + max(0, math.ceil((end - self.position) / self.speed - 1e-6))

    def ending(self, iteration: int, total: int, end: float) -> "Pace":
        """A pace that continues from the position at `iteration` and reaches `end` at iteration `total`."""
        position = self.at(iteration)
        return Pace(iteration, position, (end - position) / (total - iteration))


@dataclass(frozen=True)
class Budget:
    """Time budget of a training.

    Attributes:
        seconds: total duration.
        ends: its end, on the clock `time.perf_counter`.
        reserve: seconds needed after the last iteration for preview, validation and checkpoint.
        most: upper limit of iterations, even if time is left.
    """

    seconds: float
    ends: float
    reserve: float
    most: int


class Follower:
    """Watches the clock, and other load on the machine, during a training.

    Args:
        budget: None: train for the planned iterations, without a time limit.
        threads: None: keep the number of threads.
        clock: returns seconds.
    """

    def __init__(
        self, budget: Budget | None, threads: Threads | None, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.budget = budget
        self.threads = threads
        self.clock = clock
        self.looks: deque[tuple[float, int]] = deque(maxlen=LOOKS)  # (seconds, iteration)
        seconds = budget.seconds if budget else LONGEST_LOOK
        self.interval = min(max(seconds / OFTEN, SHORTEST_LOOK), LONGEST_LOOK)

    def look(self, iteration: int) -> bool:
        """Call after every iteration; returns whether `total` and `count` are due."""
        if self.threads:
            self.threads.look()
        now = self.clock()
        if self.looks and now - self.looks[-1][0] < self.interval:
            return False
        self.looks.append((now, iteration))
        return len(self.looks) > 1

    def count(self, current: int) -> int:
        """The number of threads to use from here on."""
        return self.threads.suitable(current) if self.threads else current

    def total(self, iteration: int, planned: int) -> int:
        """The number of iterations that fits into the budget, given `planned` and that `iteration` are done.

        Returns `planned` if that misses the end only slightly.
        """
        if self.budget is None or iteration >= planned:
            return planned
        (start, first), (now, last) = self.looks[0], self.looks[-1]
        if now < self.budget.ends - (1 - UNTOUCHED) * self.budget.seconds:
            return planned
        each = (now - start) / (last - first)
        left = self.budget.ends - self.budget.reserve - now
        fitting = min(iteration + max(1, int(left / each)), self.budget.most)
        return fitting if abs(fitting - planned) * each > MATTERS * self.budget.seconds else planned
