"""A training step parts of which are compiled, for all sizes at once."""

import os
from pathlib import Path

import torch
import torch.fx.experimental._config
from torch import Tensor

from ingan_fast.networks import ActivatedNorm, Composition
from ingan_fast.sampling import Draw
from ingan_fast.state import TrainingState
from ingan_fast.step import training_step

# Kept between runs, so that only the first training of a machine waits for compilers.
CACHE = Path.home() / ".cache" / "ingan-fast" / "compiled"


class CompiledStep:
    """`training_step` with what lies between G's convolutions compiled by `torch.compile`.

    Compiled are batch norms with their activations and the composition of layouts, each once for all widths, heights
    and numbers of channels. Convolutions stay what they are, calls of the framework's library: inductor specialises
    whatever goes back through one to its sizes (torch 2.13), and a training has dozens of sizes; and a whole G with
    symbolic sizes took minutes to compile. D has nothing to fuse.
    """

    def __init__(self) -> None:
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(CACHE))
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
        return training_step(state, draw)
