"""Adds conversions from and to uint8 to an exported graph, which the engine builder fuses."""

from collections.abc import Sequence
from typing import Any

import numpy as np

INPUT, OUTPUT = "image", "retargeted"
Step = tuple[str, tuple[str, ...], dict[str, Any]]  # operator, further inputs, attributes
LEVELS, ONE, LEAST, MOST = "levels", "one", "least_level", "most_level"


def wrap_uint8(model: Any, unit: bool = False) -> Any:
    """Return a copy of an exported graph with uint8 image and output.

    `image` becomes uint8 [N, H, W, 3] and `retargeted` uint8 [N, Ho, Wo, 3], RGB; other inputs and dynamic axes are
    unchanged. The output equals `ingan_fast.model.sampling.to_pixels` of the original output exactly.

    Args:
        model: an onnx.ModelProto.
        unit: the graph's own values are in [0, 1] (fixed geometry) instead of [-1, 1].
    """
    from onnx import numpy_helper

    wrapped = type(model)()
    wrapped.CopyFrom(model)
    graph = wrapped.graph
    frames = [value for value in (*graph.input, *graph.output) if value.name in (INPUT, OUTPUT)]
    for value in frames:
        _rename(graph.node, value.name, f"{value.name}_float")
        _describe_as_bytes(value)
    has_image = any(value.name == INPUT for value in graph.input)
    nodes = [*(_from_bytes(unit) if has_image else []), *graph.node, *_to_bytes(unit)]
    del graph.node[:]
    graph.node.extend(nodes)
    constants = {LEVELS: 255 if unit else 127.5, ONE: 1, LEAST: 0, MOST: 255}
    used = {name for node in nodes for name in node.input}
    graph.initializer.extend(
        numpy_helper.from_array(np.array(value, np.float32), name) for name, value in constants.items() if name in used
    )
    return wrapped


def _from_bytes(unit: bool) -> list[Any]:
    """uint8 [N, H, W, 3] → float32 [N, 3, H, W].

    TensorRT requires the cast as the first operation. With the transpose right after it, TensorRT-RTX 1.7.1 fails on
    some graphs ("ssa_validation").
    """
    from onnx import TensorProto

    steps: list[Step] = [
        ("Cast", (), {"to": TensorProto.FLOAT}),
        ("Div", (LEVELS,), {}),
        *([] if unit else [("Sub", (ONE,), {})]),
        ("Transpose", (), {"perm": [0, 3, 1, 2]}),
    ]
    return _chain(INPUT, f"{INPUT}_float", steps)


def _to_bytes(unit: bool) -> list[Any]:
    """float32 [N, 3, Ho, Wo] → uint8 [N, Ho, Wo, 3], half to even; TensorRT requires the cast as last operation."""
    from onnx import TensorProto

    steps: list[Step] = [
        ("Transpose", (), {"perm": [0, 2, 3, 1]}),
        *([] if unit else [("Add", (ONE,), {})]),
        ("Mul", (LEVELS,), {}),
        ("Round", (), {}),
        ("Clip", (LEAST, MOST), {}),
        ("Cast", (), {"to": TensorProto.UINT8}),
    ]
    return _chain(f"{OUTPUT}_float", OUTPUT, steps)


def _chain(start: str, end: str, steps: Sequence[Step]) -> list[Any]:
    """Nodes that apply the operations in sequence."""
    from onnx import helper

    results = [f"{start}_{operation.lower()}" for operation, _, _ in steps[:-1]] + [end]
    return [
        helper.make_node(operation, [before, *others], [result], name=f"node_{result}", **attributes)
        for (operation, others, attributes), before, result in zip(steps, [start, *results], results, strict=False)
    ]


def _rename(nodes: Any, name: str, new: str) -> None:
    for node in nodes:
        for names in (node.input, node.output):
            names[:] = [new if each == name else each for each in names]


def _describe_as_bytes(value: Any) -> None:
    """Change a float [N, 3, H, W] description to uint8 [N, H, W, 3]."""
    from onnx import TensorProto

    tensor = value.type.tensor_type
    tensor.elem_type = TensorProto.UINT8
    batch, channels, height, width = (type(each).FromString(each.SerializeToString()) for each in tensor.shape.dim)
    del tensor.shape.dim[:]
    tensor.shape.dim.extend([batch, height, width, channels])
