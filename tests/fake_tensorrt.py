"""A stand-in for TensorRT's bindings: engines compute with ONNX Runtime, on addresses of a stand-in GPU.

An engine file contains its ONNX graph and its profiles. Calls that TensorRT rejects, or that leave it in an undefined
state, fail: a wrong order, shapes outside the profile, tensors without an address, too little memory, capturing before
a plain run.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from fake_cuda import FakeCuda
from ingan_fast.export.uint8 import wrap_uint8
from ingan_fast.geometry import Transform
from ingan_fast.pictures import save_image
from ingan_fast.runtime import tensorrt_bindings as bindings
from ingan_fast.runtime.sidecar import EngineInfo, Golden, Sidecar, TensorInfo, checksum

MAGIC = b"FAKE"
VERSION = "10.13.3.9"
BYTES_PER_PIXEL = 24  # workspace of a context
MODULES = {"tensorrt": "tensorrt", "tensorrt-rtx": "tensorrt_rtx"}
PROFILES = [  # of outputs (width, height): smallest, largest; frames from 16x16 to 128x128
    ((16, 16), (128, 128)),
    ((40, 30), (60, 45)),
]


def install(monkeypatch: pytest.MonkeyPatch, gpu: FakeCuda, flavor: str = "tensorrt") -> SimpleNamespace:
    """Install a stand-in for one flavour's module."""
    module = make_module(gpu, flavor)
    monkeypatch.setitem(sys.modules, MODULES[flavor], module)
    monkeypatch.setattr(bindings, "_load", bindings._load.__wrapped__)
    return module


def warp_graph() -> Any:
    """An ONNX graph that samples an image: the interface of a model, without a network."""
    floats = TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("GridSample", ["image", "grid"], ["retargeted"], mode="bilinear", padding_mode="reflection")],
        "warp",
        [
            helper.make_tensor_value_info("image", floats, ["N", 3, "H", "W"]),
            helper.make_tensor_value_info("grid", floats, ["N", "Ho", "Wo", 2]),
        ],
        [helper.make_tensor_value_info("retargeted", floats, ["N", 3, "Ho", "Wo"])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def fixed_graph(width: int, height: int) -> Any:
    """A graph of one geometry, uint8 to uint8, that copies its input."""
    picture = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, height, width])
        for name in ("image", "retargeted")
    ]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["image"], ["retargeted"])], "same", *([each] for each in picture)
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    return wrap_uint8(model, unit=True)


def shapes_of(profile: Any) -> dict[str, list[list[int]]]:
    """A profile of a warp's inputs in the sidecar's format."""
    (least_width, least_height), (most_width, most_height) = profile
    least, most = [1, least_height, least_width, 2], [1, most_height, most_width, 2]
    return {"image": [[1, 16, 16, 3], [1, 48, 64, 3], [1, 128, 128, 3]], "grid": [least, most, most]}


def write_engine(folder: Path, source: np.ndarray, **changes: Any) -> tuple[Path, Sidecar]:
    """FOLDER/model.engine of a warp, its sidecar and source.png; `changes` modify the sidecar and its engine."""
    model = changes.pop("model", None) or wrap_uint8(warp_graph())
    profiles = changes.pop("profiles", [shapes_of(profile) for profile in PROFILES])
    path = write_file(folder, model, profiles)
    about = EngineInfo("tensorrt", VERSION, ["sm_89"], profiles)
    about = replace(
        about, **{name: changes.pop(name) for name in ("flavor", "version", "platforms") if name in changes}
    )
    height, width = source.shape[:2]
    sidecar = Sidecar(
        file=path.name,
        sha256=checksum(path),
        kind="engine",
        precision="fp32",
        inputs=[
            TensorInfo("image", "uint8", ["N", "H", "W", 3], "RGB"),
            TensorInfo("grid", "float32", ["N", "Ho", "Wo", 2], "places"),
        ],
        outputs=[TensorInfo("retargeted", "uint8", ["N", "Ho", "Wo", 3], "RGB")],
        halo=8,
        cell=8,
        channels=8,
        source={"name": "dots", "sha256": "", "width": width, "height": height, "file": "source.png"},
        engine=about,
        golden=[Golden.of(transform, warp(source, transform)) for transform in (Transform.resize((50, 40)),)],
    )
    sidecar = replace(sidecar, **changes)
    sidecar.write(folder)
    save_image(source, folder / "source.png")
    return path, sidecar


