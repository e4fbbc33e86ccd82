"""Shared by the commands: consoles for messages and answers, progress, reading text, checks of --json."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console, ConsoleDimensions
from rich.progress import Progress

from ingan_fast.errors import UserError
from ingan_fast.training.budget import duration
from ingan_fast.training.progress import Throttle

INTERRUPTED = 130
UNLIMITED = 10_000  # columns when writing to a file or pipe


class _Console(Console):
    """Uses a terminal's width; writes anything else without wrapping or truncating lines."""

    @property  # type: ignore[misc]  # Console allows setting it, which is unused here
    def size(self) -> ConsoleDimensions:
        if self.is_terminal or "COLUMNS" in os.environ:
            return super().size
        return ConsoleDimensions(UNLIMITED, 25)


messages = _Console(stderr=True, highlight=False)
answers = _Console(highlight=False)


@contextmanager
def progress(name: str, total: int) -> Iterator[Callable[[], None]]:
    """Show a bar of `total` steps during the block; yields a function to call after each step."""
    with parts_done(name, total) as show:
        done = 0

        def advance() -> None:
            nonlocal done
            done += 1
            show(done)

        yield advance


@contextmanager
def parts_done(name: str, total: float = 1.0) -> Iterator[Callable[..., None]]:
    """Show a bar during the block; yields a function that takes the amount done, and optionally another name.

    If messages don't go to a terminal, prints lines of text instead.
    """
    if not messages.is_terminal:
        yield _lines(name, total)
        return
    with Progress(console=messages, transient=True) as bar:
        task = bar.add_task(name, total=total)
        yield lambda done, name=name: bar.update(task, completed=done, description=name)


def _lines(name: str, total: float) -> Callable[..., None]:
    throttle = Throttle()
    throttle.due()  # skips the line at once, for short work

    def show(done: float, name: str = name) -> None:
        if throttle.due():
            messages.print(f"{name}: {100 * done / total:.0f} % after {duration(throttle.elapsed)}", soft_wrap=True)

    return show


def read_text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"can't read {path}: {getattr(error, 'strerror', None) or 'it is not text'}") from error


def check_json_path(path: Path, inputs: Sequence[Path] = ()) -> None:
    """Check that `path` (of --json) can be written and is none of `inputs` (resolved).

    Raises:
        UserError: otherwise.
    """
    if path.resolve() in inputs:
        raise UserError(f"--json {path} would replace an input; choose another name")
    if path.suffix.lower() != ".json":
        raise UserError(f"--json {path}: the name must end in .json")
    if path.is_dir():
        raise UserError(f"--json {path} is a folder; give a file name in it")
    if not path.parent.is_dir():
        raise UserError(f"--json {path}: there is no folder {path.parent}; make it first")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise UserError(f"--json {path}: no permission to write in {path.parent}; choose another place")
