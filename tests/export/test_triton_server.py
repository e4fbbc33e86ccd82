"""Model repositories for Triton Inference Server."""

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from untrained_runs import LARGER_KIND

from ingan_fast.errors import UserError
from ingan_fast.export import run as export_run
from ingan_fast.export.run import ExportedFile, ExportOptions
from ingan_fast.export.triton_server import CONFIG, FILES, configuration, write_repository
from ingan_fast.geometry import Transform
from ingan_fast.runtime.sidecar import read_sidecar
from ingan_fast.training.trained import TrainedRun

TENSOR = re.compile(r'^(input|output) \[ \{ name: "(\w+)" data_type: TYPE_FP32 dims: \[ ([-\d, ]+) \] \} \]', re.M)


@pytest.fixture(scope="module")
def repository(trained: TrainedRun, exported: ExportedFile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Not to be changed."""
    path = tmp_path_factory.mktemp("repository") / "models"
    with pytest.MonkeyPatch.context() as patch:  # the same graph need not be made again
        patch.setattr(export_run, "write_onnx", lambda graph, to, precision: shutil.copy(exported.path, to))
        written = write_repository(trained, path, ExportOptions())
    assert written.path == path / FILES[1]
    return path


def tensors(config: str) -> dict[str, list[int]]:
    """Name → dims of what the configuration has."""
    return {name: [int(size) for size in dims.split(",")] for _, name, dims in TENSOR.findall(config)}


def shapes(model: Path) -> dict[str, list[int]]:
    """Name → shape of what the graph has, -1 for what is dynamic."""
    graph = onnx.load(model).graph
    return {
        value.name: [-1 if each.dim_param else each.dim_value for each in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.output)
    }


def test_a_repository_has_the_servers_layout_and_nothing_else(repository: Path) -> None:
    files = {str(path.relative_to(repository)) for path in repository.rglob("*") if path.is_file()}
    assert files == {*FILES, "ingan/1/model.onnx.json", "ingan/1/source.png"}


def test_dims_are_those_of_the_graph_without_its_batch(repository: Path) -> None:
    config = (repository / CONFIG).read_text()
    assert "max_batch_size: 4" in config
    assert tensors(config) == {name: shape[1:] for name, shape in shapes(repository / FILES[1]).items()}


@LARGER_KIND
def test_a_graph_of_one_frame_is_served_one_by_one(trained: TrainedRun, tmp_path: Path) -> None:
    written = write_repository(trained, tmp_path, ExportOptions(transform=Transform.resize((96, 40))))
    config = (tmp_path / CONFIG).read_text()
    assert "max_batch_size: 0" in config
    assert "dynamic_batching" not in config
    assert tensors(config) == shapes(written.path) == {"image": [1, 3, 56, 64], "retargeted": [1, 3, 40, 96]}


def test_the_servers_own_schema_takes_the_configuration(repository: Path) -> None:
    schema = pytest.importorskip("tritonclient.grpc.model_config_pb2", reason="tritonclient is not installed")
    from google.protobuf import text_format

    config = text_format.Parse((repository / CONFIG).read_text(), schema.ModelConfig())
    assert (config.name, config.backend, config.max_batch_size) == ("ingan", "onnxruntime", 4)
    assert {each.name: list(each.dims) for each in config.input} | {
        each.name: list(each.dims) for each in config.output
    } == tensors((repository / CONFIG).read_text())
    assert {each.data_type for each in (*config.input, *config.output)} == {schema.TYPE_FP32}
    assert config.HasField("dynamic_batching")
    assert not config.HasField("optimization")


def test_a_batch_as_the_server_makes_it_runs(repository: Path) -> None:
    """Requests of equal shapes, one after the other along the first axis."""
    session = onnxruntime.InferenceSession(repository / FILES[1])
    rng = np.random.default_rng(0)
    sizes = {"image": [3, 40, 48], "grid": [24, 32, 2]}
    inputs: dict[str, Any] = {}
    for each in session.get_inputs():
        inputs[each.name] = rng.uniform(-1, 1, [4, *sizes[each.name]]).astype(np.float32)
    together = session.run(None, inputs)[0]
    alone = [session.run(None, {name: array[i : i + 1] for name, array in inputs.items()})[0] for i in range(4)]
    np.testing.assert_allclose(together, np.concatenate(alone), atol=1e-5)


@pytest.mark.parametrize(("wanted", "part"), [(ExportOptions("pt2"), "pt2"), (ExportOptions(precision="bf16"), "bf16")])
def test_what_the_server_cannot_run_is_refused(
    wanted: ExportOptions, part: str, trained: TrainedRun, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=part):
        write_repository(trained, tmp_path, wanted)
    assert not list(tmp_path.iterdir())


def test_the_configuration_is_made_of_the_sidecar_alone(repository: Path) -> None:
    assert configuration(read_sidecar(repository / FILES[1])) == (repository / CONFIG).read_text()
