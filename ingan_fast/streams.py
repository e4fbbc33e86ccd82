"""Parts of a training step beside each other on a GPU: on CUDA streams, which become branches of a captured step.

A training's operations are small: a single one leaves most of a GPU idle. Gradients are computed on the streams of the
operations that they belong to, so what runs beside each other forwards also does so backwards.
"""

import functools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TypeVar

import torch

Answer = TypeVar("Answer")
Branch = Callable[[int], AbstractContextManager[None]]

SIDE = -1  # number of the stream that `Beside` uses


@contextmanager
def branches(device: torch.device) -> Iterator[Branch]:
    """Yield a function that makes the stream of a number from 0 the current one, for a `with` block.

    A stream begins after the work that came before this block; what follows this block begins after all streams. On
    other devices than GPUs everything stays in order.
    """
    if device.type != "cuda":
        yield lambda number: nullcontext()
        return
    current = torch.cuda.current_stream(device)
    begun, used = current.record_event(), []

    @contextmanager
    def branch(number: int) -> Iterator[None]:
        stream = _stream(device, number)
        used.append(stream)
        stream.wait_event(begun)
        with torch.cuda.stream(stream):
            yield

    yield branch
    for stream in used:
        current.wait_stream(stream)


class Beside:
    """Starts work on a GPU that runs beside what the current stream does, on a second stream.

    Memory of a stream may be used again by its next work as soon as the host lets go of it, though the current stream
    may still have to read it. So results are kept as long as this object.
    """

    def __init__(self, device: torch.device):
        self._device = device
        self._results: list[object] = []

    def start(self, work: Callable[[], Answer]) -> Callable[[], Answer]:
        """Returns a function that makes the current stream wait for the result.

        The work may begin after what was begun until now. The host launches it when that function is called: after
        what the current stream does meanwhile, which has the right of way on streams that both use.
        """
        begun = torch.cuda.current_stream(self._device).record_event()

        def wait() -> Answer:
            current, side = torch.cuda.current_stream(self._device), _stream(self._device, SIDE)
            side.wait_event(begun)
            with torch.cuda.stream(side):
                answer = work()
            current.wait_stream(side)
            self._results.append(answer)
            return answer

        return wait


@functools.cache
def _stream(device: torch.device, number: int) -> torch.cuda.Stream:
    """One for each number and device of a process."""
    # Gradients of biases cross streams at the end of a pass, which torch orders, and warns of.
    if hasattr(torch.autograd.graph, "set_warn_on_accumulate_grad_stream_mismatch"):
        torch.autograd.graph.set_warn_on_accumulate_grad_stream_mismatch(False)
    return torch.cuda.Stream(device)
