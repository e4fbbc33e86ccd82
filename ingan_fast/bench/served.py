"""A model served by a separate process, whose memory is the model's alone."""

import time
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from ingan_fast.bench.memory import forget_peak, process_peak
from ingan_fast.bench.separate import one_process
from ingan_fast.errors import UserError
from ingan_fast.geometry import Size
from ingan_fast.pictures import Pixels
from ingan_fast.runtime import Retargeter


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
        self._process = one_process()
        try:
            self.about: str = self._run(_open, model, backend)
        except BaseException:
            self.close()
            raise

    def output(self, size: Size, frame: Pixels | None = None) -> Call:
        """Make an output of this (width, height)."""
        call: Call = self._run(_output, size, frame)
        return call

    def memory(self) -> Memory:
        """The memory so far."""
        memory: Memory = self._run(_memory)
        return memory

    def close(self) -> None:
        self._process.shutdown(cancel_futures=True)

    def __enter__(self) -> "Served":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return self._process.submit(function, *arguments).result()
        except BrokenProcessPool:
            raise UserError("its process ended; is there enough memory?") from None


# In the process. The model that is open, its memory after it was opened, and the largest until then:
_opened: tuple[Retargeter, int, int]


def _open(model: Path, backend: str) -> str:
    global _opened
    retargeter = Retargeter.open(model, "cpu", backend)
    peak = process_peak()
    _opened = retargeter, forget_peak(), peak
    return retargeter.describe()


def _output(size: Size, frame: Pixels | None) -> Call:
    parts: list[float] = []
    start = time.perf_counter()
    _opened[0](frame, size=size, progress=parts.append)
    return Call(time.perf_counter() - start, max(len(parts), 1))


def _memory() -> Memory:
    peak = process_peak()
    _, opened, opening = _opened
    return Memory(max(opening, peak), peak - opened)
