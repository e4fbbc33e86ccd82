"""How training steps are run: as they stand, compiled, or recorded once for each size and repeated by the GPU."""

import time
from collections.abc import Callable

import torch
from torch import Tensor

from ingan_fast.budget import duration
from ingan_fast.compiled import CompiledStep
from ingan_fast.errors import UserError
from ingan_fast.recorded import RecordedSteps, record
from ingan_fast.sampling import Draw
from ingan_fast.state import TrainingState
from ingan_fast.step import training_step

ENGINES = ("auto", "eager", "compile", "graphs")
SLOW = 5.0  # seconds; a step that takes longer is told about: it was compiled

Step = Callable[[TrainingState, Draw], Tensor]
Notice = Callable[[str], None]


def check_engine(name: str, device: torch.device) -> None:
    """
    Raises:
        UserError: an unknown engine, or graphs without a GPU.
    """
    if name not in ENGINES:
        raise UserError(f"engine {name!r} is not known; give {', '.join(ENGINES[:-1])} or {ENGINES[-1]}")
    if name == "graphs" and device.type != "cuda":
        raise UserError(f"engine graphs needs a GPU and this is a {device.type}; give --engine eager or compile")


def make_engine(name: str, device: torch.device, notice: Notice) -> "Engine":
    """The engine of that name, "auto": graphs on a GPU, eager on a CPU (compiled, steps are no faster there)."""
    if name == "auto":
        name = "graphs" if device.type == "cuda" else "eager"
    steps: dict[str, Callable[[], Step]] = {
        "eager": lambda: training_step,
        "compile": CompiledStep,
        "graphs": lambda: RecordedSteps(CompiledStep(), record),
    }
    return Engine(steps[name](), notice)


class Engine:
    """Runs the steps of one training. What can't be compiled or recorded here is told once, and run as it stands."""

    def __init__(self, run: Step, notice: Notice):
        self.run = run
        self.notice = notice
        self.told = False

    def step(self, state: TrainingState, draw: Draw) -> Tensor:
        """One training step (`training_step`), with what comes before and after it.

        Returns:
            The losses, float32 [4] in the order of `LOSSES`, on the device.
        """
        state.set_schedules()
        start = time.perf_counter()
        if self.run is not training_step and not self.told:
            self.notice("compiling the training step: the first iterations take a minute or more")
            self.told = True
        losses = self._losses(state, draw)
        if self.run is not training_step and time.perf_counter() - start > SLOW:
            self.notice(f"compiled in {duration(time.perf_counter() - start)}")
        state.iteration += 1
        return losses

    def _losses(self, state: TrainingState, draw: Draw) -> Tensor:
        if self.run is training_step:
            return training_step(state, draw)
        try:
            return self.run(state, draw)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:  # of a compiler or of a recording; one of the step itself comes again
            reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
            self.notice(f"the training step can't be compiled here and runs as it is, slower: {reason}")
            self.run = training_step
            return training_step(state, draw)
