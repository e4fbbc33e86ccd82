"""Holding a training to its time: how fast its schedules go on, decided anew while it runs.

A budget's iterations are planned from a measurement. A machine that gets busy, or free, does fewer or more. What is
decided then lies in the checkpoint, and a training that is resumed keeps it and decides nothing more: that is what
makes resuming exact.
"""

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from ingan_fast.threads import Threads

LOOKS = 5  # the time of an iteration is the mean between so many looks at the clock
OFTEN = 40  # looks a budget
SHORTEST_LOOK, LONGEST_LOOK = 2.0, 30.0  # seconds from one to the next
UNTOUCHED = 0.1  # of a budget, at its start: kernels are made
MATTERS = 0.03  # of a budget, by which the plan has to miss it to be changed


@dataclass(frozen=True)
class Pace:
    """Schedules are functions of a position that goes from 0 to the planned iterations; usually it is the iteration.

    From `iteration` on, where the position was `position`, each iteration moves it by `speed`.
    """

    iteration: int = 0
    position: float = 0.0
    speed: float = 1.0

    def at(self, iteration: int) -> float:
        """The position of the schedules at an iteration."""
        return self.position + (iteration - self.iteration) * self.speed

    def total(self, end: float) -> int:
        """How many iterations it takes until the position is `end`."""
        return self.iteration + max(0, math.ceil((end - self.position) / self.speed - 1e-6))

    def ending(self, iteration: int, total: int, end: float) -> "Pace":
        """The pace that comes from here at `iteration` to `end` at `total`."""
        position = self.at(iteration)
        return Pace(iteration, position, (end - position) / (total - iteration))


@dataclass(frozen=True)
class Budget:
    """What a training may take.

    Attributes:
        seconds: the whole.
        ends: when they are over, on the clock `time.perf_counter`.
        reserve: seconds of what comes after the last iteration: a preview, a validation, a checkpoint.
        most: iterations at most, however much time is left.
    """

    seconds: float
    ends: float
    reserve: float
    most: int


class Follower:
    """Looks at the clock, and at who else uses the machine, while a training runs.

    Args:
        budget: None: it ends after its iterations, whenever that is.
        threads: None: their number stays.
        clock: seconds.
    """

    def __init__(
        self, budget: Budget | None, threads: Threads | None, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.budget = budget
        self.threads = threads
        self.clock = clock
        self.looks: deque[tuple[float, int]] = deque(maxlen=LOOKS)  # when, and at which iteration
        seconds = budget.seconds if budget else LONGEST_LOOK
        self.interval = min(max(seconds / OFTEN, SHORTEST_LOOK), LONGEST_LOOK)

    def look(self, iteration: int) -> bool:
        """After every iteration: whether it is time to ask `total` and `count`."""
        if self.threads:
            self.threads.look()
        now = self.clock()
        if self.looks and now - self.looks[-1][0] < self.interval:
            return False
        self.looks.append((now, iteration))
        return len(self.looks) > 1

    def count(self, current: int) -> int:
        """Of threads, from here on."""
        return self.threads.suitable(current) if self.threads else current

    def total(self, iteration: int, planned: int) -> int:
        """The number of iterations that fits into the budget, after `iteration` of the `planned` ones.

        It stays what it was where the plan misses the end by little.
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
