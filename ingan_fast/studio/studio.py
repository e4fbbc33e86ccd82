"""What a running studio has: the pictures, their frames, jobs and pages."""

import asyncio
import hashlib
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingan_fast.errors import UserError
from ingan_fast.pictures.formats import SUFFIXES
from ingan_fast.pictures.reading import TooManyPixels
from ingan_fast.studio.child import Child
from ingan_fast.studio.errors import Refused
from ingan_fast.studio.frames import FrameKey, FrameSource
from ingan_fast.studio.hub import Hub
from ingan_fast.studio.jobs import Job, Jobs
from ingan_fast.studio.requests import Options
from ingan_fast.studio.store import ID_LENGTH, Entry, Store, cache_folder, content_id
from ingan_fast.studio.subjects import Subject, size_within
from ingan_fast.studio.training import Training, Trainings

MAX_BYTES = 200_000_000  # of an upload
MAX_PIXELS = 100_000_000  # of an upload; decoding takes up to 800 MB


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
        self.frames = FrameSource(self.store, self._notify_frames)
        self.stills = Child()
        self.reader = Child()
        self.jobs = Jobs(
            self.store.incoming / "jobs",
            self.limits.running,
            self.limits.waiting,
            self.limits.per_page,
            self._notify_job,
        )
        self.trainings = Trainings(self.store, self.add_run, self._notify_training)
        self.start: str | None = None  # id of the picture to show first
        self.uploads = asyncio.Semaphore(self.limits.uploads)

    def close(self) -> None:
        self.trainings.close()  # which takes what was trained into the store
        self.jobs.close()
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

    def add_run(self, run: Path, photo: Entry | None = None) -> str:
        """Take a run folder into the store; returns its id.

        Args:
            run: the folder.
            photo: what it was trained on here.

        Raises:
            UserError: it is not a run.
        """
        name = f"{Path(photo.name).stem}_trained" if photo else run.resolve().name
        if not (run / "config.json").is_file() or not (run / "source.png").is_file():
            raise UserError(f"{run} is not a run; give a folder that `ingan-fast train` made")
        return self._add_other("run", run, name, run / "source.png", photo)

    def add_model(self, model: Path) -> str:
        """Take an exported model into the store; returns its id.

        Raises:
            UserError: it is not a model, or can't be run here.
        """
        return self._add_other("model", model, model.resolve().parent.name, None, None)

    def _add_other(self, kind: str, path: Path, name: str, picture: Path | None, photo: Entry | None) -> str:
        key = hashlib.sha256(f"{kind} {path.resolve()}".encode()).hexdigest()[:ID_LENGTH]
        if self.store.get(key) is None:
            with self.store.arriving() as folder:
                if picture is None:
                    about = self.reader.run("read_model", path, folder)
                else:
                    shutil.copyfile(picture, folder / "source.png")
                    about = self.reader.run("read_picture", picture, folder, self.limits.pixels)
                source = photo.id if photo else None
                self.store.add(Entry(key, name, kind, path=str(path.absolute()), source=source, **about), folder)
        self.store.used(key)
        return key

    def companions(self, picture: str) -> list[dict[str, Any]]:
        """What is known of a picture's companions, the oldest first."""
        found = []
        for path in (self.store.folder(picture) / "companions").glob("*/about.json"):
            try:
                found.append((path.stat().st_mtime, json.loads(path.read_bytes())))
            except (OSError, ValueError):  # being removed
                continue
        return [about for _, about in sorted(found, key=lambda each: each[0])]

    def remove(self, key: str) -> None:
        """Remove a picture with what was painted on it, and with its trainings.

        Raises:
            Refused: it is being trained.
        """
        runs = self.store.root / "runs"
        if self.trainings.running and self.trainings.picture == key:
            raise Refused(409, "it is being trained; stop that first")
        entry = self.entry(key)
        self.hub.publish("closing", key, error="the picture was removed")
        for other in self.store.entries():
            if other.source == key:
                self.store.remove(other.id)
        if entry.path is not None and Path(entry.path).is_relative_to(runs):
            shutil.rmtree(entry.path, ignore_errors=True)
        shutil.rmtree(runs / key, ignore_errors=True)
        self.store.remove(key)
        self.frames.forget(key)

    def cleaned(self, sentence: str) -> str:
        """A sentence without the cache's paths."""
        return re.sub(rf"{re.escape(str(self.store.root))}[^\s:,;]*/", "", sentence)

    def subject(self, entry: Entry, options: Options, side: int | None = None) -> Subject:
        """What makes outputs in full resolution, or of a photo that is reduced to `side` px a side."""
        if entry.kind != "photo":
            assert entry.path is not None
            return Subject(entry.kind, Path(entry.path))
        size = entry.size if side is None else size_within(entry.size, side)
        layout_options = options.layout_options(self.store, entry.id, size)
        return Subject("photo", self.store.source_file(entry.id), layout_options, side)

    def previewed(self, entry: Entry, options: Options) -> Subject:
        """What makes outputs of the preview."""
        if entry.kind != "photo":
            return self.subject(entry, options)
        assert entry.preview_size is not None
        layout_options = options.layout_options(self.store, entry.id, entry.preview_size)
        return Subject("photo", self.store.folder(entry.id) / "preview.png", layout_options)

    def _notify_job(self, job: Job) -> None:
        self.hub.publish("job", client=job.client, job=job.described())

    def _notify_training(self, training: Training) -> None:
        self.hub.publish("training", training.picture, training=training.described())

    def _notify_frames(self, event: str, key: FrameKey, error: str | None) -> None:
        keep, remove = key.masks
        fields = {"error": error} if error else {}
        self.hub.publish(event, key.picture, keep=keep, remove=remove, **fields)


def file_name(given: str) -> str:
    """A picture's name without folders and odd characters, with a suffix that says that it is a picture."""
    name = re.split(r"[/\\]", given)[-1]
    name = (
        "".join(letter for letter in name if letter.isprintable() and letter not in '<>:"|?*').strip(". ").lstrip("-")
    )
    if Path(name).suffix.lower() not in SUFFIXES:
        name = f"{name or 'picture'}.png"  # the content says what it is, the command line goes by the name
    return f"{Path(name).stem[:80]}{Path(name).suffix}"


def status_of(error: UserError) -> int:
    return 413 if isinstance(error, TooManyPixels) else 400
