"""Inference backends, one module each, imported when chosen."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ingan_fast.pictures import Pixels

Geometry = dict[str, NDArray[np.float32]]  # the graph's inputs besides the image: the grid


class Backend(Protocol):
    """A loaded model.

    Attributes:
        name: tensorrt, onnxruntime, openvino or torch.
        about: version, device and precision, as text for the user.
        bytes_per_pixel: memory used during inference, per output pixel.
    """

    name: str
    about: str
    bytes_per_pixel: int

    def prepare(self, geometry: Geometry) -> Any:
        """Copy geometry to the model's device; the result can be used for many frames."""

    def run(self, frame: Pixels | None, prepared: Any, out: Pixels, stream: Any = None) -> None:
        """Retarget `frame`, uint8 [H, W, 3], into `out`, uint8 [Ho, Wo, 3]; None for a baked-in picture."""

    def close(self) -> None:
        """Free all memory; the backend can't be used afterwards."""


def first_line(error: Exception) -> str:
    """First line of an error's text, at most 300 characters."""
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
