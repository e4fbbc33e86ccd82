"""What runs a model: one module each, imported when it is chosen."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ingan_fast.pictures import Pixels

Geometry = dict[str, NDArray[np.float32]]  # a graph's inputs beside the image: grid, preference


class Backend(Protocol):
    """A model, loaded.

    Attributes:
        name: tensorrt, onnxruntime, openvino or torch.
        about: version, device and precision, for people.
        bytes_per_pixel: of memory while an output is made, by its pixels.
    """

    name: str
    about: str
    bytes_per_pixel: int

    def prepare(self, geometry: Geometry) -> Any:
        """Bring geometry to where the model runs, once for many frames."""

    def run(self, frame: Pixels | None, prepared: Any, out: Pixels, stream: Any = None) -> None:
        """Lay a frame, uint8 [H, W, 3], out in `out`, uint8 [Ho, Wo, 3]; None where the model has its picture."""

    def close(self) -> None:
        """Give all memory back; nothing can be run any more."""


def first_line(error: Exception) -> str:
    """What a runtime's error says first, short."""
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
