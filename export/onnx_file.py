"""Writes ONNX files, without the exporter's metadata."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from ingan_fast.errors import UserError
from ingan_fast.export.model import Exported

# Opset 20 renames GridSample's mode, which some TensorRT versions and DirectML get wrong; bfloat16 convolutions need
# opset 22.
OPSETS = {"fp32": 18, "fp16": 18, "bf16": 22}
LEAST = 16  # px; smallest side of images and outputs. Under 9, runtimes fail with obscure errors


def write_onnx(exported: Exported, path: Path, precision: str) -> None:
    """Write `exported` as one ONNX file, without paths of this machine.

    Raises:
        UserError: onnx or onnxscript is not installed.
    """
    onnx = _import_onnx()
    axes = {name: torch.export.Dim(name, min=1 if name == "N" else LEAST) for name in ("N", "H", "W", "Ho", "Wo")}
    shapes = tuple(
        {axis: axes[side] for axis, side in enumerate(shape) if isinstance(side, str)}
        for shape in exported.shapes.values()
    )
    with torch.no_grad(), quiet():
        program = torch.onnx.export(
            exported.graph,
            tuple(exported.inputs.values()),
            dynamo=True,
            dynamic_shapes=shapes,
            input_names=list(exported.inputs),
            output_names=["retargeted"],
            opset_version=OPSETS[precision],
            verbose=False,
        )
    model = program.model_proto  # type: ignore[union-attr]
    _clean(model, exported)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def _clean(model: Any, exported: Exported) -> None:
    """Remove metadata of the exporting machine, and give dynamic axes plain names (the exporter writes formulas)."""
    del model.metadata_props[:]
    model.doc_string = ""
    graph = model.graph
    graph.name = "ingan-fast"
    graph.doc_string = ""
    del graph.value_info[:]  # intermediate shapes, with formulas as names; runtimes infer them
    for part in (*graph.node, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    for value in graph.output:
        for dimension, name in zip(value.type.tensor_type.shape.dim, exported.output_shape, strict=True):
            if isinstance(name, str):
                dimension.dim_param = name


def _import_onnx() -> Any:
    try:
        import onnx
        import onnxscript  # noqa: F401  (torch's exporter needs it)
    except ImportError as error:
        raise UserError(f"exporting needs {error.name}; install it: pip install 'ingan-fast[export]'") from error
    return onnx


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence the exporter's progress output and its warnings, which users can't act on."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
