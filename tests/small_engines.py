"""Graphs from which TensorRT-RTX builds an engine in no time."""

import json
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from ingan_fast.errors import UserError
from ingan_fast.export.engine import build_engine
from ingan_fast.export.profiles import parse_profile
from ingan_fast.runtime.sidecar import checksum

SMALL: dict[str, Any] = {
    "flavor": "tensorrt-rtx",
    "profiles": [parse_profile("16x16:64x64:128x128")],
    "compute_capabilities": ["sm_89"],
}
SHAPES = {"image": ["N", 3, "H", "W"], "grid": ["N", "Ho", "Wo", 2], "retargeted": ["N", 3, "Ho", "Wo"]}
SIZES = [[1, 16, 16], [1, 64, 64], [1, 128, 128]]


def write_plain(folder: Path) -> None:
    """An ONNX file that is built in no time, and a sidecar of it."""
    inputs, outputs = (
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, SHAPES[name]) for name in names]
        for names in (("image", "grid"), ("retargeted",))
    )
    node = helper.make_node("GridSample", ["image", "grid"], ["retargeted"], align_corners=0)
    graph = helper.make_graph([node], "plain", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, folder / "model.onnx")
    write_sidecar(folder / "model.onnx")


def write_sidecar(model: Path, **changes: Any) -> None:
    tensors = [{"name": n, "dtype": "float32", "shape": s, "meaning": ""} for n, s in SHAPES.items()]
    about = {
        "format": 1,
        "file": model.name,
        "sha256": checksum(model),
        "kind": "onnx",
        "precision": "fp32",
        "inputs": tensors[:2],
        "outputs": tensors[2:],
        "halo": 0,
        "cell": 1,
        "channels": 3,
        "source": {"name": "dots", "sha256": "", "width": 64, "height": 56, "file": "source.png"},
        "layout": None,
        "fixed": None,
        "baked_source": False,
        "engine": None,
        "golden": [],
        "versions": {},
    }
    model.with_name(f"{model.name}.json").write_text(json.dumps(about | changes))


def refused(model: Path, *parts: str, **options: Any) -> None:
    """Asserts that nothing is built, in one line with each of `parts`, and that nothing is left."""
    before = {path: path.read_bytes() for path in model.parent.iterdir()}
    with pytest.raises(UserError) as refusal:
        build_engine(model, **(SMALL | options))
    for part in parts:
        assert part in str(refusal.value)
    assert len(str(refusal.value).splitlines()) == 1
    assert {path: path.read_bytes() for path in model.parent.iterdir()} == before
