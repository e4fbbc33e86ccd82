"""Whole training steps as CUDA graphs: a step's thousands of launches become one."""

import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from ingan_fast.model.sampling import Draw
from ingan_fast.model.state import TrainingState

Step = Callable[[TrainingState, Draw], Tensor]
Replay = Callable[[], Tensor]


@dataclass
class Captured:
    """A step of one shape."""

    inputs: Draw  # where it reads
    replay: Replay | None = None  # from the second time on


class CapturedSteps:
    """Runs steps of each shape once as they are, which prepares kernels and memory, and captures them the second time.

    Args:
        step: `training_step`.
        capture: makes a replay of a function that reads and writes tensors in place (`GraphPool.capture`).
    """

    def __init__(self, step: Step, capture: Callable[[Callable[[], Tensor]], Replay]):
        self.step = step
        self.capture = capture
        self.captured: dict[tuple[Any, ...], Captured] = {}

    def __call__(self, state: TrainingState, draw: Draw) -> Tensor:
        shape = (draw.image.shape, draw.real.shape, draw.size, state.norm_frozen)
        known = self.captured.get(shape)
        if known is None:
            self._forget_old(state)
            self.captured[shape] = Captured(_copy(draw))
            return self.step(state, draw)
        _fill(known.inputs, draw)
        if known.replay is None:
            known.replay = self.capture(lambda: self.step(state, known.inputs))
        return known.replay()

    def _forget_old(self, state: TrainingState) -> None:
        """Graphs from before the norms were frozen are not used again."""
        self.captured = {key: value for key, value in self.captured.items() if key[-1] == state.norm_frozen}


class GraphPool:
    """Captures functions as CUDA graphs that share one pool of memory.

    Graphs of one pool overwrite each other's intermediate results. So everything captured by one `GraphPool` must run
    one after the other: one training, or one backend of the runtime, has a pool of its own.
    """

    def __init__(self) -> None:
        self._graphs: weakref.WeakSet[torch.cuda.CUDAGraph] = weakref.WeakSet()
        self._handle: Any = None

    def capture(self, function: Callable[[], Tensor]) -> Replay:
        """Capture what `function` launches on the GPU; the next replay of any graph may overwrite its result.

        Raises:
            RuntimeError: `function` does something that can't be captured, such as waiting for the GPU.
        """
        with _CAPTURING:
            # torch 2.11 can't capture into a pool whose graphs are all gone: cuBLAS still holds a workspace there, and
            # the allocator finds the pool in use by nobody (pytorch issue 175276).
            if not self._graphs:
                self._handle = torch.cuda.graph_pool_handle()
            graph = torch.cuda.CUDAGraph()
            # "thread_local": other threads may allocate memory meanwhile.
            with torch.cuda.graph(graph, pool=self._handle, capture_error_mode="thread_local"):
                result = function()
            self._graphs.add(graph)

        def replay() -> Tensor:
            graph.replay()
            return result

        return replay


_CAPTURING = threading.Lock()  # torch captures on one stream of the whole process


def _copy(draw: Draw) -> Draw:
    copies: dict[str, Any] = {name: value.clone() for name, value in _tensors(draw).items()}
    return replace(draw, **copies)


def _fill(inputs: Draw, draw: Draw) -> None:
    for name, value in _tensors(draw).items():
        getattr(inputs, name).copy_(value)


def _tensors(draw: Draw) -> dict[str, Tensor]:
    values = {field.name: getattr(draw, field.name) for field in fields(draw)}
    return {name: value for name, value in values.items() if isinstance(value, Tensor)}
