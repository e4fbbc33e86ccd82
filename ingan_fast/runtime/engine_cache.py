"""Engines that were built, kept for the next time that the same one is asked for."""

import contextlib
import os
import shutil
from pathlib import Path

from ingan_fast.files import atomic_path, atomic_write
from ingan_fast.runtime.sidecar import checksum

VARIABLE = "INGAN_FAST_CACHE"
DEFAULT = "~/.cache/ingan-fast"
MAX_BYTES = 2 << 30


class EngineCache:
    """Files by what they were made from: a key, and in the name of each file the checksum of its content.

    Every file is written under another name first and then renamed, so that processes don't disturb each other.

    Attributes:
        folder: `engines` in $INGAN_FAST_CACHE, or in ~/.cache/ingan-fast.
    """

    def __init__(self, limit: int = MAX_BYTES):
        self.folder = Path(os.environ.get(VARIABLE) or DEFAULT).expanduser() / "engines"
        self.limit = limit

    def fetch(self, key: str, path: Path) -> bool:
        """Copy the entry of a key to `path`; False, and `path` is not there, if there is none that is whole."""
        for entry in sorted(self.folder.glob(f"{key}-*.engine")):
            with contextlib.suppress(FileNotFoundError, PermissionError):  # another process made room
                shutil.copyfile(entry, path)
                if checksum(path) == entry.stem.rpartition("-")[2]:
                    os.utime(entry)
                    return True
                entry.unlink()
            path.unlink(missing_ok=True)
        return False

    def store(self, key: str, path: Path) -> None:
        """Keep a copy of the file at `path`, and let go of those that were not asked for the longest.

        Raises:
            UserError: the folder can't be written, or the disk is full.
        """
        with atomic_path(self.folder / f"{key}-{checksum(path)}.engine") as temporary:
            shutil.copyfile(path, temporary)
        self._make_room()

    def _make_room(self) -> None:
        files = []
        for path in self.folder.iterdir():  # what a killed process left, too
            with contextlib.suppress(OSError):
                status = path.stat()
                files.append((status.st_mtime_ns, status.st_size, path))
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if total <= self.limit:
                return
            with contextlib.suppress(OSError):
                path.unlink()
            total -= size

    def read_timings(self, name: str) -> bytes:
        """What a builder measured of its kernels; empty where nothing is known yet."""
        try:
            return (self.folder / f"{name}.timings").read_bytes()
        except OSError:
            return b""

    def write_timings(self, name: str, timings: bytes) -> None:
        """Keep what a builder measured.

        Raises:
            UserError: the folder can't be written, or the disk is full.
        """
        atomic_write(self.folder / f"{name}.timings", timings)
