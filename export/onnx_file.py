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


def write_onnx(exported: Exported, path: Path, precision: str) -> None:
    """Write `exported` as one ONNX file, without paths of this machine.

    The graph is traced with the sizes of its example inputs. Dynamic axes need an `AnySizeGraph`, for which no size
    matters; tracing with symbolic sizes would take three times as long.

    Raises:
        UserError: onnx or onnxscript is not installed.
    """
    onnx = _import_onnx()
    with torch.no_grad(), quiet():
        program = torch.onnx.export(
            exported.graph,
            tuple(exported.inputs.values()),
            dynamo=True,
            input_names=list(exported.inputs),
            output_names=["retargeted"],
            opset_version=OPSETS[precision],
            optimize=False,  # it would store the example's sizes as constants
            verbose=False,
        )
        assert program is not None
        _declare_sizes(program.model, exported)
        program.optimize()
    model = program.model_proto
    _clean(model)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def _declare_sizes(model: Any, exported: Exported) -> None:
    """Replace the sizes of the example, which the exporter has stored with each value, by those of the contract."""
    from onnxscript import ir

    for node in model.graph:
        for value in node.outputs:
            value.shape = None
    values, shapes = (*model.graph.inputs, *model.graph.outputs), (*exported.shapes.values(), exported.output_shape)
    for value, shape in zip(values, shapes, strict=True):
        value.shape = ir.Shape(shape)


def _clean(model: Any) -> None:
    """Remove metadata of the exporting machine."""
    del model.metadata_props[:]
    model.doc_string = ""
    graph = model.graph
    graph.name = "ingan-fast"
    graph.doc_string = ""
    del graph.value_info[:]  # intermediate shapes; runtimes infer them
    for part in (*graph.node, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""


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
