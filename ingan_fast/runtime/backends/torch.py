"""Backend for torch: run folders and AOTInductor packages. The only backend that imports torch.

A run's convolutions use the fastest precision of the device. On a GPU, what lies between them is joined
(`model.joined`), and the second frame of each combination of shapes is captured as a CUDA graph.
"""

import contextlib
import copy
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ingan_fast.errors import UserError
from ingan_fast.geometry import Size
from ingan_fast.kernels import has_kernels
from ingan_fast.model.cuda_graphs import GraphPool, Replay
from ingan_fast.model.deployed import BoundedGraph
from ingan_fast.model.devices import on_device, pick_device
from ingan_fast.model.joined import JoinedGraph
from ingan_fast.model.networks import Generator
from ingan_fast.model.precision import check_precision, choose_precision
from ingan_fast.pictures import Pixels
from ingan_fast.runtime.backends import Geometry, first_line
from ingan_fast.runtime.sidecar import Sidecar
from ingan_fast.threads import Threads, forked, using_threads
from ingan_fast.training.trained import TrainedRun

MOST_GRAPHS = 16  # graphs kept (LRU), one for each combination of shapes

Capture = Callable[[Callable[[], Tensor]], Replay]


@dataclass
class CapturedWork:
    """Captured inference for one combination of shapes."""

    frame: Tensor | None  # static input buffer
    geometry: list[Tensor]
    replay: Replay | None = None  # set at the second frame


