"""Progress display of a training: a bar, or lines of text."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from ingan_fast.training.budget import duration

# Minimum seconds between two lines; programs that show them otherwise set the variable.
LINE_EVERY = float(os.environ.get("INGAN_FAST_PROGRESS_EVERY") or 15.0)
LINE_EVERY_PART = 0.05  # minimum interval as a fraction of the elapsed time, so that long trainings don't fill the log


@dataclass(frozen=True)
class Status:
    """Progress of a training."""

    iteration: int  # completed iterations
    iterations: int  # total; an early stop reduces it
    losses: Mapping[str, float]  # means since the last report
    quality: Mapping[str, float] = field(default_factory=dict)  # last validation; empty before the first one


@contextmanager
def training_progress(console: Console) -> Iterator[Callable[[Status], None]]:
    """Show a bar with losses, iterations per second and remaining time; yields `train`'s argument `report`.

    If the console is not a terminal, prints lines of text instead.
    """
    if not console.is_terminal:
        yield _line_reporter(console)
        return
    progress = Progress(
        TextColumn("training"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]} it/s"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[values]}"),
        console=console,
    )
    task = progress.add_task("", total=None, start=False, speed="–", values="")

    def report(status: Status) -> None:
        if not progress.live.is_started:  # started late, so that an input error is a single line
            progress.start()
            # Estimates start here too: earlier iterations may be of another process.
            progress.reset(task, total=status.iterations, completed=status.iteration, speed="–", values="")
        speed = progress.tasks[task].speed
        progress.update(
            task,
            total=status.iterations,
            completed=status.iteration,
            speed=f"{speed:.1f}" if speed else "–",
            values=_values(status),
        )

    try:
        yield report
    finally:
        if progress.live.is_started:
            progress.stop()


class Throttle:
    """Decides when the next line of progress is due: at once, then at growing intervals.

    Attributes:
        elapsed: seconds since the first call.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._start: float | None = None
        self._next = 0.0
        self.elapsed = 0.0

    def due(self) -> bool:
        if self._start is None:
            self._start = self._clock()
        self.elapsed = self._clock() - self._start
        if self.elapsed < self._next:
            return False
        self._next = self.elapsed + max(LINE_EVERY, LINE_EVERY_PART * self.elapsed)
        return True


def _line_reporter(console: Console, clock: Callable[[], float] = time.monotonic) -> Callable[[Status], None]:
    """Print lines such as "iteration 600 of 2400, 5.2 it/s, about 6 min left, recon 0.081"."""
    throttle = Throttle(clock)
    first: int | None = None  # iteration of the first report; earlier ones may be of another process

    def report(status: Status) -> None:
        nonlocal first
        first = status.iteration if first is None else first
        if not (throttle.due() or status.iteration >= status.iterations):
            return
        parts = [f"iteration {status.iteration} of {status.iterations}"]
        done = status.iteration - first
        if done and throttle.elapsed > 0:
            left = (status.iterations - status.iteration) * throttle.elapsed / done
            parts += [f"{done / throttle.elapsed:.1f} it/s", f"about {duration(left)} left"]
        console.print(", ".join([*parts, _values(status)]), soft_wrap=True)

    return report


def _values(status: Status) -> str:
    values = [f"{name[:5]} {value:.3f}" for name, value in status.losses.items() if value]
    kept = [f"{value:.2f}" for name, value in status.quality.items() if name.startswith("kept")]
    return " ".join(values + ["kept " + "/".join(kept)] * bool(kept))
