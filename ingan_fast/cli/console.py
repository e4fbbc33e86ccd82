"""What the commands share: where messages and progress go, an exit code, reading a user's text, a file for numbers."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console, ConsoleDimensions
from rich.progress import Progress

from ingan_fast.errors import UserError
from ingan_fast.training.budget import duration
from ingan_fast.training.progress import Occasions

INTERRUPTED = 130
UNLIMITED = 10_000  # columns of a file or a pipe, into which nothing has to fit


class _Console(Console):
    """Writes to a terminal at its width, and to anything else without breaking or cutting lines."""

    @property  # type: ignore[misc]  # Console lets it be set, which nobody does here
    def size(self) -> ConsoleDimensions:
        if self.is_terminal or "COLUMNS" in os.environ:
            return super().size
        return ConsoleDimensions(UNLIMITED, 25)


messages = _Console(stderr=True, highlight=False)
answers = _Console(highlight=False)


@contextmanager
def progress(name: str, total: int) -> Iterator[Callable[[], None]]:
    """A bar of `total` steps while the block runs; yields what is called after each step."""
    with parts_done(name, total) as show:
        done = 0

        def advance() -> None:
            nonlocal done
            done += 1
            show(done)

        yield advance


@contextmanager
def parts_done(name: str, total: float = 1.0) -> Iterator[Callable[..., None]]:
    """A bar while the block runs; yields what is called with how much is done, and another name where it changes.

    Where messages don't go to a terminal, a plain line every so often says the same.
    """
    if not messages.is_terminal:
        yield _lines(name, total)
        return
    with Progress(console=messages, transient=True) as bar:
        task = bar.add_task(name, total=total)
        yield lambda done, name=name: bar.update(task, completed=done, description=name)


def _lines(name: str, total: float) -> Callable[..., None]:
    occasions = Occasions()
    occasions.due()  # work that is over soon needs no line

    def show(done: float, name: str = name) -> None:
        if occasions.due():
            messages.print(f"{name}: {100 * done / total:.0f} % after {duration(occasions.elapsed)}", soft_wrap=True)

    return show


def read_text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"can't read {path}: {getattr(error, 'strerror', None) or 'it is not text'}") from error


def check_json_path(path: Path, inputs: Sequence[Path] = ()) -> None:
    """Hold what --json names to a file that can be written and is none of `inputs` (resolved).

    Raises:
        UserError: anything else.
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
