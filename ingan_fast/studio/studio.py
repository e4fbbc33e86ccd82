"""What a running studio has: the pictures, their frames, jobs and pages."""

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path

from ingan_fast.errors import UserError
from ingan_fast.pictures.reading import TooManyPixels
from ingan_fast.studio.child import Child
from ingan_fast.studio.errors import Refused
from ingan_fast.studio.frames import FrameSource, Wanted
from ingan_fast.studio.hub import Hub
from ingan_fast.studio.store import Entry, Store, cache_folder, content_id

MAX_BYTES = 200_000_000  # of an upload
MAX_PIXELS = 100_000_000  # of an upload; decoding takes up to 800 MB
READING_SECONDS = 120.0  # for one picture


@dataclass(frozen=True)
class Limits:
    """What a page may ask for.

    Attributes:
        upload_bytes, pixels: of a picture.
        uploads: handled at once.
        upload_wait: seconds that further ones wait.
        running, waiting: jobs.
        per_page: jobs of one page.
        page_gone: seconds after which the jobs of a page that is gone are cancelled.
    """

    upload_bytes: int = MAX_BYTES
    pixels: int = MAX_PIXELS
    uploads: int = 4
    upload_wait: float = 30.0
    running: int = 2
    waiting: int = 8
    per_page: int = 4
    page_gone: float = 5.0


class Studio:
    """Everything behind the addresses. Make it before the server runs, call `begin` in its event loop."""

    def __init__(self, cache: Path | None = None, limits: Limits | None = None):
        self.limits = limits or Limits()
        self.store = Store(cache or cache_folder())
        self.hub = Hub()
        self.frames = FrameSource(self.store, self._tell)
        self.stills = Child()
        self.reader = Child()
        self.start: str | None = None  # id of the picture to show first
        self.uploads = asyncio.Semaphore(self.limits.uploads)

    def close(self) -> None:
        self.frames.close()
        self.stills.close()
        self.reader.close()
        self.store.close()

    def entry(self, key: str) -> Entry:
        """A picture by its id.

        Raises:
            Refused: there is none.
        """
        entry = self.store.get(key)
        if entry is None:
            raise Refused(404, "there is no such picture; open it again")
        return entry

    def add_photo(self, file: Path, name: str, path: Path | None = None) -> tuple[Entry, bool]:
        """Take a picture's file into the store; returns its entry, and whether it is new.

        Args:
            file: will be moved.
            name: of the picture, for people.
            path: where the command line found it.

        Raises:
            UserError: it can't be read.
        """
        key = content_id(file)
        known = self.store.get(key)
        if known is not None and known.preview_size is not None:
            self.store.used(key)
            return known, False
        with self.store.arriving() as folder:
            try:
                about = self.reader.run("read_picture", file, folder, self.limits.pixels)
            except UserError as error:
                raise type(error)(str(error).replace(str(file), name)) from error
            shutil.move(file, folder / f"source{file.suffix.lower()}")
            entry = self.store.add(Entry(key, name, "photo", path=None if path is None else str(path), **about), folder)
        self.store.trim({entry.id} | self.hub.pictures())
        return entry, True

    def _tell(self, event: str, wanted: Wanted, error: str | None) -> None:
        keep, remove = wanted.masks
        fields = {"error": error} if error else {}
        self.hub.publish(event, wanted.picture, keep=keep, remove=remove, **fields)


def status_of(error: UserError) -> int:
    return 413 if isinstance(error, TooManyPixels) else 400
