"""torch: run folders as they are, and AOTInductor packages. The one backend that imports it."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ingan_fast.errors import UserError
from ingan_fast.export.graph import deployed
from ingan_fast.images import Pixels
from ingan_fast.retargeting import TrainedGenerator, load
from ingan_fast.runtime.backends import Geometry, first_line
from ingan_fast.runtime.sidecar import Layout, Sidecar
from ingan_fast.sampling import to_tensor
from ingan_fast.tiling import halo
from ingan_fast.training import pick_device


class TorchBackend:
    """A run's generator, or an exported package."""

    name = "torch"

    def __init__(self, graph: Any, device: torch.device, channels: int, about: str, package: bool, unit: bool = False):
        self._graph, self._device, self._unit = graph, device, unit
        # A package was compiled for one order of values in memory, and does not check it.
        self._format = torch.contiguous_format if package else torch.channels_last
        self.bytes_per_pixel = 48 * channels
        self.about = f"torch {torch.__version__}, {device}, {about}"

    @classmethod
    def of_package(cls, package: Path, sidecar: Sidecar, device: str) -> "TorchBackend":
        """Load a model.pt2, which runs on the device that it was compiled for.

        Raises:
            UserError: it can't be loaded.
        """
        try:
            graph = torch._inductor.aoti_load_package(str(package))
        except Exception as error:  # of the loader of a shared library
            raise UserError(f"torch can't load {package}: {first_line(error)}; export the run again") from error
        about = f"AOTInductor, {sidecar.precision}"
        return cls(graph, pick_device(device), sidecar.channels, about, package=True, unit=bool(sidecar.fixed))

    @classmethod
    def of_run(cls, trained: TrainedGenerator) -> "TorchBackend":
        graph: nn.Module = deployed(trained.generator)
        return cls(graph, trained.device, trained.settings.channels, "fp32", package=False)

    def prepare(self, geometry: Geometry) -> list[Tensor]:
        return [torch.from_numpy(array).to(self._device) for array in geometry.values()]

    @torch.inference_mode()
    def run(self, frame: Pixels | None, prepared: list[Tensor], out: Pixels, stream: Any = None) -> None:
        images = [] if frame is None else [to_tensor(frame, self._device)]
        if self._unit:
            images = [(image + 1) / 2 for image in images]
        images = [image.contiguous(memory_format=self._format) for image in images]
        y = self._graph(*images, *prepared)[0].float()
        levels = y * 255 if self._unit else (y + 1) * 127.5
        torch.from_numpy(out).copy_(levels.round().clamp(0, 255).permute(1, 2, 0))

    def close(self) -> None:
        self._graph = None


def open_run(run: Path, device: str) -> tuple[TorchBackend, TrainedGenerator, Layout | None, int]:
    """A run folder's backend, the run, its layout and its halo.

    Raises:
        UserError: not a run that can be used (`retargeting.load`).
    """
    trained = load(run, device)
    jump = trained.generator.jump
    layout = Layout(jump, trained.settings.scatter) if jump else None
    return TorchBackend.of_run(trained), trained, layout, halo(trained.settings)
