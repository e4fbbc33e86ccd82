"""What stands in an exported file, and what other programs make of it."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from untrained_runs import LARGER_KIND

from ingan_fast import Transform
from ingan_fast.errors import UserError
from ingan_fast.export import run as export_run
from ingan_fast.export.model import grid_of
from ingan_fast.export.run import ExportedFile, ExportOptions, export
from ingan_fast.model.sampling import to_pixels, to_tensor
from ingan_fast.pictures import load_image
from ingan_fast.runtime import Retargeter
from ingan_fast.runtime.libraries import openvino_precision
from ingan_fast.runtime.opening import opened_run
from ingan_fast.runtime.sidecar import read_sidecar
from ingan_fast.training.trained import TrainedRun

SIZES = [(64, 56), (97, 41), (16, 16), (33, 120)]
TILT = Transform.from_corners([(10, 0), (90, 8), (100, 70), (0, 60)], (100, 70))


def played(trained: TrainedRun) -> Retargeter:
    return Retargeter(opened_run(trained, "cpu", "float32"))


def axes(value: onnx.ValueInfoProto) -> list[str | int]:
    return [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]


def test_names_and_dynamic_axes_are_those_of_the_contract(exported: ExportedFile) -> None:
    model = onnx.load(exported.path)
    expected = {
        "image": ["N", 3, "H", "W"],
        "grid": ["N", "Ho", "Wo", 2],
        "retargeted": ["N", 3, "Ho", "Wo"],
    }
    assert {value.name: axes(value) for value in (*model.graph.input, *model.graph.output)} == expected
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 18)]


def test_the_file_tells_nothing_of_the_machine_that_made_it(exported: ExportedFile) -> None:
    content = exported.path.read_bytes() + exported.path.with_name("model.onnx.json").read_bytes()
    for word in (b"/home", b"/tmp", b"site-packages", str(Path.cwd()).encode(), b".py"):
        assert word not in content


def test_only_plain_convolutions_are_left(exported: ExportedFile) -> None:
    kinds = {node.op_type for node in onnx.load(exported.path).graph.node}
    assert not kinds & {"BatchNormalization", "InstanceNormalization", "Mod", "Loop", "If"}
    assert {"Conv", "GridSample", "DepthToSpace"} <= kinds


def test_nothing_is_done_to_the_grid_before_it_is_sampled_at(exported: ExportedFile) -> None:
    """After a convolution OpenVINO does everything but sampling in bfloat16, which would move pixels."""
    samplings = [node for node in onnx.load(exported.path).graph.node if node.op_type == "GridSample"]
    assert samplings
    assert {node.input[1] for node in samplings} == {"grid"}


@pytest.mark.parametrize("size", SIZES)
def test_another_program_makes_the_runs_own_picture(
    exported: ExportedFile, trained: TrainedRun, size: tuple[int, int]
) -> None:
    session = onnxruntime.InferenceSession(exported.path)
    for transform in (Transform.resize(size), TILT):
        image = to_tensor(trained.source)
        feeds = {"image": image.numpy(), "grid": grid_of(transform).numpy()}
        picture = to_pixels(torch.from_numpy(session.run(None, feeds)[0]))
        assert np.abs(picture.astype(int) - played(trained)(transform=transform)).max() <= 1


@pytest.mark.parametrize("transform", [Transform.resize((97, 80)), TILT], ids=["larger", "tilted"])
def test_openvino_makes_it_in_bfloat16_within_two_levels(
    exported: ExportedFile, trained: TrainedRun, transform: Transform
) -> None:
    """As it is by default on a CPU that has bfloat16; coordinates must not be rounded to that."""
    openvino = pytest.importorskip("openvino")
    core = openvino.Core()
    if openvino_precision(core) != "bf16":
        pytest.skip("this CPU, or the one that is imitated, has no bfloat16")
    compiled = core.compile_model(exported.path, "CPU", {"INFERENCE_PRECISION_HINT": "bf16"})
    image = to_tensor(trained.source)
    result = compiled({"image": image.numpy(), "grid": grid_of(transform).numpy()})[0]
    off = np.abs(to_pixels(torch.from_numpy(result)).astype(int) - played(trained)(transform=transform))
    assert np.quantile(off, 0.999) <= 2


def test_coordinates_far_outside_are_reflected(exported: ExportedFile, trained: TrainedRun, kind: str) -> None:
    if kind != "paper":
        pytest.skip("the features of one stage are compared")
    session = onnxruntime.InferenceSession(exported.path)
    image = to_tensor(trained.source)
    grid = Transform.resize((48, 40)).grid()[None] * 5 - 1.5
    result = session.run(None, {"image": image.numpy(), "grid": grid})[0]
    generator = trained.generator
    with torch.inference_mode():
        warped = torch.nn.functional.grid_sample(
            generator.entry(image), torch.from_numpy(grid), padding_mode="reflection", align_corners=False
        )
        expected = torch.tanh(generator.trunk(warped))
    np.testing.assert_allclose(result, expected.numpy(), atol=2e-4)


@LARGER_KIND
@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_half_precisions_are_half_as_large_and_within_two_levels(
    exports: Callable[..., ExportedFile], precision: str
) -> None:
    if precision == "bf16":
        pytest.importorskip("openvino")  # the one that the file is checked with
    written = exports(precision=precision)
    assert 0.001 < written.check.error <= 2
    weights = [w for w in onnx.load(written.path).graph.initializer if len(w.dims) == 4]
    kind = {"fp16": onnx.TensorProto.FLOAT16, "bf16": onnx.TensorProto.BFLOAT16}[precision]
    assert {weight.data_type for weight in weights} == {kind}
    assert read_sidecar(written.path).precision == precision


@LARGER_KIND
def test_a_fixed_file_takes_frames_in_0_to_1_and_nothing_else(
    trained: TrainedRun, exports: Callable[..., ExportedFile]
) -> None:
    written = exports(transform=TILT)
    session = onnxruntime.InferenceSession(written.path)
    assert {tensor.name: tensor.shape for tensor in session.get_inputs()} == {"image": [1, 3, 56, 64]}
    frame = (trained.source.transpose(2, 0, 1)[None] / 255).astype(np.float32)
    result = session.run(None, {"image": frame})[0][0].transpose(1, 2, 0)
    assert result.shape == (70, 100, 3)
    assert np.abs(np.rint(result * 255) - played(trained)(transform=TILT)).max() <= 1


@LARGER_KIND
def test_a_fixed_file_for_frames_of_another_size_agrees_with_the_generator(trained: TrainedRun, tmp_path: Path) -> None:
    written = export(trained, tmp_path, ExportOptions(transform=Transform.resize((90, 50)), frame=(75, 41)))
    assert written.check.error < 0.1
    assert onnxruntime.InferenceSession(written.path).get_inputs()[0].shape == [1, 3, 41, 75]


@LARGER_KIND
def test_a_file_with_its_picture_takes_geometry_alone(
    trained: TrainedRun, exports: Callable[..., ExportedFile]
) -> None:
    written = exports(bake_source=True)
    session = onnxruntime.InferenceSession(written.path)
    assert "image" not in [tensor.name for tensor in session.get_inputs()]
    for transform in (Transform.resize((80, 44)), TILT):
        feeds = {"grid": grid_of(transform).numpy()}
        picture = to_pixels(torch.from_numpy(session.run(None, feeds)[0]))
        assert np.abs(picture.astype(int) - played(trained)(transform=transform)).max() <= 1


def test_the_sidecar_says_what_another_program_needs(exported: ExportedFile, trained: TrainedRun) -> None:
    content = json.loads(exported.path.with_name("model.onnx.json").read_text())
    assert [tensor["name"] for tensor in content["inputs"]][:2] == ["image", "grid"]
    assert content["source"]["sha256"] == trained.config.images[0]["sha256"]
    sidecar = read_sidecar(exported.path)
    for golden in sidecar.golden:
        np.testing.assert_array_equal(golden.picture, played(trained)(transform=golden.transform))
    np.testing.assert_array_equal(load_image(exported.path.with_name("source.png")), trained.source)


def test_a_wrong_file_is_refused_and_not_kept(
    trained: TrainedRun, exported: ExportedFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoil(_: export_run.Exported, path: Path, precision: str) -> None:
        model = onnx.load(exported.path)
        bias = next(weight for weight in model.graph.initializer if list(weight.dims) in ([3], [7]))
        bias.CopyFrom(onnx.numpy_helper.from_array(np.full(bias.dims, 0.5, np.float32), bias.name))
        onnx.save(model, path)

    monkeypatch.setattr(export_run, "write_onnx", spoil)
    with pytest.raises(UserError, match="grey levels off"):
        export(trained, tmp_path / "out", ExportOptions())
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("wanted", "part"),
    [
        ({"format": "tflite"}, "tflite"),
        ({"precision": "int8"}, "int8"),
        ({"frame": (64, 64)}, "give a transform"),
        ({"bake_source": True, "transform": TILT}, "both be baked in"),
    ],
)
def test_what_excludes_each_other_is_refused(wanted: dict[str, object], part: str) -> None:
    with pytest.raises(UserError, match=part):
        ExportOptions(**wanted)  # type: ignore[arg-type]