def write_file(folder: Path, model: Any, profiles: list[dict[str, Any]]) -> Path:
    """FOLDER/model.engine of a graph with uint8 inputs and outputs."""
    path = folder / "model.engine"
    path.write_bytes(MAGIC + json.dumps(profiles).encode() + b"\n" + model.SerializeToString())
    return path


def warp(frame: np.ndarray, transform: Transform) -> np.ndarray:
    """The expected output of an engine of `write_engine`."""
    session = onnxruntime.InferenceSession(wrap_uint8(warp_graph()).SerializeToString())
    return np.asarray(session.run(None, {"image": frame[None], "grid": transform.grid()[None]})[0][0])


def make_module(gpu: FakeCuda, flavor: str) -> SimpleNamespace:
    """A module with the names of a flavour that are used."""

    class Logger:
        Severity = SimpleNamespace(INTERNAL_ERROR=0, ERROR=1, WARNING=2, INFO=3)

    strategies = SimpleNamespace(STATIC=0, ON_PROFILE_CHANGE=1, USER_MANAGED=2)
    module = SimpleNamespace(
        __version__=VERSION,
        ILogger=Logger,
        ExecutionContextAllocationStrategy=strategies,
        Runtime=lambda logger: FakeRuntime(gpu, logger, rtx=flavor == "tensorrt-rtx"),
    )
    if flavor == "tensorrt-rtx":
        module.DynamicShapesKernelSpecializationStrategy = SimpleNamespace(LAZY=0, EAGER=1, NONE=2)
    return module


class FakeRuntime:
    def __init__(self, gpu: FakeCuda, logger: Any, rtx: bool):
        self.gpu, self.logger, self.rtx = gpu, logger, rtx

    def deserialize_cuda_engine(self, data: bytes) -> "FakeEngine | None":
        assert self.gpu._stack(), "no device is current"
        if not data.startswith(MAGIC):
            self.logger.log(1, "Serialization assertion\nmagicTag failed")
            return None
        header, _, model = data.removeprefix(MAGIC).partition(b"\n")
        return FakeEngine(self, json.loads(header), model)


class FakeEngine:
    def __init__(self, runtime: FakeRuntime, profiles: list[dict[str, Any]], model: bytes):
        self.gpu, self.logger, self.rtx = runtime.gpu, runtime.logger, runtime.rtx
        self.session = onnxruntime.InferenceSession(model)
        self.inputs = {each.name for each in self.session.get_inputs()}
        # Without dynamic axes there is still one profile.
        self.profiles = profiles or [{each.name: [each.shape] * 3 for each in self.session.get_inputs()}]

    def get_device_memory_size_for_profile_v2(self, index: int) -> int:
        shapes = self.profiles[index]
        *_, height, width, _ = (shapes.get("grid") or shapes["image"])[-1]
        return height * width * BYTES_PER_PIXEL

    def create_runtime_config(self) -> "FakeConfig":
        assert self.rtx
        return FakeConfig()

    def create_execution_context(self, how: Any) -> "FakeContext":
        if self.rtx:
            assert how.allocation == 2
            assert how.dynamic_shapes_kernel_specialization_strategy == 1
            return FakeContextRtx(self, how.cache)
        assert how == 2
        return FakeContext(self)


class FakeConfig:
    """IRuntimeConfig of TensorRT-RTX."""

    def __init__(self) -> None:
        self.allocation, self.dynamic_shapes_kernel_specialization_strategy = 0, 0
        self.cache: FakeCache | None = None

    def set_execution_context_allocation_strategy(self, strategy: int) -> None:
        self.allocation = strategy

    def create_runtime_cache(self) -> "FakeCache":
        return FakeCache()

    def set_runtime_cache(self, cache: "FakeCache") -> bool:
        self.cache = cache
        return True


