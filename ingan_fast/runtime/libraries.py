"""Imports of the libraries that run models: only what is used, and without their telemetry.

OpenVINO's Python package and ONNX Runtime write identifiers into the user's home, and look up hosts that collect
events, from the moment that they are imported. A program that wants that imports them first.
"""

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def import_onnxruntime() -> Any:
    """
    Raises:
        ImportError: it is not installed.
    """
    # Read once, at import. The values that keep telemetry on are the user's to set.
    with _environment("ORT_DISABLE_TELEMETRY", "1"):
        return importlib.import_module("onnxruntime")


def import_openvino() -> Any:
    """
    Raises:
        ImportError: it is not installed.
    """
    if "openvino" in sys.modules or "openvino_telemetry" in sys.modules:
        return importlib.import_module("openvino")
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # its import fails: OpenVINO has a stub then
    try:
        return importlib.import_module("openvino")
    finally:
        del sys.modules["openvino_telemetry"]


def has_cuda_provider() -> bool:
    """Whether the ONNX Runtime that is installed is one for CUDA; it is not imported."""
    spec = importlib.util.find_spec("onnxruntime")
    folders = (spec.submodule_search_locations or []) if spec else []
    return any(True for folder in folders for _ in Path(folder, "capi").glob("*onnxruntime_providers_cuda*"))


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    """Set an environment variable for the block, unless it is set."""
    if name in os.environ:
        yield
        return
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]
