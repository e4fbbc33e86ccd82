"""Runs a batch: submits what is missing, writes what comes back, counts what fails."""

import hashlib
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ingan_fast.batch import work
from ingan_fast.batch.journal import FOLDER, Entry, Journal, Source
from ingan_fast.batch.outputs import read_folder, remove_leftovers, write_output, write_unflushed
from ingan_fast.batch.pictures import Picture
from ingan_fast.batch.pools import Pool, WorkerLost
from ingan_fast.batch.requests import Options, Request, key
from ingan_fast.batch.work import Answer, Product, Task
from ingan_fast.errors import UserError
from ingan_fast.pictures.streams import is_stream

TRIES = 3  # per picture, if workers die
NODE_TRIES = 10  # if nodes leave: rarely the picture's fault
LOOK = 0.2  # s between looks at signals


@dataclass(frozen=True)
class Progress:
    """Where a batch stands."""

    pictures: int  # in all
    done: int  # with all their outputs, or failed
    made: int  # of these: worked on by this run
    failed: int
    seconds: float  # since the start of this run


@dataclass
class Work:
    """A picture and what is still to be made of it."""

    picture: Picture
    missing: dict[str, Request | None]  # by output; None for a run or a model
    deaths: Counter[bool] = field(default_factory=Counter)  # by whether the node left


@dataclass
class Outcome:
    """Of all pictures of a batch."""

    entries: dict[str, Entry] = field(default_factory=dict)  # outputs that are there
    made: set[str] = field(default_factory=set)  # of these: in this run
    errors: dict[str, str] = field(default_factory=dict)  # by output
    seconds: float = 0.0


