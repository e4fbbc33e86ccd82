"""TensorRT's Python bindings: finds the installed flavour and collects its messages."""

import contextlib
import importlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from ingan_fast.errors import UserError

BuildProgress = Callable[[str, float], None]  # takes the builder's phase and the fraction of the build done

MODULES = {"tensorrt": "tensorrt", "tensorrt-rtx": "tensorrt_rtx"}  # flavour → module, preferred first
INSTALL = {
    "tensorrt": "pip install 'ingan-fast[trt]' (its libraries come from NVIDIA's own package index)",
    "tensorrt-rtx": "pip install 'ingan-fast[rtx]'",
}
FLAVORS = ("auto", *MODULES)


@dataclass(frozen=True)
class Bindings:
    """The bindings of one flavour of TensorRT.

    Attributes:
        flavor: tensorrt or tensorrt-rtx.
        trt: the Python module.
        logger: shared by all objects, since TensorRT keeps the first logger it gets.
    """

    flavor: str
    trt: Any
    logger: Any

    @property
    def version(self) -> str:
        return str(self.trt.__version__)

    def __str__(self) -> str:
        return f"{'TensorRT' if self.flavor == 'tensorrt' else 'TensorRT-RTX'} {self.version}"

    @contextlib.contextmanager
    def collecting(self) -> Iterator[list[str]]:
        """Collect warnings and errors logged inside the block, each once and on one line."""
        messages: list[str] = []
        self.logger.collectors.append(messages)
        try:
            yield messages
        finally:
            self.logger.collectors = [each for each in self.logger.collectors if each is not messages]


def load_bindings(flavor: str = "auto") -> Bindings:
    """The bindings of a flavour; "auto": of the preferred one installed.

    Raises:
        UserError: an unknown flavour, or one that isn't installed or lacks its libraries.
    """
    if flavor not in FLAVORS:
        raise UserError(f"unknown TensorRT flavour {flavor!r}; choose one of {', '.join(FLAVORS)}")
    names = tuple(MODULES) if flavor == "auto" else (flavor,)
    broken = []
    for name in names:
        try:
            return _load(name)
        except ModuleNotFoundError:
            continue
        except (ImportError, OSError) as error:  # the bindings' shared libraries are missing
            broken.append(f"{name} is only partly installed ({error}); {INSTALL[name]}")
    if broken:
        raise UserError(broken[0])
    what = "TensorRT" if flavor == "auto" else flavor
    raise UserError(f"{what} is not installed; {' or '.join(INSTALL[name] for name in names)}")


@cache
def _load(flavor: str) -> Bindings:
    trt = importlib.import_module(MODULES[flavor])
    return Bindings(flavor, trt, _make_logger(trt))


def _make_logger(trt: Any) -> Any:
    class Logger(trt.ILogger):
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.collectors: list[list[str]] = []

        def log(self, severity: Any, message: str) -> None:
            if int(severity) > int(trt.ILogger.Severity.WARNING):
                return
            line = " ".join(message.split())
            for collector in self.collectors:
                if line not in collector:
                    collector.append(line)

    return Logger()


def make_monitor(trt: Any, stop: threading.Event, progress: BuildProgress) -> Any:
    """An IProgressMonitor that reports phase and fraction to `progress`, and aborts the build when `stop` is set."""

    class Monitor(trt.IProgressMonitor):
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self.phases: dict[str, tuple[str | None, int]] = {}  # name → parent, steps
            self.done: dict[str, int] = {}
            self.reported = 0.0

        def phase_start(self, phase: str, parent: str | None, steps: int) -> None:
            self.phases[phase], self.done[phase] = (parent, max(steps, 1)), 0

        def step_complete(self, phase: str, step: int) -> bool:
            self._report(phase, step + 1)
            return not stop.is_set()

        def phase_finish(self, phase: str) -> None:
            if phase in self.phases:
                self._report(phase, self.phases[phase][1])  # the last step isn't always reported
                del self.phases[phase]

        def _report(self, phase: str, done: int) -> None:
            self.done[phase] = done
            part, name = 0.0, phase  # fraction of the phase, then of its ancestors
            while name in self.phases:
                parent, steps = self.phases[name]
                part = min((self.done[name] + part) / steps, 1.0)
                name = parent or ""
            if part >= self.reported + 0.01 and not stop.is_set():
                self.reported = part
                progress(phase, part)

    return Monitor()
