"""Locks: one training at a time per run folder, and per process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ingan_fast.errors import UserError
from ingan_fast.locks import sole_use

LOCK = "train.lock"

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
        with sole_use(run, LOCK, f"another training is using {run}; wait until it ends, or give another folder"):
            yield
    finally:
        _IN_PROCESS.release()