class Batch:
    """A batch in an output folder that is locked (`journal.opened`).

    Args:
        pictures: whose outputs have names of their own (`pictures.check_names`).
        requests: what is made of each picture.
        options: of all pictures.
        journal: of the output folder.
    """

    def __init__(
        self,
        pictures: Sequence[Picture],
        requests: Sequence[Request],
        options: Options,
        journal: Journal,
    ):
        self.pictures = pictures
        self.requests = requests
        self.options = options
        self.journal = journal
        self.outcome = Outcome()
        self._gpus = 0.0
        self._running: dict[Any, tuple[Work, Source]] = {}
        self._waiting: deque[Work] = deque()
        self._failed: set[Picture] = set()
        remove_leftovers(journal.folder, [name for picture in pictures for name in self.planned(picture)])
        for picture in pictures:
            missing = self._missing(picture)
            if missing:
                self._waiting.append(Work(picture, missing))

    def complete(self) -> bool:
        """Whether all outputs are there, judging by the pictures' sizes and times."""
        return not self._waiting

    def planned(self, picture: Picture) -> dict[str, Request | None]:
        """Outputs of a picture, in the order in which they are made."""
        planned: dict[str, Request | None] = {}
        training = self.options.training
        if training is not None:
            planned[picture.run()] = None
            if training.export:
                planned[picture.model()] = None
        return planned | {picture.output(request): request for request in self.requests}

    def run(
        self,
        pool: Pool,
        gpus: float = 0.0,
        show: Callable[[Progress], None] = lambda progress: None,
        interrupted: threading.Event | None = None,
    ) -> None:
        """Make what is missing; the results are in `outcome`, also after an exception.

        Args:
            pool: where tasks run.
            gpus: of each training; 0: trainings run on CPUs.
            show: called with the progress.
            interrupted: ends the batch when set.

        Raises:
            UserError, MachineError: no output can be written or computed; the others are kept.
        """
        start, count = time.monotonic(), len(self._waiting)
        interrupted = interrupted or threading.Event()
        self._gpus = gpus
        while (self._waiting or self._running) and not interrupted.is_set():
            while self._waiting and pool.room() > 0 and not interrupted.is_set():
                self._submit(pool, self._waiting.popleft())
            for token, answer in pool.finished(LOOK):
                self._receive(*self._running.pop(token), answer)
            left = len(self._waiting) + len(self._running)
            self.outcome.seconds = time.monotonic() - start
            done, total = count - left, len(self.pictures)
            show(Progress(total, total - left, done, len(self._failed), self.outcome.seconds))

    def _missing(self, picture: Picture) -> dict[str, Request | None]:
        """Outputs to make, judging by the picture's size and time."""
        missing: dict[str, Request | None] = {}
        for name, request in self.planned(picture).items():
            entry = self.journal.unchanged(name, key(self.options, request), picture.path, self._judged(request))
            if entry is None:
                missing[name] = request
            else:
                self.outcome.entries[name] = entry
        return missing

    def _submit(self, pool: Pool, item: Work) -> None:
        """Read a picture and start its next task, if anything is missing judging by its content."""
        picture = item.picture
        try:
            if is_stream(picture.path):
                raise UserError("it is a pipe or a device")
            content = picture.path.read_bytes()
            source = Source.of(picture.path, content)
        except (OSError, UserError) as error:
            return self._fail(item, f"can't be read: {getattr(error, 'strerror', None) or error}")
        for name, request in list(item.missing.items()):
            entry = self.journal.same(name, key(self.options, request), source, self._judged(request))
            if entry is not None:
                self.outcome.entries[name] = entry
                del item.missing[name]
        if not item.missing:
            return None
        function, gpus = work.lay_out, 0.0
        outputs = {name: request for name, request in item.missing.items() if request is not None}
        task = Task(str(picture.path), content, outputs, self.options)
        if picture.run() in item.missing:
            function, gpus = work.train, self._gpus
            none = Request("run", "", ())
            task = Task(task.path, content, {picture.run(): none}, self.options, device="auto" if gpus else "cpu")
        elif self.options.training is not None:
            run = read_folder(self.journal.folder / picture.run())
            model = picture.model() if picture.model() in item.missing else ""
            task = Task(task.path, content, outputs, self.options, run, model)
        self._running[pool.submit(function, task, gpus)] = item, source
        return None

    def _receive(self, item: Work, source: Source, answer: Answer | Exception) -> None:
        if isinstance(answer, WorkerLost):
            item.deaths[answer.node] += 1
            if item.deaths[answer.node] < (NODE_TRIES if answer.node else TRIES):
                return self._waiting.appendleft(item)
            return self._fail(item, f"{answer}, {item.deaths[answer.node]} times")
        if isinstance(answer, UserError):
            raise answer  # of the cluster: no picture would succeed
        if isinstance(answer, Exception):
            return self._fail(item, work.reason(answer))
        if answer.error:
            return self._fail(item, answer.error)
        self._write_thumbnail(source_thumbnail_path(item.picture), answer.thumbnail)
        for name, product in answer.products.items():
            request = item.missing.pop(name)
            error = product.error or self._write(name, request, product, answer, source)
            if error:
                self._error(item, name, error)
                if name == item.picture.run():
                    return self._fail(item, "its training failed")
        if item.missing:
            self._waiting.appendleft(item)
        return None

    def _write(
        self, name: str, request: Request | None, product: Product, answer: Answer, source: Source
    ) -> str | None:
        """Write an output and its entry; returns the error if it is one of this output alone."""
        try:
            write_output(self.journal.folder / name, product.files)
        except UserError as error:
            return str(error)
        self._write_thumbnail(thumbnail_path(name), product.thumbnail)
        entry = Entry(
            name,
            key(self.options, request),
            source,
            {file: len(content) for file, content in product.files.items()},
            product.size,
            answer.source_size,
            product.seconds,
            product.measures,
            self._judged(request),
            product.note,
        )
        self.journal.add(entry)
        self.outcome.entries[name] = entry
        self.outcome.made.add(name)
        return None

    def _write_thumbnail(self, path: str, content: bytes) -> None:
        if content:
            write_unflushed(self.journal.folder / path, content)

    def _fail(self, item: Work, text: str) -> None:
        for name in item.missing:
            self._error(item, name, text)
        item.missing = {}

    def _error(self, item: Work, name: str, text: str) -> None:
        self.outcome.errors[name] = text
        self._failed.add(item.picture)

    def _judged(self, request: Request | None) -> bool:
        return self.options.judge and request is not None


def thumbnail_path(name: str) -> str:
    """Path in the output folder of the thumbnail of an output."""
    return f"{FOLDER}/thumbnails/{hashlib.sha256(name.encode(errors='surrogateescape')).hexdigest()[:20]}.jpg"


def source_thumbnail_path(picture: Picture) -> str:
    """Path in the output folder of the thumbnail of a picture."""
    return thumbnail_path(f"source of {picture.name}")
