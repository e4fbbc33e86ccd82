"""The progress bar of a training."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


@contextmanager
def training_progress(total: int, console: Console) -> Iterator[Callable[[int, dict[str, float]], None]]:
    """A bar with losses, iterations a second and time left; yields what `train` takes as `report`."""
    progress = Progress(
        TextColumn("training"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]} it/s"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[losses]}"),
        console=console,
    )
    task = progress.add_task("", total=total, start=False, speed="–", losses="")

    def report(iteration: int, losses: dict[str, float]) -> None:
        if not progress.live.is_started:  # from here on, so that a refused input is one line alone
            progress.start()
            # The time left is estimated from here on too: the iterations before may be another process's.
            progress.reset(task, completed=iteration, speed="–", losses="")
        speed = progress.tasks[task].speed
        progress.update(
            task,
            completed=iteration,
            speed=f"{speed:.1f}" if speed else "–",
            losses=" ".join(f"{name[:5]} {value:.3f}" for name, value in losses.items() if value),
        )

    try:
        yield report
    finally:
        if progress.live.is_started:
            progress.stop()
