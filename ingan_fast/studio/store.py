"""Pictures and what was painted on them, on disk under the pictures' content, so that nothing is lost.

A folder for each picture: about.json, the file as it was given (source.SUFFIX), preview.png, view.jpg, found.png,
keep.png and remove.png with their versions in masks.json, and companions/.
"""

import hashlib
import io
import json
import os
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray
from PIL import Image

from ingan_fast.files import atomic_write
from ingan_fast.geometry import Size

VARIABLE = "INGAN_FAST_CACHE"
DEFAULT = "~/.cache/ingan-fast"
LIMIT = 4 << 30  # bytes; the pictures that were not used for longest are removed
MASKS = ("keep", "remove")
ID_LENGTH = 32

Mask = NDArray[np.bool_]


class Stale(Exception):
    """A mask was painted on another version than the current one."""

    def __init__(self, version: int):
        super().__init__(f"another page has painted since; its version is {version}")
        self.version = version


@dataclass(frozen=True)
class Entry:
    """What is known of a picture.

    Attributes:
        id: of its content.
        name: its file's name, without a folder.
        kind: photo, run or model.
        size, preview_size: (width, height); a model may have no preview.
        channels, bits: of the file.
        added: seconds since the epoch.
        path: of a run or a model, and of a photo that the command line named.
        source: id of the photo that a run was trained on here.
    """

    id: str
    name: str
    kind: str
    size: Size
    preview_size: Size | None
    channels: int = 3
    bits: int = 8
    added: float = 0.0
    path: str | None = None
    source: str | None = None
    notices: list[str] = field(default_factory=list)


def cache_folder() -> Path:
    return Path(os.environ.get(VARIABLE) or DEFAULT).expanduser() / "studio"


def content_id(path: Path) -> str:
    """The id of a file: from its bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:ID_LENGTH]


class Store:
    """The folder of all pictures."""

    def __init__(self, folder: Path, limit: int = LIMIT):
        self.root = folder
        self._limit = limit
        self._lock = threading.RLock()
        (folder / "pictures").mkdir(parents=True, exist_ok=True)
        _remove_leftovers(folder / "incoming")
        self.incoming = folder / "incoming" / str(os.getpid())
        self.incoming.mkdir(parents=True, exist_ok=True)

    def folder(self, key: str) -> Path:
        return self.root / "pictures" / key

    def get(self, key: str) -> Entry | None:
        """The entry with this id; None if there is none, or it is damaged."""
        if len(key) != ID_LENGTH or not set(key) <= set("0123456789abcdef"):
            return None
        try:
            about = json.loads((self.folder(key) / "about.json").read_bytes())
            about["size"] = tuple(about["size"])
            about["preview_size"] = about["preview_size"] and tuple(about["preview_size"])
            return Entry(**about)
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def entries(self) -> list[Entry]:
        """All of them, the newest first."""
        found = (self.get(path.name) for path in (self.root / "pictures").iterdir())
        return sorted((entry for entry in found if entry), key=lambda entry: -entry.added)

    def used(self, key: str) -> None:
        """Note that a picture was used now."""
        (self.folder(key) / "about.json").touch(exist_ok=True)

    @contextmanager
    def arriving(self) -> Iterator[Path]:
        """A folder for files on their way in; afterwards what is left in it is removed."""
        folder = self.incoming / secrets.token_hex(8)
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def add(self, entry: Entry, folder: Path) -> Entry:
        """Take a folder with a picture's files over; an entry with the same id stays and keeps what was painted."""
        entry = replace(entry, added=time.time())
        with self._lock:
            known = self.get(entry.id)
            if known is not None:
                entry = replace(known, path=entry.path or known.path, source=entry.source or known.source)
                self._write_about(entry, self.folder(entry.id))
                return entry
            self._write_about(entry, folder)
            shutil.rmtree(self.folder(entry.id), ignore_errors=True)  # a damaged one
            os.replace(folder, self.folder(entry.id))
            return entry

    def _write_about(self, entry: Entry, folder: Path) -> None:
        atomic_write(folder / "about.json", (json.dumps(asdict(entry), indent=1) + "\n").encode())

    def remove(self, key: str) -> None:
        with self._lock:
            shutil.rmtree(self.folder(key), ignore_errors=True)

    def trim(self, in_use: set[str]) -> None:
        """Remove the pictures that were not used for longest, but none in use, until the rest is within the limit."""
        with self._lock:
            sizes = {path: _bytes_in(path) for path in (self.root / "pictures").iterdir()}
            total = sum(sizes.values())
            for path in sorted(sizes, key=_last_used):
                if total <= self._limit:
                    break
                if path.name not in in_use:
                    shutil.rmtree(path, ignore_errors=True)
                    total -= sizes[path]

    def source_file(self, key: str) -> Path:
        """The picture's file.

        Raises:
            FileNotFoundError: the picture was removed.
        """
        for path in self.folder(key).glob("source.*"):
            return path
        raise FileNotFoundError(key)

    def close(self) -> None:
        shutil.rmtree(self.incoming, ignore_errors=True)

    def versions(self, key: str) -> dict[str, int]:
        """The masks' versions; 0 where nothing was painted."""
        try:
            known: dict[str, Any] = json.loads((self.folder(key) / "masks.json").read_bytes())
        except (OSError, ValueError):
            known = {}
        return {name: int(known.get(name, 0)) for name in MASKS}

    def mask_file(self, key: str, name: str) -> Path:
        return self.folder(key) / f"{name}.png"

    def mask(self, key: str, name: str, size: Size | None = None) -> Mask | None:
        """A mask [h, w], scaled to a size (width, height) if one is given; None where nothing is painted."""
        path = self.mask_file(key, name)
        if not path.is_file():
            return None
        with Image.open(path, formats=["PNG"]) as image:
            scaled = image if size in (None, image.size) else image.resize(size, Image.Resampling.NEAREST)
            return np.asarray(scaled) > 127

    def put_mask(self, key: str, name: str, mask: Mask | None, version: int) -> dict[str, int]:
        """Store a mask that was painted on a version, or an empty one; returns the new versions.

        Raises:
            Stale: the current version is another one.
        """
        folder = self.folder(key)
        with self._lock, FileLock(folder / "masks.lock"):  # other servers may have the same picture
            versions = self.versions(key)
            if versions[name] != version:
                raise Stale(versions[name])
            path = self.mask_file(key, name)
            if mask is None or not mask.any():
                path.unlink(missing_ok=True)
            else:
                buffer = io.BytesIO()
                Image.fromarray(mask.astype(np.uint8) * np.uint8(255)).save(buffer, "PNG")
                atomic_write(path, buffer.getvalue())
            versions[name] += 1
            atomic_write(folder / "masks.json", json.dumps(versions).encode())
            return versions


def _remove_leftovers(folder: Path) -> None:
    """Remove what servers that were killed have left."""
    for path in folder.glob("*"):
        try:
            os.kill(int(path.name), 0)
        except (ProcessLookupError, ValueError):
            shutil.rmtree(path, ignore_errors=True)
        except OSError:  # a process of somebody else
            continue


def _bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _last_used(folder: Path) -> float:
    try:
        return (folder / "about.json").stat().st_mtime
    except OSError:
        return 0.0
