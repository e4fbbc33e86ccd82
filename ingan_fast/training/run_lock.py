"""Locks: one training at a time per run folder, and per process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ingan_fast.errors import UserError

LOCK = "train.lock"  # the file remains; the system releases the lock whenever the process ends

# torch's random numbers and thread count are per process: two trainings would disturb each other.
_IN_PROCESS = threading.Lock()


@contextmanager
def sole_training(run: Path) -> Iterator[None]:
    """Lock the run folder `run`, creating it if missing; if it is still empty at the end, it is removed.

    Raises:
        UserError: another training uses the folder or runs in this process, or the folder can't be written.
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
    """Create a folder; returns the folders that were missing, innermost first."""
    try:
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"can't write {folder}: {error.strerror or error}; choose another place") from error
    return missing


def _remove_empty(run: Path, made: list[Path]) -> None:
    """Remove the lock and the folders created for it, if the training wrote nothing."""
    if any(path.name != LOCK for path in run.iterdir()):
        return
    with suppress(OSError):  # Windows can't delete an open file
        (run / LOCK).unlink()
        for folder in made:
            folder.rmdir()
