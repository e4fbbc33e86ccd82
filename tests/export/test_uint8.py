"""Graphs of bytes: what a runtime makes of them is what the project's own conversions make of the graph's floats."""

from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from untrained_runs import LARGER_KIND

from ingan_fast import Transform
from ingan_fast.export.model import grid_of
from ingan_fast.export.run import ExportedFile
from ingan_fast.export.uint8 import wrap_uint8
from ingan_fast.model.sampling import to_pixels, to_tensor
from ingan_fast.pictures import Pixels
from ingan_fast.training.trained import TrainedRun

TILT = Transform.from_corners([(10, 0), (90, 8), (100, 70), (0, 60)], (100, 70))


def run(model: onnx.ModelProto, inputs: dict[str, NDArray[np.float32] | Pixels]) -> NDArray[np.float32] | Pixels:
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, inputs)[0])


def description(model: onnx.ModelProto) -> dict[str, tuple[int, list[int | str]]]:
    """Element type and shape of inputs and outputs."""
    return {
        value.name: (
            value.type.tensor_type.elem_type,
            [side.dim_param or side.dim_value for side in value.type.tensor_type.shape.dim],
        )
        for value in (*model.graph.input, *model.graph.output)
    }


def places(image: torch.Tensor, transform: Transform) -> dict[str, NDArray[np.float32]]:
    return {"grid": grid_of(transform, len(image)).numpy()}


@pytest.mark.parametrize("transform", [Transform.resize((64, 56)), Transform.resize((97, 41)), TILT])
def test_bytes_are_those_of_the_graphs_own_output(
    exported: ExportedFile, trained: TrainedRun, transform: Transform
) -> None:
    model = onnx.load(exported.path)
    frames = np.stack([trained.source, trained.source[:, ::-1]])  # a batch of two
    images = torch.cat([to_tensor(np.ascontiguousarray(frame)) for frame in frames])
    others = places(images, transform)
    floats = run(model, {"image": images.numpy(), **others})
    found = run(wrap_uint8(model), {"image": frames, **others})
    assert found.dtype == np.uint8
    assert found.std() > 5
    for pixels, expected in zip(found, floats, strict=True):
        np.testing.assert_array_equal(pixels, to_pixels(torch.from_numpy(expected)[None]))


def test_image_and_output_are_bytes_and_all_else_is_as_it_was(exported: ExportedFile) -> None:
    model = onnx.load(exported.path)
    before = model.SerializeToString()
    wrapped = description(wrap_uint8(model))
    assert wrapped.pop("image") == (TensorProto.UINT8, ["N", "H", "W", 3])
    assert wrapped.pop("retargeted") == (TensorProto.UINT8, ["N", "Ho", "Wo", 3])
    assert wrapped == {name: about for name, about in description(model).items() if name == "grid"}
    assert model.SerializeToString() == before


@pytest.mark.slow
@LARGER_KIND
def test_a_graph_with_its_picture_baked_in_gives_bytes(
    trained: TrainedRun, exports: Callable[..., ExportedFile]
) -> None:
    model = onnx.load(exports(bake_source=True).path)
    others = places(to_tensor(trained.source), TILT)
    wrapped = wrap_uint8(model)
    assert set(description(wrapped)) == {*others, "retargeted"}
    floats, found = run(model, others), run(wrapped, others)
    np.testing.assert_array_equal(found[0], to_pixels(torch.from_numpy(floats)))


def test_a_fixed_geometrys_values_are_in_another_range(
    trained: TrainedRun, exports: Callable[..., ExportedFile]
) -> None:
    model = onnx.load(exports(transform=TILT).path)
    wrapped = wrap_uint8(model, unit=True)
    height, width = trained.source.shape[:2]
    assert description(wrapped) == {
        "image": (TensorProto.UINT8, [1, height, width, 3]),
        "retargeted": (TensorProto.UINT8, [1, TILT.size[1], TILT.size[0], 3]),
    }
    floats = run(model, {"image": trained.source.transpose(2, 0, 1)[None] / np.float32(255)})
    found = run(wrapped, {"image": trained.source[None]})
    np.testing.assert_array_equal(found[0], np.rint(floats[0] * np.float32(255)).transpose(1, 2, 0))


def passing_on(constant: NDArray[np.float32]) -> onnx.ModelProto:
    """A graph whose output is a constant."""
    shape = list(constant.shape)
    graph = helper.make_graph(
        [helper.make_node("Identity", ["constant"], ["retargeted"])],
        "constant",
        [],
        [helper.make_tensor_value_info("retargeted", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(constant, "constant")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def test_halves_go_to_the_even_level_and_levels_end_at_0_and_255() -> None:
    halves = np.arange(255, dtype=np.float32) + np.float32(0.5)
    values = halves / np.float32(127.5) - 1
    exact = values[(values + 1) * np.float32(127.5) == halves]
    assert len(exact) > 50
    extremes = np.float32([-7, -1.01, -1, 1, 1.01, 7])
    row = np.concatenate([exact, extremes])
    constant = np.broadcast_to(row, (1, 3, 1, len(row))).copy()
    found = run(wrap_uint8(passing_on(constant)), {})
    np.testing.assert_array_equal(found[0], to_pixels(torch.from_numpy(constant)))
    assert not (found[0, 0, : len(exact)] % 2).any()
    assert found[0, 0, len(exact) :, 0].tolist() == [0, 0, 0, 255, 255, 255]
