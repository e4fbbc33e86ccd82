"""ONNX files: written, cleaned of what the exporter leaves, checked in another runtime before they are kept."""

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

# At 20 GridSample's mode has another name, which some TensorRT versions and DirectML get wrong; but bfloat16
# convolutions exist from 22 on only.
OPSETS = {"fp32": 18, "fp16": 18, "bf16": 22}
LEAST = 16  # px a side of images and outputs; under 9, runtimes fail deep inside


def write_onnx(exported: Exported, path: Path, precision: str) -> None:
    """Write `exported` as one ONNX file, without paths of this machine in it.

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
    """Leave nothing of the exporting machine, and name dynamic axes plainly (the exporter writes formulas)."""
    del model.metadata_props[:]
    model.doc_string = ""
    graph = model.graph
    graph.name = "ingan-fast"
    graph.doc_string = ""
    del graph.value_info[:]  # shapes in between, with formulas for names; every runtime infers its own
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
    """The exporter tells its steps and warns of what nobody can act on."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
