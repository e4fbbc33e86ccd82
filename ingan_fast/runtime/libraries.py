"""Imports of inference libraries, with their telemetry switched off.

On import, OpenVINO's Python package and ONNX Runtime write identifiers into the user's home directory and look up
hosts that collect events. A program that wants telemetry can import them first.
"""

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any


def import_onnxruntime() -> Any:
    """
    Raises:
        ImportError: it is not installed.
    """
    # Read once, at import. A value set by the user is respected.
    with _environment("ORT_DISABLE_TELEMETRY", "1"):
        return importlib.import_module("onnxruntime")


def openvino_precision(core: Any) -> str:
    """The fastest precision of OpenVINO's CPU kernels, a value of `INFERENCE_PRECISION_HINT`: bf16 or f32.

    OpenVINO asks the CPU alone, but its kernels obey ONEDNN_MAX_CPU_ISA: with an instruction set that lacks bfloat16, a
    bf16 graph fails to load.
    """
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA", "ALL").upper()
    allowed = limit in ("ALL", "DEFAULT") or any(part in limit for part in ("BF16", "AMX", "AVX10"))
    return "bf16" if allowed and "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"


def has_both_onnxruntimes() -> bool:
    """Whether the packages for CPUs and for GPUs are both installed, which share their files."""
    found = {distribution.name for distribution in metadata.distributions()}
    return {"onnxruntime", "onnxruntime-gpu"} <= found


def import_openvino() -> Any:
    """
    Raises:
        ImportError: it is not installed.
    """
    if "openvino" in sys.modules or "openvino_telemetry" in sys.modules:
        return importlib.import_module("openvino")
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # makes its import fail; OpenVINO has a stub
    try:
        return importlib.import_module("openvino")
    finally:
        del sys.modules["openvino_telemetry"]


def has_cuda_provider() -> bool:
    """Whether the installed ONNX Runtime has the CUDA provider; does not import it."""
    spec = importlib.util.find_spec("onnxruntime")
    folders = (spec.submodule_search_locations or []) if spec else []
    return any(True for folder in folders for _ in Path(folder, "capi").glob("*onnxruntime_providers_cuda*"))


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    """Set an environment variable inside the block, unless it is already set."""
    if name in os.environ:
        yield
        return
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]
