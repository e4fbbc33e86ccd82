"""A model served by a separate process, whose memory is the model's alone."""

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

PATIENCE = 10.0  # seconds to wait for a process to end by itself


@dataclass(frozen=True)
class Call:
    """Measurement of one output.

    Attributes:
        seconds: its duration.
        pieces: number of tiles; 1: untiled.
    """

    seconds: float
    pieces: int


@dataclass(frozen=True)
class Memory:
    """Memory of a process, in bytes.

    Attributes:
        peak: its largest resident set.
        for_outputs: the part above its memory after opening the model.
    """

    peak: int
    for_outputs: int


class Served:
    """A `Retargeter` in a separate process, for the duration of a block.

    Attributes:
        about: describes what runs the model.

    Raises:
        UserError: raised by opening the model or by an output, or the process was killed.
    """

    def __init__(self, model: Path, backend: str):
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, model, backend), daemon=True)
        self._process.start()
        theirs.close()  # so that the pipe ends with the process
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
        """The memory so far."""
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
        if kind is not None:  # an output may be in progress
            self._process.terminate()
        self.close()

    def _ask(self, request: tuple[Size, Pixels | None] | None) -> object:
        with contextlib.suppress(ConnectionError):  # `_answer` reports it
            self._pipe.send(request)
        return self._answer()

    def _answer(self) -> object:
        try:
            result = self._pipe.recv()
        except (EOFError, ConnectionError):
            self._process.join(PATIENCE)
            raise UserError(f"its process ended with code {self._process.exitcode}; is there enough memory?") from None
        if isinstance(result, Exception):
            raise result
        return result


def _serve(pipe: Connection, model: Path, backend: str) -> None:
    """Answer requests from the pipe until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends this process
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
