"""One training at a time: in a run folder, whoever starts it, and in a process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ingan_fast.errors import UserError

LOCK = "train.lock"  # the file stays; the system lets go of the lock when the process ends, however it ends

# Torch's random numbers and its number of threads belong to the process: two trainings would change each other's.
_IN_PROCESS = threading.Lock()


@contextmanager
def sole_training(run: Path) -> Iterator[None]:
    """Hold the run folder `run`, which is made if it is missing; a folder that stays empty is removed at the end.

    Raises:
        UserError: another training holds the folder, or runs in this process, or the folder can't be written.
    """
    if not _IN_PROCESS.acquire(blocking=False):
        raise UserError("a training is already running in this process; wait for it, or start another process")
    try:
        made = _make(run)
        lock = FileLock(run / LOCK)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            raise UserError(f"another training is using {run}; wait until it ends, or give another folder") from None
        except OSError as error:
            raise UserError(f"can't write {run}: {error.strerror or error}; choose another place") from error
        try:
            yield
        finally:
            _remove_empty(run, made)
            lock.release()
    finally:
        _IN_PROCESS.release()


def _make(folder: Path) -> list[Path]:
    """The folders that had to be made, the innermost first."""
    try:
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"can't write {folder}: {error.strerror or error}; choose another place") from error
    return missing


def _remove_empty(run: Path, made: list[Path]) -> None:
    """Remove the lock and the folders that were made for it, where a training was refused before it wrote anything."""
    if any(path.name != LOCK for path in run.iterdir()):
        return
    with suppress(OSError):  # Windows keeps a file that is open
        (run / LOCK).unlink()
        for folder in made:
            folder.rmdir()
