"""A training step parts of which are compiled, for all sizes at once."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

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
CACHE_VARIABLES = ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR")  # inductor sets the second one

# Compilations of one function: norms in training and frozen, in two dtypes, for large and small pictures, and where
# channels are static for each number of them.
RECOMPILE_LIMIT = 64

Notice = Callable[[str], None]


class CompiledStep:
    """`training_step` with what lies between G's convolutions compiled by `torch.compile`.

    Compiled are batch norms with their activations and the composition of layouts, each once for all sizes.
    Convolutions stay what they are, calls of the framework's library: inductor specialises whatever goes back through
    one to its sizes (torch 2.13), and a training has dozens of sizes; and a whole G with symbolic sizes took minutes to
    compile. D has nothing to fuse.

    Args:
        notice: told how long each compilation took.
        static_channels: compile each number of channels by itself: more compilations, code that knows its channels.
    """

    def __init__(self, notice: Notice, static_channels: bool = False) -> None:
        self.notice = notice
        self.static_channels = static_channels
        self.compiled: TrainingState | None = None
        self.seen: set[tuple[Any, ...]] = set()

    def __call__(self, state: TrainingState, draw: Draw) -> Tensor:
        if self.compiled is not state:
            self.seen.clear()
        shape = (draw.image.shape, draw.real.shape, draw.size, state.norm_frozen)
        before, start = count_compilations(), time.perf_counter()
        # Only a new shape is compiled; writing to the environment each time could meet a thread that reads it.
        with nullcontext() if shape in self.seen else kept_compilations(), compiler_settings(self.static_channels):
            if self.compiled is not state:
                self._compile(state)
            losses = training_step(state, draw)
        self.seen.add(shape)
        if count_compilations() > before:
            self.notice(f"compiled for {duration(time.perf_counter() - start)}")
        return losses

    def _compile(self, state: TrainingState) -> None:
        for module in state.generator.modules():
            if isinstance(module, ActivatedNorm | Composition):
                module.compile(dynamic=True)  # here inductor fixes where its cache is
        self.compiled = state


@contextmanager
def compiler_settings(static_channels: bool) -> Iterator[None]:
    """What compiled modules need while they are compiled or run; afterwards all is as the process had it."""
    with (
        # Unless it is to be static, convolutions of all widths share what is compiled after them.
        torch._dynamo.config.patch(force_parameter_static_shapes=static_channels, recompile_limit=RECOMPILE_LIMIT),
        # A square picture is no reason to take width and height for the same from then on.
        torch.fx.experimental._config.patch(use_duck_shape=False),  # type: ignore[attr-defined]
        # The step goes back twice through what both losses stand on.
        torch._functorch.config.patch(donated_buffer=False),
    ):
        yield


@contextmanager
def kept_compilations() -> Iterator[None]:
    """What is compiled meanwhile is kept in `CACHE`, unless the user has chosen a place."""
    before = {name: os.environ.get(name) for name in CACHE_VARIABLES}
    os.environ.setdefault(CACHE_VARIABLES[0], os.path.expanduser(CACHE))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def count_compilations() -> int:
    """How often `torch.compile` has compiled something in this process."""
    if "torch._dynamo.utils" not in sys.modules:  # slow to import
        return 0
    return int(torch._dynamo.utils.counters["stats"]["unique_graphs"])
