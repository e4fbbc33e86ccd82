"""Stages of a long benchmark: each is a Python process with a time limit; results are recorded when they end."""

import contextlib
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LINES = 150  # lines kept of a stage's output


@dataclass
class Stages:
    """The stages run so far, and the remaining time."""

    minutes: float
    out: Path  # folder for results
    work: Path  # a temporary folder
    started: float = field(default_factory=time.monotonic)
    results: dict[str, Any] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    _writing: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.results |= {"minutes": self.minutes, "stages": []}
        self.environment = os.environ | {
            # The installed package comes first; the caller's path stays available.
            "PYTHONPATH": os.pathsep.join(
                [str(self.work / "installed"), *filter(None, [os.environ.get("PYTHONPATH")])]
            ),
            "PYTHONSAFEPATH": "1",  # prevents importing the checkout's folder
            "COLUMNS": "160",
            "TORCHINDUCTOR_CACHE_DIR": str(self.work / "inductor"),  # empty, so that warm-ups are complete
            "TRITON_CACHE_DIR": str(self.work / "triton"),
        }

    def left(self) -> float:
        """Remaining seconds."""
        return 60 * self.minutes - (time.monotonic() - self.started)

    def run(
        self,
        name: str,
        *words: object,
        limit: float = math.inf,
        reserve: float = 0.0,
        grace: float = 0.0,
        shown: str | None = None,
    ) -> dict[str, Any]:
        """Run Python with these arguments; may be called from several threads at a time.

        While it runs, its output is in `out`/NAME.running, so that nothing is lost if this process ends.

        Args:
            limit: seconds.
            reserve: seconds of the remaining time to leave for later stages.
            grace: last seconds of the limit, in which the process may save itself after an interrupt.
            shown: the command's name in the record, instead of its arguments.

        Returns:
            The stage's record: status "ok", "failed", "out of time" or "skipped", seconds, the end of its output.
        """
        limit = min(limit, self.left() - reserve)
        record: dict[str, Any] = {"name": name, "command": self.scrub(shown or " ".join(map(str, words)))}
        self.results["stages"].append(record)
        if limit <= grace:
            return self._complete(record, "skipped", None, 0.0, "no time is left for it")
        start = time.monotonic()
        running = self.out / f"{name.replace(' ', '_')}.running"
        with running.open("w+") as output:
            process = subprocess.Popen(
                [sys.executable, *map(str, words)],
                cwd=ROOT,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            code = _wait(process, limit, grace)
            output.seek(0)
            text = output.read()
        status = "out of time" if code is None else "failed" if code else "ok"
        self._complete(record, status, code, round(time.monotonic() - start, 1), text)
        running.unlink()
        return record

    def skip(self, name: str, reason: str) -> None:
        """Record a stage that isn't run, with the reason."""
        record: dict[str, Any] = {"name": name, "command": ""}
        self.results["stages"].append(record)
        self._complete(record, "skipped", None, 0.0, reason)

    def _complete(
        self, record: dict[str, Any], status: str, code: int | None, seconds: float, text: str
    ) -> dict[str, Any]:
        """Complete a stage's record with the end of its output."""
        lines = [line.rstrip() for line in self.scrub(text).splitlines() if line.strip()]
        record |= {"status": status, "code": code, "seconds": seconds, "last_line": lines[-1] if lines else ""}
        heading = f"{record['name']}: {status}, {seconds:.0f} s"
        print(f"{heading}; {self.left():.0f} s left", flush=True)
        self.log += [f"== {heading}: {record['command']}", *lines[-LINES:], ""]
        self.write()
        return record

    def scrub(self, text: str) -> str:
        """Without this machine's paths."""
        for folder in (self.work, ROOT, self.out, Path(sys.prefix)):
            text = text.replace(f"{folder}/", "").replace(str(folder), ".")
        return text

    def write(self) -> None:
        with self._writing:
            self._write()

    def _write(self) -> None:
        for name, text in (
            ("results.json", json.dumps(self.results, indent=2) + "\n"),
            ("log.txt", "\n".join(self.log) + "\n"),
        ):
            temporary = self.out / f".{name}"
            temporary.write_text(text)
            temporary.replace(self.out / name)


def _wait(process: subprocess.Popen[bytes], limit: float, grace: float) -> int | None:
    """The exit code; None where the limit was reached and the process was ended, with its children."""
    try:
        return process.wait(limit - grace)
    except subprocess.TimeoutExpired:
        pass
    except BaseException:  # an interrupt of this process
        _end(process)
        raise
    if grace:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace)
    _end(process)
    return None


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