class TorchBackend:
    """Runs a run's generator, or an exported package.

    Args:
        graph: maps image and geometry to the picture (`export.graph`).
        unit: pictures are in [0, 1] instead of [-1, 1].
        package: `graph` is a compiled package; it needs contiguous input, and does not check for it.
        capture: captures a function as a graph; None: always run eagerly.
    """

    name = "torch"

    def __init__(
        self,
        graph: Callable[..., Tensor],
        device: torch.device,
        channels: int,
        about: str,
        *,
        unit: bool = False,
        package: bool = False,
        capture: Capture | None = None,
    ):
        self._graph: Any = graph
        self._device, self._unit, self._capture = device, unit, capture
        self._format = torch.contiguous_format if package else torch.channels_last
        self._captured: OrderedDict[tuple[Any, ...], CapturedWork] = OrderedDict()
        self._threads, self._thread_count = Threads(), torch.get_num_threads()
        self._done = torch.cuda.Event() if device.type == "cuda" else None  # end of the last call's work
        self.bytes_per_pixel = 48 * channels
        self.about = f"torch {torch.__version__}, {device}, {about}"

    @classmethod
    def of_package(cls, package: Path, sidecar: Sidecar, device: str) -> "TorchBackend":
        """Load a model.pt2; it runs on the device that it was compiled for.

        Raises:
            UserError: it can't be loaded.
        """
        try:
            graph = torch._inductor.aoti_load_package(str(package))
        except Exception as error:  # the loader of shared libraries raises various ones
            raise UserError(f"torch can't load {package}: {first_line(error)}; export the run again") from error
        about = f"AOTInductor, {sidecar.precision}"
        return cls(graph, pick_device(device), sidecar.channels, about, unit=bool(sidecar.fixed), package=True)

    @classmethod
    def of_run(cls, trained: TrainedRun, device: str, precision: str = "auto") -> "TorchBackend":
        """Play a run's generator.

        Args:
            precision: float32, bfloat16 or float16; auto: the fastest on the device.

        Raises:
            UserError: unknown device or precision, or one that is not there.
        """
        target = pick_device(device)
        precision = choose_precision(target) if precision == "auto" else check_precision(precision)
        graph = graph_of(trained.generator, target, getattr(torch, precision))
        channels = trained.settings.channels
        if target.type != "cuda":
            return cls(graph, target, channels, precision)
        return cls(graph, target, channels, f"{precision}, CUDA graphs", capture=GraphPool().capture)

    def prepare(self, geometry: Geometry) -> list[Tensor]:
        return [torch.from_numpy(array).to(self._device) for array in geometry.values()]

    @torch.inference_mode()
    def run(self, frame: Pixels | None, prepared: list[Tensor], out: Pixels, stream: Any = None) -> None:
        pixels = None if frame is None else torch.from_numpy(np.ascontiguousarray(frame)).to(self._device)
        with self._ordered(prepared):
            torch.from_numpy(out).copy_(self._picture(pixels, prepared))

    @torch.inference_mode()
    def run_on_device(self, frame: Any, prepared: list[Tensor], size: Size, out: Any = None, stream: Any = None) -> Any:
        """Like `run`, for device arrays of any library (DLPack); returns a tensor if `out` is None."""
        with _use_stream(stream), self._ordered(prepared):
            picture = self._picture(torch.from_dlpack(frame), prepared)
            if out is None:
                return picture.clone()  # a replay for the next frame may overwrite it
            torch.from_dlpack(out).copy_(picture)
            return out

    def close(self) -> None:
        self._graph = None
        self._finish()
        self._captured.clear()

    @contextlib.contextmanager
    def _ordered(self, geometry: list[Tensor]) -> Iterator[None]:
        """Order this call's GPU work after the previous call's: they share inputs and memory.

        Calls may use different streams; the host never waits. On a CPU, sets a suitable number of threads.
        """
        if self._done is None:
            self._threads.look()
            self._thread_count = self._threads.suitable(self._thread_count)
            with using_threads(self._thread_count):
                yield
            return
        if forked():
            raise UserError("a GPU can't be used in a forked process; use multiprocessing's start method spawn")
        with on_device(self._device):
            yield from self._on_current_stream(geometry)

    def _on_current_stream(self, geometry: list[Tensor]) -> Iterator[None]:
        assert self._done is not None
        stream = torch.cuda.current_stream(self._device)
        stream.wait_event(self._done)
        for place in geometry:  # may come from another stream, and be freed while this one still reads it
            place.record_stream(stream)
        yield
        self._done.record(stream)

    def _finish(self) -> None:
        """Wait until the GPU is idle, so that memory can be freed."""
        if self._done is not None:
            self._done.synchronize()

    def _picture(self, frame: Tensor | None, geometry: list[Tensor]) -> Tensor:
        """uint8 [H, W, 3] and geometry → uint8 [Ho, Wo, 3], on the device."""
        if self._capture is None:
            return self._compute(frame, geometry)
        shape = (None if frame is None else frame.shape, *(place.shape for place in geometry))
        known = self._captured.get(shape)
        if known is None:
            if len(self._captured) == MOST_GRAPHS:
                self._finish()
                self._captured.popitem(last=False)
            copies = [place.clone() for place in geometry]
            self._captured[shape] = CapturedWork(None if frame is None else frame.clone(), copies)
            return self._compute(frame, geometry)
        self._captured.move_to_end(shape)
        if frame is not None and known.frame is not None:
            known.frame.copy_(frame)
        for kept, place in zip(known.geometry, geometry, strict=True):
            kept.copy_(place)
        if known.replay is None:
            inputs = known
            known.replay = self._capture(lambda: self._compute(inputs.frame, inputs.geometry))
        return known.replay()

    def _compute(self, frame: Tensor | None, geometry: list[Tensor]) -> Tensor:
        images = [] if frame is None else [self._image(frame)]
        y = self._graph(*images, *geometry)[0].float()
        levels = y * 255 if self._unit else (y + 1) * 127.5
        return levels.round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).contiguous()

    def _image(self, frame: Tensor) -> Tensor:
        planes = frame.permute(2, 0, 1)[None].float()
        image = planes / 255 if self._unit else planes / 127.5 - 1
        return image.contiguous(memory_format=self._format)


def graph_of(generator: Generator, device: torch.device, dtype: torch.dtype, join: bool = True) -> nn.Module:
    """A folded generator for playing; `join`: where the Triton kernels run, with joined passes."""
    if join and has_kernels(torch.empty(0, device=device, dtype=dtype)):
        return JoinedGraph(generator).to(device, dtype)
    return BoundedGraph(copy.deepcopy(generator).to(device, dtype))


def _use_stream(stream: Any) -> contextlib.AbstractContextManager[Any]:
    """Make the caller's CUDA stream current; it is a torch.cuda.Stream or a handle."""
    if stream is None:
        return contextlib.nullcontext()
    own = isinstance(stream, torch.cuda.Stream)
    return torch.cuda.stream(stream if own else torch.cuda.ExternalStream(int(stream)))