class FakeCache:
    """IRuntimeCache: names of kernels."""

    def __init__(self) -> None:
        self.kernels: set[str] = set()
        self.compiled = 0

    def deserialize(self, blob: bytes) -> bool:
        if not blob.startswith(b"kernels"):
            return False
        self.kernels = set(blob.decode().split("\n")[1:])
        return True

    def serialize(self) -> bytes:
        return "\n".join(["kernels", *sorted(self.kernels)]).encode()

    def compile(self, kernel: str) -> None:
        self.compiled += kernel not in self.kernels
        self.kernels.add(kernel)


class FakeContext:
    """IExecutionContext: works when its stream does."""

    def __init__(self, engine: FakeEngine):
        self.engine, self.gpu = engine, engine.gpu
        self.profile: int | None = None
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.addresses: dict[str, int] = {}
        self.workspace = (0, 0)
        self.needs = 0
        self.state = 0  # graphs are valid only in the state that they were captured in
        self.ran_in = -1

    def _refuse(self, why: str) -> bool:
        self.engine.logger.log(1, why)
        return False

    def set_optimization_profile_async(self, index: int, stream: int) -> bool:
        assert stream in self.gpu.streams
        self.profile, self.shapes, self.state = index, {}, self.state + 1
        return index < len(self.engine.profiles)

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        assert self.profile is not None, "shapes before a profile"
        least, _, most = self.engine.profiles[self.profile][name]
        if len(shape) != len(least) or not all(a <= n <= b for a, n, b in zip(least, shape, most, strict=True)):
            return self._refuse(f"{name}: {shape} is outside the profile")
        self.shapes[name], self.state = tuple(shape), self.state + 1
        return True

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        assert name == "retargeted"
        assert set(self.shapes) == self.engine.inputs, "asked before all shapes are set"
        batch, *_, height, width, _ = self.shapes.get("grid") or self.shapes["image"]
        return (batch, height, width, 3)

    def update_device_memory_size_for_shapes(self) -> int:
        _, height, width, _ = self.get_tensor_shape("retargeted")
        self.needs = height * width * BYTES_PER_PIXEL
        return self.needs

    def set_device_memory(self, address: int, size: int) -> None:
        assert address % 256 == 0
        assert size >= self.needs > 0, "less than it needs, or set before it was asked how much that is"
        self.gpu.at(address, size)
        self.workspace, self.state = (address, size), self.state + 1

    def set_tensor_address(self, name: str, address: int) -> bool:
        self.gpu.at(address, 1)
        self.addresses[name], self.state = address, self.state + 1
        return name in (*self.engine.inputs, "retargeted")

    def execute_async_v3(self, stream: int) -> bool:
        capturing = self.gpu.streams[stream].captured is not None
        if stream == 1:
            return self._refuse("the default stream waits")
        if self.workspace[1] < self.needs or not self.needs:
            return self._refuse("no memory to work in")
        if set(self.addresses) != {*self.engine.inputs, "retargeted"}:
            return self._refuse("tensors without an address")
        if capturing and self.ran_in != self.state:
            return self._refuse("captured before a plain run")
        self.ran_in = self.state
        self.gpu.enqueue(stream, self._work(dict(self.shapes), dict(self.addresses), self.workspace, self.state))
        return True

    def _work(self, shapes: dict[str, Any], addresses: dict[str, int], workspace: tuple[int, int], state: int) -> Any:
        def compute() -> None:
            assert state == self.state, "a graph of another state of its context"
            self.gpu.at(*workspace)[:] = 0
            inputs = {}
            for name, shape in shapes.items():
                dtype = np.dtype(np.uint8 if name == "image" else np.float32)
                there = self.gpu.at(addresses[name], int(np.prod(shape)) * dtype.itemsize)
                inputs[name] = there.view(dtype).reshape(shape)
            result = np.asarray(self.engine.session.run(None, inputs)[0])
            self.gpu.at(addresses["retargeted"], result.nbytes)[:] = result.ravel()

        return compute


class FakeContextRtx(FakeContext):
    """TensorRT-RTX's context, which compiles a kernel for each shape."""

    def __init__(self, engine: FakeEngine, cache: FakeCache):
        super().__init__(engine)
        self.cache = cache

    def execute_async_v3(self, stream: int) -> bool:
        self.cache.compile(str(self.shapes))
        return super().execute_async_v3(stream)

    def is_stream_capturable(self, stream: int) -> bool:
        return True
