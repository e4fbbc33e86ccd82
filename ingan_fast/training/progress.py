"""The progress of a training: what is told about it, and the bar that shows it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


@dataclass(frozen=True)
class Status:
    """How far a training is."""

    iteration: int  # iterations that are done
    iterations: int  # of how many; an early stop makes them fewer
    losses: Mapping[str, float]  # means since the last report
    quality: Mapping[str, float] = field(default_factory=dict)  # the last validation's; empty before the first one


@contextmanager
def training_progress(console: Console) -> Iterator[Callable[[Status], None]]:
    """A bar with losses, iterations a second and time left; yields what `train` takes as `report`."""
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
        if not progress.live.is_started:  # from here on, so that a refused input is one line alone
            progress.start()
            # The time left is estimated from here on too: the iterations before may be another process's.
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


def _values(status: Status) -> str:
    values = [f"{name[:5]} {value:.3f}" for name, value in status.losses.items() if value]
    kept = [f"{value:.2f}" for name, value in status.quality.items() if name.startswith("kept")]
    return " ".join(values + ["kept " + "/".join(kept)] * bool(kept))
