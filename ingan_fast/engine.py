"""How training steps are run: as they stand, compiled, or recorded once for each size and repeated by the GPU."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ingan_fast.compiled import CompiledStep, Notice
from ingan_fast.errors import UserError
from ingan_fast.recorded import GraphPool, RecordedSteps, Step
from ingan_fast.sampling import Draw
from ingan_fast.state import TrainingState
from ingan_fast.step import training_step

ENGINES = ("auto", "eager", "compile", "record", "graphs-static", "graphs")


def check_engine(name: str, device: torch.device) -> None:
    """
    Raises:
        UserError: an unknown engine, or one that records without a GPU.
    """
    if name not in ENGINES:
        raise UserError(f"engine {name!r} is not known; give {', '.join(ENGINES[:-1])} or {ENGINES[-1]}")
    if name in ("record", "graphs-static", "graphs") and device.type != "cuda":
        raise UserError(f"engine {name} needs a GPU and this is a {device.type}; give --engine eager or compile")


def make_engine(name: str, device: torch.device, notice: Notice) -> "Engine":
    """The engine of that name, "auto": graphs on a GPU, eager on a CPU (compiled, steps are no faster there).

    "record" are graphs of steps that are not compiled, "graphs-static" those of steps that are compiled for each number
    of channels. Which of the three is the fastest has not been measured yet.
    """
    if name == "auto":
        name = "record" if device.type == "cuda" else "eager"
    if name == "eager":
        return Engine([training_step], notice)
    if name == "record":
        return Engine([RecordedSteps(training_step, GraphPool().record), training_step], notice)
    compiled = CompiledStep(notice, static_channels=name == "graphs-static")
    if name == "compile":
        return Engine([compiled, as_it_stands], notice)
    recorded = [RecordedSteps(step, GraphPool().record) for step in (compiled, as_it_stands)]
    return Engine([*recorded, as_it_stands], notice)


def as_it_stands(state: TrainingState, draw: Draw) -> Tensor:
    """`training_step` of networks that may be compiled, without making use of that."""
    with torch.compiler.set_stance("force_eager"):
        return training_step(state, draw)


class Engine:
    """Runs the steps of one training.

    Args:
        ways: of running a step, the fastest first. One that fails here is told and left for the next one; the last one
            is on its own.
        notice: called with what a user should know.
    """

    def __init__(self, ways: Sequence[Step], notice: Notice):
        self.ways = list(ways)
        self.notice = notice
        if len(self.ways) > 1:
            notice("parts of the training step are compiled: the first iterations take longer")

    def step(self, state: TrainingState, draw: Draw) -> Tensor:
        """One training step (`training_step`), with what comes before and after it.

        Returns:
            The losses, float32 [4] in the order of `LOSSES`, on the device.
        """
        state.set_schedules()
        losses = self._losses(state, draw)
        state.iteration += 1
        return losses

    def _losses(self, state: TrainingState, draw: Draw) -> Tensor:
        while len(self.ways) > 1:
            try:
                return self.ways[0](state, draw)
            except torch.OutOfMemoryError:
                raise
            # Compilers raise exceptions of their own kinds (Triton's are no RuntimeError). An error of the step itself
            # comes again in the last way, where it is not caught.
            except Exception as error:
                reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
                self.notice(f"the training step can't be compiled or recorded here and runs slower: {reason}")
                del self.ways[0]
        return self.ways[0](state, draw)
