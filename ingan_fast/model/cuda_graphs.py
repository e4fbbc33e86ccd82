"""Whole training steps as CUDA graphs: one launch instead of thousands."""

import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from ingan_fast.model.sampling import Batch
from ingan_fast.model.state import TrainingState

Step = Callable[[TrainingState, Batch], Tensor]
Replay = Callable[[], Tensor]


@dataclass
class Captured:
    """A step for one combination of input shapes."""

    inputs: Batch  # static buffers that the captured step reads
    replay: Replay | None = None  # set when the shapes come up a second time


class CapturedSteps:
    """Runs the first step of each shape eagerly, which compiles kernels and allocates memory; captures the second.

    Args:
        step: `training_step`.
        capture: captures a function that works on tensors in place and returns its replay (`GraphPool.capture`).
    """

    def __init__(self, step: Step, capture: Callable[[Callable[[], Tensor]], Replay]):
        self.step = step
        self.capture = capture
        self.captured: dict[tuple[Any, ...], Captured] = {}

    def __call__(self, state: TrainingState, batch: Batch) -> Tensor:
        shape = (batch.image.shape, batch.real.shape, batch.size, state.norm_frozen)
        known = self.captured.get(shape)
        if known is None:
            self._forget_old(state)
            self.captured[shape] = Captured(_copy(batch))
            return self.step(state, batch)
        _fill(known.inputs, batch)
        if known.replay is None:
            known.replay = self.capture(lambda: self.step(state, known.inputs))
        return known.replay()

    def _forget_old(self, state: TrainingState) -> None:
        """Drop graphs from before the norms were frozen: they are never replayed again."""
        self.captured = {key: value for key, value in self.captured.items() if key[-1] == state.norm_frozen}


class GraphPool:
    """Captures functions as CUDA graphs that share one pool of memory.

    Graphs of one pool overwrite each other's intermediate results, so graphs of one `GraphPool` must run one after
    the other: each training, and each runtime backend, has its own pool.
    """

    def __init__(self) -> None:
        self._graphs: weakref.WeakSet[torch.cuda.CUDAGraph] = weakref.WeakSet()
        self._handle: Any = None

    def capture(self, function: Callable[[], Tensor]) -> Replay:
        """Capture the GPU work of `function`. Replaying any graph of the pool may overwrite its result.

        Raises:
            RuntimeError: `function` does something that can't be captured, such as waiting for the GPU.
        """
        with _CAPTURING:
            # torch 2.11 can't capture into a pool whose graphs are all gone: cuBLAS still has a workspace in it, but
            # the allocator counts no users (pytorch issue 175276).
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


_CAPTURING = threading.Lock()  # torch captures on one stream per process


def _copy(batch: Batch) -> Batch:
    copies: dict[str, Any] = {name: value.clone() for name, value in _tensors(batch).items()}
    return replace(batch, **copies)


def _fill(inputs: Batch, batch: Batch) -> None:
    for name, value in _tensors(batch).items():
        getattr(inputs, name).copy_(value)


def _tensors(batch: Batch) -> dict[str, Tensor]:
    values = {field.name: getattr(batch, field.name) for field in fields(batch)}
    return {name: value for name, value in values.items() if isinstance(value, Tensor)}
