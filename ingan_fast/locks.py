"""Locks of folders that one process at a time may write to."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ingan_fast.errors import UserError, cant_write


@contextmanager
def sole_use(folder: Path, lock: str, taken: str) -> Iterator[None]:
    """Lock a folder, creating it if missing; what was created is removed again if nothing was written into it.

    Args:
        folder: to lock.
        lock: name of the lock file. It remains; the system releases the lock whenever the process ends.
        taken: the message if another process has the lock.

    Raises:
        UserError: another process has the lock, or the folder can't be written.
    """
    try:
        made = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        held = FileLock(folder / lock)
        held.acquire(blocking=False)
    except Timeout:
        raise UserError(taken) from None
    except OSError as error:
        raise cant_write(folder, error, "choose another place") from error
    try:
        yield
    finally:
        if [path.name for path in folder.iterdir()] == [lock]:
            with suppress(OSError):  # Windows can't delete an open file; a folder may hold something else
                (folder / lock).unlink()
                for path in made:
                    path.rmdir()
        held.release()
