"""A training step parts of which are compiled, for all sizes at once."""

import os
import sys
import time
from collections.abc import Callable

import torch
import torch.fx.experimental._config
from torch import Tensor

from ingan_fast.budget import duration
from ingan_fast.networks import ActivatedNorm, Composition
from ingan_fast.sampling import Draw
from ingan_fast.state import TrainingState
from ingan_fast.step import training_step

# Kept between runs, so that only the first training of a machine waits for compilers.
CACHE = "~/.cache/ingan-fast/compiled"

Notice = Callable[[str], None]


class CompiledStep:
    """`training_step` with what lies between G's convolutions compiled by `torch.compile`.

    Compiled are batch norms with their activations and the composition of layouts, each once for all widths, heights
    and numbers of channels. Convolutions stay what they are, calls of the framework's library: inductor specialises
    whatever goes back through one to its sizes (torch 2.13), and a training has dozens of sizes; and a whole G with
    symbolic sizes took minutes to compile. D has nothing to fuse.

    Args:
        notice: told how long each compilation took.
    """

    def __init__(self, notice: Notice) -> None:
        self.notice = notice
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", os.path.expanduser(CACHE))
        # So that convolutions of all widths share what is compiled after them.
        torch._dynamo.config.force_parameter_static_shapes = False
        # A square picture is no reason to take width and height for the same from then on.
        torch.fx.experimental._config.use_duck_shape = False
        # The step goes back twice through what both losses stand on.
        torch._functorch.config.donated_buffer = False
        self.compiled: TrainingState | None = None

    def __call__(self, state: TrainingState, draw: Draw) -> Tensor:
        if self.compiled is not state:
            for module in state.generator.modules():
                if isinstance(module, ActivatedNorm | Composition):
                    module.compile(dynamic=True)
            self.compiled = state
        before, start = count_compilations(), time.perf_counter()
        losses = training_step(state, draw)
        if count_compilations() > before:
            self.notice(f"compiled for {duration(time.perf_counter() - start)}")
        return losses


def count_compilations() -> int:
    """How often `torch.compile` has compiled something in this process."""
    if "torch._dynamo.utils" not in sys.modules:  # slow to import
        return 0
    return int(torch._dynamo.utils.counters["stats"]["unique_graphs"])
