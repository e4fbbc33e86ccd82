"""Engines: run training steps eagerly, or as CUDA graphs captured once per shape."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ingan_fast.callbacks import Notice
from ingan_fast.errors import UserError
from ingan_fast.model.cuda_graphs import CapturedSteps, GraphPool, Step
from ingan_fast.model.sampling import Batch
from ingan_fast.model.state import TrainingState
from ingan_fast.model.step import training_step

ENGINES = ("auto", "eager", "graphs")


def check_engine(name: str, device: torch.device) -> None:
    """
    Raises:
        UserError: an unknown engine, or graphs without a GPU.
    """
    if name not in ENGINES:
        raise UserError(f"unknown engine {name!r}; choose {', '.join(ENGINES[:-1])} or {ENGINES[-1]}")
    if name == "graphs" and device.type != "cuda":
        raise UserError(f"engine graphs needs a GPU, but the device is {device.type}; choose the engine eager")


def make_engine(name: str, device: torch.device, notice: Notice) -> "TrainingEngine":
    """Create an engine; "auto": graphs on a GPU, eager on a CPU."""
    if name == "auto":
        name = "graphs" if device.type == "cuda" else "eager"
    if name == "eager":
        return TrainingEngine([training_step], notice)
    return TrainingEngine([CapturedSteps(training_step, GraphPool().capture), training_step], notice)


class TrainingEngine:
    """Runs the steps of one training.

    Args:
        ways: ways to run a step, fastest first. If one fails, the user is notified and the next one is used; errors of
            the last one are raised.
        notice: called with messages for the user.
    """

    def __init__(self, ways: Sequence[Step], notice: Notice):
        self.ways = list(ways)
        self.notice = notice

    def step(self, state: TrainingState, batch: Batch) -> Tensor:
        """Run `training_step`, with schedules set before and the iteration counted after it.

        Returns:
            The losses, float32 [4] in the order of `LOSSES`, on the device.
        """
        state.set_schedules()
        losses = self._losses(state, batch)
        state.iteration += 1
        return losses

    def _losses(self, state: TrainingState, batch: Batch) -> Tensor:
        while len(self.ways) > 1:
            try:
                return self.ways[0](state, batch)
            except torch.OutOfMemoryError:
                raise
            # All exceptions, because Triton's compiler has its own. An error in the step itself is raised again by
            # the last way.
            except Exception as error:
                reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
                self.notice(f"the training step can't be captured here and runs slower: {reason}")
                del self.ways[0]
        return self.ways[0](state, batch)
