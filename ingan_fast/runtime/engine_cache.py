"""Cache of built TensorRT engines on disk."""

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
    """Files named by a key, for what they were built from, and by the checksum of their content.

    Files are written under a temporary name and renamed, so that concurrent processes are safe.

    Attributes:
        folder: `engines` in $INGAN_FAST_CACHE, or in ~/.cache/ingan-fast.
    """

    def __init__(self, limit: int = MAX_BYTES):
        self.folder = Path(os.environ.get(VARIABLE) or DEFAULT).expanduser() / "engines"
        self.limit = limit

    def fetch(self, key: str, path: Path) -> bool:
        """Copy the entry of `key` to `path`; returns False, without that file, if there is no intact entry."""
        for entry in sorted(self.folder.glob(f"{key}-*.engine")):
            with contextlib.suppress(FileNotFoundError, PermissionError):  # another process may evict it
                shutil.copyfile(entry, path)
                if checksum(path) == entry.stem.rpartition("-")[2]:
                    os.utime(entry)
                    return True
                entry.unlink()
            path.unlink(missing_ok=True)
        return False

    def store(self, key: str, path: Path) -> None:
        """Store a copy of the file at `path`; evicts the least recently used files beyond the limit.

        Raises:
            UserError: the folder can't be written, or the disk is full.
        """
        with atomic_path(self.folder / f"{key}-{checksum(path)}.engine") as temporary:
            shutil.copyfile(path, temporary)
        self._make_room()

    def _make_room(self) -> None:
        files = []
        for path in self.folder.iterdir():  # includes leftovers of killed processes
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
        """A builder's timing cache; empty if there is none."""
        try:
            return (self.folder / f"{name}.timings").read_bytes()
        except OSError:
            return b""

    def write_timings(self, name: str, timings: bytes) -> None:
        """Store a builder's timing cache.

        Raises:
            UserError: the folder can't be written, or the disk is full.
        """
        atomic_write(self.folder / f"{name}.timings", timings)
