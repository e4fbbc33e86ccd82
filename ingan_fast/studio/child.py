"""Processes that do the studio's work, so that it can be stopped, and neither blocks nor crashes the server.

A child reads tasks from its standard input and writes messages to its standard output, both as pickles. It ends when
its input does, so none is left when the server is killed.
"""

import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import traceback
from typing import Any, BinaryIO

from ingan_fast.callbacks import Progress
from ingan_fast.errors import MachineError, UserError, memory_ran_out, missing_package

PATIENCE = 2.0  # seconds until a process that was asked to end is killed


class Stopped(Exception):
    """The process was stopped by `stop`, or has ended by itself."""


class Child:
    """A process that runs one task of `tasks.TASKS` at a time. It is started by the first one."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._running = threading.Lock()
        self._changing = threading.Lock()
        self._naming = threading.Lock()
        self._unwanted: threading.Event | None = None  # of the task that runs
        self._closed = False

    def run(
        self,
        task: str,
        *arguments: Any,
        progress: Progress = lambda part: None,
        unwanted: threading.Event | None = None,
    ) -> Any:
        """Run a task and return its result; from any thread, one at a time.

        Args:
            task: of `tasks.TASKS`.
            arguments: of the task.
            progress: called with the part that is done.
            unwanted: a task is not begun once this is set, and `stop_unwanted` ends it.

        Raises:
            UserError, MachineError: what the task raised.
            Stopped: the process was stopped, or the task is not wanted any more.
        """
        with self._running:
            with self._naming:
                self._unwanted = unwanted
            if unwanted is not None and unwanted.is_set():
                raise Stopped("it is not wanted any more")
            process = self._started()
            self._send(process, (task, arguments))
            while True:
                kind, value = self._received(process)
                if kind == "progress":
                    progress(value)
                elif kind == "result":
                    return value
                else:
                    raise value

    def _send(self, process: "subprocess.Popen[bytes]", request: Any) -> None:
        assert process.stdin is not None
        try:
            pickle.dump(request, process.stdin)
            process.stdin.flush()
        except (OSError, ValueError) as error:  # ValueError: closed by `stop`
            self.stop()
            raise Stopped("the process has ended") from error

    def _received(self, process: "subprocess.Popen[bytes]") -> tuple[str, Any]:
        assert process.stdout is not None
        try:
            message: tuple[str, Any] = pickle.load(process.stdout)
        except (OSError, EOFError, ValueError, pickle.UnpicklingError) as error:
            self.stop()
            raise Stopped("the process has ended") from error
        return message

    def stop_unwanted(self, unwanted: threading.Event) -> None:
        """End the process if it still runs the task that was begun with this event."""
        with self._naming:
            if self._unwanted is unwanted and self._running.locked():
                self.stop()

    def stop(self) -> None:
        """End the process; a task in progress raises `Stopped`, and the next one starts another process."""
        with self._changing:
            process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            assert process.stdin is not None
            assert process.stdout is not None
            for stream in (process.stdin, process.stdout):
                try:
                    stream.close()
                except OSError:  # what was not yet written
                    continue

    def close(self) -> None:
        """End the process, and start no other."""
        self._closed = True
        self.stop()

    def _started(self) -> "subprocess.Popen[bytes]":
        with self._changing:
            if self._closed:
                raise Stopped("the server stops")
            if self._process is None or self._process.poll() is not None:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "ingan_fast.studio.child"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=None if os.environ.get("INGAN_FAST_TRACEBACK") else subprocess.DEVNULL,
                    env=_few_threads() | os.environ,
                    start_new_session=True,  # Ctrl-C reaches the server alone, which then ends its children
                )
            return self._process


def _few_threads() -> dict[str, str]:
    """Variables that leave cores to the frames: threads of a child that spin would slow everything down."""
    return {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // 2)), "OMP_WAIT_POLICY": "PASSIVE"}


def main() -> None:
    """Run tasks until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    requests: queue.SimpleQueue[tuple[str, tuple[Any, ...]]] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(sys.stdin.buffer, requests), daemon=True).start()
    while True:
        task, arguments = requests.get()
        _answer(answers, *_outcome(task, arguments, lambda part: _answer(answers, "progress", part)))


def _read(file: BinaryIO, requests: "queue.SimpleQueue[tuple[str, tuple[Any, ...]]]") -> None:
    """Queue the requests; when there are no more, end the process, whatever it does."""
    try:
        while True:
            requests.put(pickle.load(file))
    finally:
        os._exit(0)


def _outcome(task: str, arguments: tuple[Any, ...], progress: Progress) -> tuple[str, Any]:
    from ingan_fast.studio.tasks import TASKS

    try:
        return "result", TASKS[task](*arguments, progress=progress)
    except UserError as error:
        return "error", error
    except Exception as error:
        if os.environ.get("INGAN_FAST_TRACEBACK"):
            traceback.print_exc()
        if isinstance(error, ModuleNotFoundError) and (advice := missing_package(error)):
            return "error", UserError(advice)
        if memory_ran_out(error):
            return "error", MachineError("not enough memory for this; give a smaller size")
        name = type(error).__name__
        return "error", MachineError(f"this failed unexpectedly ({name}); INGAN_FAST_TRACEBACK=1 shows where")


def _answer(file: BinaryIO, kind: str, value: Any) -> None:
    pickle.dump((kind, value), file, protocol=pickle.HIGHEST_PROTOCOL)
    file.flush()


if __name__ == "__main__":
    main()
