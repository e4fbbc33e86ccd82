"""Trainings: `ingan-fast train` in a process of its own, watched through its run folder."""

import json
import re
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingan_fast.errors import UserError
from ingan_fast.studio.jobs import end_command, start_command
from ingan_fast.studio.store import Entry, Store
from ingan_fast.studio.works import link

POLL = 0.5  # seconds between looks at the run folder
PATIENCE = 30.0  # seconds for the iteration in progress and the checkpoint, when it is stopped
RECENT = 6  # lines of the log that the speed is taken from
MOST_NOTICES = 20
CHATTER = re.compile(r"^(iteration \d+ of \d+|Stopped;)")


@dataclass(frozen=True)
class Seen:
    """What a run folder shows of its training."""

    iteration: int = 0
    iterations: int | None = None
    seconds_left: float | None = None
    preview: int | None = None
    measures: dict[str, float] | None = None
    has_network: bool = False

    @property
    def finished(self) -> bool:
        return self.iterations is not None and self.iteration >= self.iterations


def look(run: Path) -> Seen:
    """Read a run folder, also while a training writes it."""
    try:
        total = int(json.loads((run / "config.json").read_bytes())["settings"]["iterations"])
    except (OSError, ValueError, KeyError):
        return Seen()
    lines = _lines(run / "log.jsonl")
    losses = [line for line in lines if line["iteration"] > 0]
    for line in lines:
        total = int(line.get("ends_at", total))
    iteration = int(losses[-1]["iteration"]) if losses else 0
    left = None
    recent = losses[-RECENT:]
    if total is not None and len(recent) > 1 and recent[-1]["iteration"] > recent[0]["iteration"]:
        pace = (recent[-1]["seconds"] - recent[0]["seconds"]) / (recent[-1]["iteration"] - recent[0]["iteration"])
        left = max(0.0, round((total - iteration) * pace, 1))
    measured = [line for line in losses if any(name.startswith("coherence") for name in line)]
    ignored = ("iteration", "seconds")
    measures = {name: value for name, value in measured[-1].items() if name not in ignored} if measured else None
    previews = sorted((run / "monitor").glob("iteration_*.png"))
    preview = int(previews[-1].stem.removeprefix("iteration_")) if previews else None
    if preview is None and (run / "monitor" / "latest.png").is_file():
        preview = 0
    return Seen(iteration, total, left, preview, measures, (run / "generator.safetensors").is_file())


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return []
    lines = []
    for line in text.splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            break  # being written
        if isinstance(value, dict) and "iteration" in value:
            lines.append(value)
    return lines


@dataclass
class Training:
    """A training of a picture, running or not."""

    picture: str
    run: Path
    state: str
    notices: list[str] = field(default_factory=list)
    error: str | None = None
    seen: Seen = field(default_factory=Seen)
    run_entry: str | None = None

    def described(self) -> dict[str, Any]:
        """The training as JSON."""
        seen = self.seen
        return {
            "state": self.state,
            "iteration": seen.iteration,
            "iterations": seen.iterations,
            "progress": seen.iteration / seen.iterations if seen.iterations else None,
            "seconds_left": seen.seconds_left if self.state == "running" else None,
            "preview": seen.preview,
            "measures": seen.measures,
            "run": self.run_entry,
            "notices": self.notices,
            "error": self.error,
        }


