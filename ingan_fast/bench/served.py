"""A model in a process of its own, which makes an output whenever it is asked to; its memory is its own."""

import contextlib
import multiprocessing
import signal
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType

from ingan_fast.bench.memory import forget_peak, process_peak
from ingan_fast.errors import UserError
from ingan_fast.geometry import Size
from ingan_fast.pictures import Pixels
from ingan_fast.runtime import Retargeter

PATIENCE = 10.0  # seconds that a process has to end by itself


@dataclass(frozen=True)
class Call:
    """One output.

    Attributes:
        seconds: that it took.
        pieces: that it was made in; 1: whole.
    """

    seconds: float
    pieces: int


@dataclass(frozen=True)
class Memory:
    """Of a process, in bytes.

    Attributes:
        peak: its largest resident set.
        for_outputs: how much more than what it had with the model opened, before the first output.
    """

    peak: int
    for_outputs: int


class Served:
    """A `Retargeter` in a process that was started for it, until the block ends.

    Attributes:
        about: what runs the model.

    Raises:
        UserError: what opening the model or an output raises there; the process was ended from outside.
    """

    def __init__(self, model: Path, backend: str):
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, model, backend), daemon=True)
        self._process.start()
        theirs.close()  # so that the end of the process is the end of the pipe
        try:
            self.about = str(self._answer())
        except BaseException:
            self.close()
            raise

    def output(self, size: Size, frame: Pixels | None = None) -> Call:
        """Make an output of this (width, height)."""
        call = self._ask((size, frame))
        assert isinstance(call, Call)
        return call

    def memory(self) -> Memory:
        """Until now."""
        memory = self._ask(None)
        assert isinstance(memory, Memory)
        return memory

    def close(self) -> None:
        self._pipe.close()
        self._process.join(PATIENCE)
        if self._process.is_alive():
            self._process.terminate()
            self._process.join()

    def __enter__(self) -> "Served":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:  # it may be in the midst of an output
            self._process.terminate()
        self.close()

    def _ask(self, request: tuple[Size, Pixels | None] | None) -> object:
        with contextlib.suppress(ConnectionError):  # the answer tells that there is nobody
            self._pipe.send(request)
        return self._answer()

    def _answer(self) -> object:
        try:
            result = self._pipe.recv()
        except (EOFError, ConnectionError):
            self._process.join(PATIENCE)
            raise UserError(f"its process ended with code {self._process.exitcode}; is there memory enough?") from None
        if isinstance(result, Exception):
            raise result
        return result


def _serve(pipe: Connection, model: Path, backend: str) -> None:
    """Do what comes through the pipe until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started this ends it
    try:
        with Retargeter.open(model, "cpu", backend) as retargeter:
            opening = process_peak()
            opened = forget_peak()
            pipe.send(retargeter.describe())
            while True:
                request = pipe.recv()
                if request is None:
                    peak = process_peak()
                    pipe.send(Memory(max(opening, peak), peak - opened))
                else:
                    pipe.send(_call(retargeter, *request))
    except EOFError:
        return
    except UserError as error:
        pipe.send(error)


def _call(retargeter: Retargeter, size: Size, frame: Pixels | None) -> Call:
    parts: list[float] = []
    start = time.perf_counter()
    retargeter(frame, size=size, progress=parts.append)
    return Call(time.perf_counter() - start, max(len(parts), 1))
