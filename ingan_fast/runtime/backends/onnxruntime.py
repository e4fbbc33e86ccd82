"""Backend for ONNX Runtime with its CPU, CUDA or TensorRT execution provider."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingan_fast.errors import UserError
from ingan_fast.pictures import Pixels
from ingan_fast.runtime.backends import Geometry, first_line
from ingan_fast.runtime.libraries import import_onnxruntime
from ingan_fast.runtime.sidecar import Sidecar

PROVIDERS = {"cuda": ("TensorrtExecutionProvider", "CUDAExecutionProvider"), "cpu": ("CPUExecutionProvider",)}


class OnnxRuntimeBackend:
    """Runs a model.onnx in ONNX Runtime."""

    name = "onnxruntime"

    def __init__(self, model: Path, sidecar: Sidecar, device: str):
        """`device`: cpu, cuda or cuda:N."""
        onnxruntime = import_onnxruntime()

        available = onnxruntime.get_available_providers()
        kind, _, number = device.partition(":")
        names = [provider for provider in PROVIDERS[kind] if provider in available]
        providers = [(name, {"device_id": number} if number else {}) for name in names]
        if not providers:
            raise UserError(
                f"this ONNX Runtime has no provider for {device} (it has {', '.join(available)}); "
                "install onnxruntime-gpu instead of onnxruntime, or choose the device cpu"
            )
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(model, options, providers=providers)
        except Exception as error:  # its error classes have no common base
            raise UserError(f"ONNX Runtime can't load {model}: {first_line(error)}; export the run again") from error
        self._unit = bool(sidecar.fixed)  # whether values are in [0, 1]
        self.bytes_per_pixel = 50 * sidecar.channels  # measured, with the arena
        self.about = f"ONNX Runtime {onnxruntime.__version__}, {self._session.get_providers()[0]}, {sidecar.precision}"

    def prepare(self, geometry: Geometry) -> Geometry:
        return geometry

    def run(self, frame: Pixels | None, prepared: Geometry, out: Pixels, stream: Any = None) -> None:
        inputs = dict(prepared)
        if frame is not None:
            inputs["image"] = to_planes(frame, self._unit)
        result: NDArray[np.float32] = self._session.run(None, inputs)[0][0]
        from_planes(result, out, self._unit)

    def close(self) -> None:
        del self._session


def to_planes(frame: Pixels, unit: bool) -> NDArray[np.float32]:
    """uint8 [H, W, 3] → float32 [1, 3, H, W] in [-1, 1], or with `unit` in [0, 1]."""
    planes = np.empty((1, 3, *frame.shape[:2]), np.float32)
    np.multiply(frame.transpose(2, 0, 1), np.float32(1 / 255 if unit else 1 / 127.5), out=planes[0])
    if not unit:
        planes -= 1
    return planes


def from_planes(planes: NDArray[np.float32], out: Pixels, unit: bool) -> None:
    """float32 [3, H, W] in [-1, 1], or with `unit` in [0, 1] → uint8 [H, W, 3]; overwrites `planes`."""
    if not unit:
        planes += 1
    planes *= np.float32(255 if unit else 127.5)
    np.rint(planes, out=planes)
    np.clip(planes, 0, 255, out=planes)
    np.copyto(out, planes.transpose(1, 2, 0), casting="unsafe")
