"""Files that are either whole or not there: written to a temporary name, flushed, then renamed."""

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ingan_fast.errors import cant_write


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it replaces `path`, on any failure it is removed.

    A file that is replaced keeps its permissions. A link stays one: the file that it names is replaced.

    Raises:
        UserError: the folder can't be written; `path` is untouched.
        MachineError: the disk is full or fails; `path` is untouched.
    """
    path = Path(path).expanduser()
    try:
        target = Path(os.path.realpath(path)) if path.is_symlink() else path
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.stem}.{secrets.token_hex(4)}{target.suffix}")
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))  # less the umask
    except OSError as error:
        raise cant_write(path, error, "choose another place") from error
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        if target.is_file():
            temporary.chmod(stat.S_IMODE(target.stat().st_mode))
        os.replace(temporary, target)
    except OSError as error:
        raise cant_write(path, error, "nothing was changed") from error
    finally:
        temporary.unlink(missing_ok=True)


def atomic_write(path: str | Path, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all (see `atomic_path`)."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)
