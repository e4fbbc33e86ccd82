"""Work that takes a while: a bounded number at once, the others wait, each can be cancelled."""

import os
import re
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingan_fast.errors import MachineError, UserError
from ingan_fast.studio.child import PATIENCE, Child, Stopped
from ingan_fast.studio.errors import Refused

KEPT = 20  # finished jobs whose files are kept
PROGRESS_EVERY = "0.5"  # seconds between a command's lines of progress
ENDED = ("done", "failed", "cancelled")
PERCENT = re.compile(r": (\d+) % after ")

Work = Callable[["Job"], None]


@dataclass
class Job:
    """One piece of work; changed by its thread, read by others.

    Attributes:
        folder: for its files.
        file: name of the download, in the folder.
        result: further results, as JSON.
    """

    kind: str
    picture: str
    client: str | None
    folder: Path
    notify: Callable[["Job"], None]
    id: str = field(default_factory=lambda: secrets.token_hex(12))
    state: str = "queued"
    progress: float | None = None
    file: str | None = None
    result: Any = None
    error: str | None = None
    began: float = 0.0
    _child: Child | None = None
    _process: "subprocess.Popen[str] | None" = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def described(self) -> dict[str, Any]:
        """The job as JSON."""
        left = None
        if self.state == "running" and self.progress:
            left = round((time.monotonic() - self.began) * (1 / self.progress - 1), 1)
        return {
            "id": self.id,
            "kind": self.kind,
            "picture": self.picture,
            "state": self.state,
            "progress": self.progress,
            "seconds_left": left,
            "file": self.file,
            "result": self.result,
            "error": self.error,
        }

    def advance(self, part: float) -> None:
        self.progress = min(1.0, part)
        self.notify(self)

    def task(self, name: str, *arguments: Any) -> Any:
        """Run a task of `tasks.TASKS` in a process of its own."""
        child = Child()
        with self._lock:
            if self.state == "cancelled":
                raise Stopped("cancelled")
            self._child = child
        try:
            return child.run(name, *arguments, progress=self.advance)
        finally:
            child.close()

    def command(self, words: Sequence[str], hide: Sequence[Path] = ()) -> None:
        """Run `ingan-fast` with arguments in the job's folder.

        Raises:
            UserError: the command's own message, without the paths in `hide`.
        """
        with self._lock:
            if self.state == "cancelled":
                raise Stopped("cancelled")
            self._process = process = start_command(words, self.folder)
        assert process.stderr is not None
        last = ""
        for line in process.stderr:
            last = line.strip() or last
            if found := PERCENT.search(line):
                self.advance(int(found[1]) / 100)
        code = process.wait()
        if self.state == "cancelled":
            raise Stopped("cancelled")
        if code:
            for path in (*hide, self.folder):
                last = last.replace(f"{path}{os.sep}", "").replace(str(path), "it")
            raise UserError(last.removeprefix("ingan-fast: ") or f"the command failed with code {code}")

    def cancel(self) -> None:
        with self._lock:
            if self.state in ENDED:
                return
            self.state = "cancelled"
            child, process = self._child, self._process
        if child is not None:
            child.close()
        if process is not None:
            end_command(process, PATIENCE)
        self.notify(self)


def start_command(words: Sequence[str], folder: Path) -> "subprocess.Popen[str]":
    """Start `ingan-fast` with arguments in a folder, on a leash (see `leashed`)."""
    return subprocess.Popen(
        [sys.executable, "-m", "ingan_fast.studio.leashed", *words],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
        env=os.environ | {"INGAN_FAST_PROGRESS_EVERY": PROGRESS_EVERY, "NO_COLOR": "1", "PYTHONSAFEPATH": "1"},
    )


def end_command(process: "subprocess.Popen[str]", patience: float) -> None:
    """Interrupt a command, and kill it if it doesn't end."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Jobs:
    """The jobs of a server.

    Args:
        folder: for their files.
        running, waiting: at most so many at once.
        per_client: jobs of one page that have not ended.
        notify: called in another thread when a job changed.
    """

    def __init__(self, folder: Path, running: int, waiting: int, per_client: int, notify: Callable[[Job], None]):
        self._folder, self._notify = folder, notify
        self._most, self._per_client = running + waiting, per_client
        self._jobs: dict[str, Job] = {}
        self._queue: deque[tuple[Job, Work]] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._threads = [threading.Thread(target=self._work, name="job", daemon=True) for _ in range(running)]
        for thread in self._threads:
            thread.start()

    def start(self, kind: str, picture: str, client: str | None, work: Work) -> Job:
        """Queue work for a picture.

        Raises:
            Refused: there are too many jobs, of this page or in all.
        """
        with self._changed:
            active = [job for job in self._jobs.values() if job.state not in ENDED]
            if client is not None and sum(job.client == client for job in active) >= self._per_client:
                raise Refused(429, f"{self._per_client} jobs of this page are not done yet; wait for one or cancel one")
            if len(active) >= self._most or self._closed:
                raise Refused(503, "the server has too much to do; try again in a moment")
            job = Job(kind, picture, client, self._folder / secrets.token_hex(8), self._notify)
            job.folder.mkdir(parents=True)
            self._jobs[job.id] = job
            self._queue.append((job, work))
            self._forget_old()
            self._changed.notify()
        self._notify(job)
        return job

    def get(self, key: str) -> Job:
        """A job by its id.

        Raises:
            Refused: there is none.
        """
        job = self._jobs.get(key)
        if job is None:
            raise Refused(404, "there is no such job; it may have been forgotten")
        return job

    def remove(self, key: str) -> None:
        """Cancel a job, or forget the files of one that has ended."""
        job = self.get(key)
        job.cancel()
        with self._changed:
            self._jobs.pop(key, None)
        shutil.rmtree(job.folder, ignore_errors=True)

    def page_gone(self, client: str) -> None:
        """Cancel and forget the jobs of a page."""
        for job in [job for job in self._jobs.copy().values() if job.client == client]:
            self.remove(job.id)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._queue.clear()
            self._changed.notify_all()
        for key in list(self._jobs):
            self.remove(key)
        for thread in self._threads:
            thread.join(PATIENCE)

    def _forget_old(self) -> None:
        ended = [job for job in self._jobs.values() if job.state in ENDED]
        for job in ended[: max(0, len(ended) - KEPT)]:
            del self._jobs[job.id]
            shutil.rmtree(job.folder, ignore_errors=True)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._closed)
                if self._closed:
                    return
                job, work = self._queue.popleft()
                if job.state != "queued":
                    continue
                job.state, job.began = "running", time.monotonic()
            self._notify(job)
            self._finish(job, work)

    def _finish(self, job: Job, work: Work) -> None:
        error: str | None = None
        try:
            work(job)
        except (UserError, MachineError) as failure:
            error = str(failure)
        except Stopped:
            error = "the process was ended"
        except Exception as failure:
            error = f"this failed unexpectedly ({type(failure).__name__})"
        if job.state == "cancelled":
            shutil.rmtree(job.folder, ignore_errors=True)
            return
        job.error, job.state = error, "failed" if error else "done"
        if not error:
            job.progress = 1.0
        self._notify(job)
