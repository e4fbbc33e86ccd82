"""How training steps are run: as they stand, or captured once for each size and replayed by the GPU."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ingan_fast.errors import UserError
from ingan_fast.model.cuda_graphs import CapturedSteps, GraphPool, Step
from ingan_fast.model.sampling import Draw
from ingan_fast.model.state import TrainingState
from ingan_fast.model.step import training_step

ENGINES = ("auto", "eager", "graphs")

Notice = Callable[[str], None]


def check_engine(name: str, device: torch.device) -> None:
    """
    Raises:
        UserError: an unknown engine, or graphs without a GPU.
    """
    if name not in ENGINES:
        raise UserError(f"engine {name!r} is not known; give {', '.join(ENGINES[:-1])} or {ENGINES[-1]}")
    if name == "graphs" and device.type != "cuda":
        raise UserError(f"engine graphs needs a GPU and this is a {device.type}; give the engine eager")


def make_engine(name: str, device: torch.device, notice: Notice) -> "Engine":
    """The engine of that name, "auto": graphs on a GPU, eager on a CPU."""
    if name == "auto":
        name = "graphs" if device.type == "cuda" else "eager"
    if name == "eager":
        return Engine([training_step], notice)
    return Engine([CapturedSteps(training_step, GraphPool().capture), training_step], notice)


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
            # Not RuntimeError alone: Triton's compiler has exceptions of its own. An error of the step itself comes
            # again in the last way, where it is not caught.
            except Exception as error:
                reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
                self.notice(f"the training step can't be captured here and runs slower: {reason}")
                del self.ways[0]
        return self.ways[0](state, draw)
