"""What the commands share: where messages and progress go, an exit code, reading a user's text, a file for numbers."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from ingan_fast.errors import UserError

messages = Console(stderr=True, highlight=False)

INTERRUPTED = 130


@contextmanager
def progress(name: str, total: int) -> Iterator[Callable[[], None]]:
    """A bar of `total` steps while the block runs; yields what is called after each step."""
    with Progress(console=messages, transient=True, disable=not messages.is_terminal) as bar:
        task = bar.add_task(name, total=total)
        yield lambda: bar.advance(task)


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
