"""Files and pipes: `-` is standard input or output, `~` the home folder."""

import io
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ingan_fast.errors import UserError
from ingan_fast.files import atomic_path

_STANDARD = ("-", "/dev/stdin", "/dev/stdout")


def is_stream(path: Path) -> bool:
    """Whether a path is standard input or output, a pipe or a device."""
    if str(path) in _STANDARD:
        return True
    try:
        mode = path.expanduser().stat().st_mode
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


@contextmanager
def opened(path: Path, wanted: str) -> Iterator[BinaryIO]:
    """Open a file or pipe for reading, seekable.

    Args:
        path: a file, a pipe, or `-`.
        wanted: description of the expected file, for messages.

    Raises:
        UserError: it is missing, a folder, empty, or can't be read.
    """
    try:
        if is_stream(path):
            content = _piped(path)
            if not content:
                raise UserError(f"{path} is empty (0 bytes); give {wanted}")
            yield io.BytesIO(content)
            return
        path = path.expanduser()
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise UserError(f"{path} is a folder; give the path of one picture in it")
        if status.st_size == 0:
            raise UserError(f"{path} is empty (0 bytes); give {wanted}")
        file = open(path, "rb")  # noqa: SIM115
    except FileNotFoundError as error:
        raise UserError(f"{path} doesn't exist; give the path of {wanted}") from error
    except PermissionError as error:
        raise UserError(f"can't read {path}: {error.strerror}; check its permissions") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"can't read {path}: {reason}; give the path of {wanted}") from error
    with file:
        yield file


@contextmanager
def written(path: Path) -> Iterator[BinaryIO]:
    """Write a file atomically, or to a pipe at the end.

    Raises:
        UserError: it can't be written.
    """
    if is_stream(path):
        buffer = io.BytesIO()
        yield buffer
        _to_pipe(path, buffer.getvalue())
        return
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        yield file


def _piped(path: Path) -> bytes:
    if str(path) not in _STANDARD:
        return path.expanduser().read_bytes()
    if sys.stdin.isatty():
        raise UserError(f"{path} reads a picture from a pipe, but there is none; give a file, or: cat photo.png | …")
    return sys.stdin.buffer.read()


def _to_pipe(path: Path, content: bytes) -> None:
    try:
        if str(path) not in _STANDARD:
            path.expanduser().write_bytes(content)
            return
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except BrokenPipeError as error:
        # Otherwise Python would report it again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise UserError(f"can't write {path}: the program that reads it has ended") from error
