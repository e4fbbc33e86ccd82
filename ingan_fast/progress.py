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
    with progress:
        task = progress.add_task("", total=None, speed="–", losses="")

        def report(iteration: int, losses: dict[str, float]) -> None:
            if progress.tasks[task].total is None:
                # The time left is estimated from here on: the iterations before were another process's.
                progress.reset(task, total=total, completed=iteration, speed="–", losses="")
                progress.start_task(task)
            speed = progress.tasks[task].speed
            progress.update(
                task,
                completed=iteration,
                speed=f"{speed:.1f}" if speed else "–",
                losses=" ".join(f"{name[:5]} {value:.3f}" for name, value in losses.items() if value),
            )

        yield report