class Trainings:
    """The trainings of a server; one runs at a time.

    Args:
        store: of the pictures.
        add_run: takes a run folder into the store, with its photo's entry; returns the run's id.
        notify: called in another thread when a training changed.
    """

    def __init__(self, store: Store, add_run: Callable[[Path, Entry], str], notify: Callable[[Training], None]):
        self._store, self._add_run, self._notify = store, add_run, notify
        self._process: subprocess.Popen[str] | None = None
        self._current: Training | None = None
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def get(self, entry: Entry) -> Training | None:
        """The newest training of a photo."""
        current = self._current
        if current is not None and current.picture == entry.id:
            return current
        runs = self._runs(entry.id)
        if not runs:
            return None
        seen = look(runs[-1])
        training = Training(entry.id, runs[-1], "done" if seen.finished else "stopped", seen=seen)
        if seen.has_network:
            training.run_entry = self._add_run(training.run, entry)
        return training

    def has(self, entry: Entry) -> bool:
        """Whether `get` finds one."""
        return self.picture == entry.id or bool(self._runs(entry.id))

    @property
    def picture(self) -> str | None:
        """Id of the photo that was trained on last."""
        return None if self._current is None else self._current.picture

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, entry: Entry, plan: Sequence[str], resume: bool) -> Training:
        """Begin a training of a photo, or go on with its newest one.

        Args:
            entry: the photo.
            plan: the command's options for a new one.
            resume: whether to go on.

        Raises:
            UserError: another one runs, or there is none to go on with.
        """
        with self._lock:
            if self.running or (self._threads and self._threads[0].is_alive()):
                raise UserError("another training is running; wait for it, or stop it")
            runs = self._runs(entry.id)
            if resume and not runs:
                raise UserError("there is no training of this picture to go on with; start one")
            run = runs[-1] if resume else self._folder(entry.id) / f"{len(runs) + 1:03d}"
            picture = self._folder(entry.id) / entry.name
            picture.parent.mkdir(parents=True, exist_ok=True)
            if not picture.is_file():
                link(self._store.source_file(entry.id), picture)
            words = ["train", entry.name, "--out", run.name, *(["--resume"] if resume else plan)]
            self._process = start_command(words, picture.parent)
            training = Training(entry.id, run, "starting")
            self._current = training
            self._threads = [
                threading.Thread(target=self._watch, args=(training, entry, self._process), daemon=True),
                threading.Thread(target=self._listen, args=(training, self._process), daemon=True),
            ]
            for thread in self._threads:
                thread.start()
        self._notify(training)
        return training

    def stop(self, entry: Entry) -> Training | None:
        """Ask the training of a photo to stop after its iteration."""
        training = self.get(entry)
        process = self._process
        if training is self._current and training is not None and process is not None and process.poll() is None:
            training.state = "stopping"
            threading.Thread(target=end_command, args=(process, PATIENCE), daemon=True).start()
            self._notify(training)
        return training

    def close(self) -> None:
        """Stop, and wait until what was learned is saved."""
        if self._process is not None and self._process.poll() is None:
            end_command(self._process, PATIENCE)
        for thread in self._threads:
            thread.join(2)

    def _folder(self, picture: str) -> Path:
        return self._store.root / "runs" / picture

    def _runs(self, picture: str) -> list[Path]:
        return sorted(path.parent for path in self._folder(picture).glob("*/config.json"))

    def _watch(self, training: Training, entry: Entry, process: "subprocess.Popen[str]") -> None:
        """Tell what changes in the run folder until the process ends."""
        while True:
            try:
                code: int | None = process.wait(POLL)
            except subprocess.TimeoutExpired:
                code = None
            seen = look(training.run)
            before = training.described()
            training.seen = seen
            if seen.has_network and training.run_entry is None:
                training.run_entry = self._add_run(training.run, entry)
            if training.state == "starting" and seen.preview is not None:
                training.state = "running"
            if code is not None:
                self._threads[1].join(2)
                training.state = "done" if code == 0 else "stopped" if code == 130 or seen.has_network else "failed"
                if training.state == "failed":
                    training.error = training.notices.pop() if training.notices else f"it ended with code {code}"
            if training.described() != before:
                self._notify(training)
            if code is not None:
                return

    def _listen(self, training: Training, process: "subprocess.Popen[str]") -> None:
        """Keep what the command says."""
        assert process.stderr is not None
        for line in process.stderr:
            text = line.strip().removeprefix("ingan-fast: ")
            text = text.replace(f"{training.run.parent}/", "")
            if text and not CHATTER.match(text):
                training.notices = [*training.notices, text][-MOST_NOTICES:]
