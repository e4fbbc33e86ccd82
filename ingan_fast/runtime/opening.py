"""Opens a model file with a suitable backend."""

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from ingan_fast.errors import UserError
from ingan_fast.geometry import Transform
from ingan_fast.model.tiling import halo
from ingan_fast.pictures import Pixels
from ingan_fast.runtime import cuda
from ingan_fast.runtime.backends import Backend
from ingan_fast.runtime.libraries import has_both_onnxruntimes, has_cuda_provider
from ingan_fast.runtime.sidecar import Sidecar, read_sidecar

if TYPE_CHECKING:
    from ingan_fast.training.trained import TrainedRun

BACKENDS = ("auto", "tensorrt", "onnxruntime", "openvino", "torch")
# Devices accepted for any backend; for torch, `model.devices` checks further.
DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d{1,3})?", re.ASCII)
INSTALL = {
    "onnxruntime": "pip install onnxruntime (onnxruntime-gpu where there is a GPU)",
    "openvino": "pip install 'ingan-fast[openvino]'",
    "torch": "pip install 'ingan-fast[train]'",
}
FILES = ("model.engine", "model.onnx", "model.pt2")  # looked for in a folder, fastest first


@dataclass(frozen=True)
class Opened:
    """A model that is ready to run."""

    backend: Backend
    reason: str  # why this backend
    halo: int
    source: Pixels | None  # the training picture
    source_size: tuple[int, int]
    fixed: Transform | None = None  # the only supported geometry
    frame: tuple[int, int] | None = None  # the only supported frame size
    baked_source: bool = False
    stretches: bool = False  # whether the training found that large things are stretched with the picture


def open_model(path: Path, device: str, backend: str, precision: str = "auto") -> Opened:
    """Load a run folder, an exported file, or a folder with exported files; `Retargeter.open` describes the arguments.

    Raises:
        UserError: `path` can't be run, or `backend` can't run it or isn't installed.
    """
    if not DEVICE.fullmatch(device):
        raise UserError(f"unknown device {device!r}; choose auto, cpu, cuda, cuda:N (the N-th GPU, from 0) or mps")
    if backend not in BACKENDS:
        raise UserError(f"unknown backend {backend!r}; choose one of {', '.join(BACKENDS)}")
    if path.is_dir() and not (path / "config.json").exists():
        found = [path / name for name in FILES if (path / name).is_file()]
        if not found:
            raise UserError(f"{path} is not a run and contains no exported model; give a run, or {', '.join(FILES)}")
        path = next((file for file in found if file.suffix != ".engine" or _takes_engines(device, backend)), found[0])
    if path.is_dir():
        return _open_run(path, device, backend, precision)
    openers = {".onnx": _open_onnx, ".engine": _open_engine, ".pt2": _open_package}
    if path.suffix not in openers:
        known = ", ".join(openers)
        if not path.exists():
            raise UserError(
                f"{path} does not exist; train first: ingan-fast train IMAGE --out {quote(str(path))}, or give an "
                f"exported model ({known})"
            )
        raise UserError(f"{path} is not a run and not a model; give a run folder or a file that ends in {known}")
    sidecar = read_sidecar(path)
    chosen, reason = openers[path.suffix](path, sidecar, device, backend)
    fixed = sidecar.fixed
    return Opened(
        chosen,
        reason,
        sidecar.halo,
        sidecar.read_source(path.parent),
        sidecar.source_size,
        Transform(fixed.size, fixed.matrix) if fixed else None,
        fixed.frame if fixed else None,
        sidecar.baked_source,
        sidecar.stretches,
    )


def opened_run(trained: "TrainedRun", device: str, precision: str) -> Opened:
    """A run that was read, ready to be played by torch."""
    from ingan_fast.runtime.backends.torch import TorchBackend

    backend = TorchBackend.of_run(trained, device, precision)
    reach = halo(trained.settings)
    reason, size = "only torch runs run folders", trained.source_size
    return Opened(backend, reason, reach, trained.source, size, stretches=trained.stretches)


def _open_run(path: Path, device: str, backend: str, precision: str) -> Opened:
    if backend not in ("auto", "torch"):
        export = f"ingan-fast export {quote(str(path))} --out DIR"
        raise UserError(f"{backend} can't run a run folder; export it first: {export}")
    _require("torch")
    from ingan_fast.training.trained import read_run

    return opened_run(read_run(path), device, precision)


def _open_onnx(path: Path, sidecar: Sidecar, device: str, backend: str) -> tuple[Backend, str]:
    if backend in ("tensorrt", "torch"):
        raise UserError(f"{backend} can't run {path}; give a file for it: ingan-fast export RUN --out DIR")
    chosen, reason = (backend, "as requested") if backend != "auto" else _choose(device)
    _require(chosen)
    if chosen == "openvino":
        if device.startswith("cuda"):
            raise UserError("OpenVINO runs on the CPU here; choose the device cpu, or the backend onnxruntime")
        from ingan_fast.runtime.backends.openvino import OpenVinoBackend

        return OpenVinoBackend(path, sidecar), reason
    from ingan_fast.runtime.backends.onnxruntime import OnnxRuntimeBackend

    target = "cuda" if device == "auto" and "CUDA" in reason else device
    return OnnxRuntimeBackend(path, sidecar, target if target.startswith("cuda") else "cpu"), reason


def _choose(device: str) -> tuple[str, str]:
    """A backend for an ONNX file, and the reason."""
    if device not in ("cpu", "mps") and has_cuda_provider():
        return "onnxruntime", "its CUDA provider is installed"
    if device.startswith("cuda"):
        if has_both_onnxruntimes():
            raise UserError(
                "onnxruntime and onnxruntime-gpu are both installed, and one has overwritten the other's files; run: "
                "pip uninstall -y onnxruntime onnxruntime-gpu && pip install 'ingan-fast[ort-gpu]'"
            )
        return "onnxruntime", "a GPU was requested"
    if _has("openvino"):
        return "openvino", "the fastest on a CPU"
    return "onnxruntime", "OpenVINO, which is faster, is not installed"


def _open_engine(path: Path, sidecar: Sidecar, device: str, backend: str) -> tuple[Backend, str]:
    if backend not in ("auto", "tensorrt") or device in ("cpu", "mps"):
        raise UserError(f"{path} is a TensorRT engine, which needs a GPU; for anything else give a model.onnx")
    from ingan_fast.runtime.backends.tensorrt import TensorRTBackend

    return TensorRTBackend(path, sidecar, int(device.partition(":")[2] or 0)), "only TensorRT runs engines"


def _open_package(path: Path, sidecar: Sidecar, device: str, backend: str) -> tuple[Backend, str]:
    if backend not in ("auto", "torch"):
        raise UserError(f"{path} is a torch package; for {backend} give a model.onnx")
    _require("torch")
    from ingan_fast.runtime.backends.torch import TorchBackend

    return TorchBackend.of_package(path, sidecar, device), "only torch runs its packages"


def _takes_engines(device: str, backend: str) -> bool:
    return device not in ("cpu", "mps") and backend in ("auto", "tensorrt") and cuda.available()


def _require(module: str) -> None:
    if not _has(module):
        raise UserError(f"{module} is not installed; {INSTALL[module]}")


def _has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
