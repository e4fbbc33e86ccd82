"""Engines: real ones, of TensorRT-RTX, which builds without a GPU; what is refused, and what is kept."""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from ingan_fast import Transform
from ingan_fast.errors import UserError
from ingan_fast.export import builder, engine
from ingan_fast.export.builder import Order, build
from ingan_fast.export.engine import build_engine
from ingan_fast.export.profiles import parse_profile
from ingan_fast.export.run import ExportedFile
from ingan_fast.runtime import tensorrt_bindings as tensorrt
from ingan_fast.runtime.engine_cache import EngineCache
from ingan_fast.runtime.sidecar import EngineInfo, checksum, read_sidecar
from ingan_fast.runtime.tensorrt_bindings import load_bindings

pytest.importorskip("tensorrt_rtx")

SMALL: dict[str, Any] = {
    "flavor": "tensorrt-rtx",
    "profiles": [parse_profile("16x16:64x64:128x128")],
    "compute_capabilities": ["sm_89"],
}
SHAPES = {"image": ["N", 3, "H", "W"], "grid": ["N", "Ho", "Wo", 2], "retargeted": ["N", 3, "Ho", "Wo"]}
SIZES = [[1, 16, 16], [1, 64, 64], [1, 128, 128]]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INGAN_FAST_CACHE", str(tmp_path / "cache"))


def copied(exported: ExportedFile, folder: Path) -> Path:
    """model.onnx of a copy of an export."""
    return Path(shutil.copytree(exported.path.parent, folder / "model")) / "model.onnx"


@pytest.fixture
def model(exported: ExportedFile, tmp_path: Path) -> Path:
    return copied(exported, tmp_path)


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ONNX file that is built in no time, and a sidecar of it; not to be changed."""
    folder = tmp_path_factory.mktemp("plain")
    inputs, outputs = (
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, SHAPES[name]) for name in names]
        for names in (("image", "grid"), ("retargeted",))
    )
    node = helper.make_node("GridSample", ["image", "grid"], ["retargeted"], align_corners=0)
    graph = helper.make_graph([node], "plain", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, folder / "model.onnx")
    write_sidecar(folder / "model.onnx")
    return folder


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


@pytest.fixture
def simple(plain: Path, tmp_path: Path) -> Path:
    """A copy of the ONNX file that is built in no time."""
    return Path(shutil.copytree(plain, tmp_path / "simple")) / "model.onnx"


def refused(model: Path, *parts: str, **options: Any) -> None:
    """Asserts that nothing is built, in one line with each of `parts`, and that nothing is left."""
    before = {path: path.read_bytes() for path in model.parent.iterdir()}
    with pytest.raises(UserError) as refusal:
        build_engine(model, **(SMALL | options))
    for part in parts:
        assert part in str(refusal.value)
    assert len(str(refusal.value).splitlines()) == 1
    assert {path: path.read_bytes() for path in model.parent.iterdir()} == before


def test_an_exported_graph_becomes_an_engine_of_bytes(model: Path, kind: str) -> None:
    path = build_engine(model, **SMALL)
    assert path == model.with_name("model.engine")
    assert sorted(each.name for each in path.parent.iterdir()) == sorted(
        ["model.engine", "model.engine.json", "model.onnx", "model.onnx.json", "source.png"]
    )
    found, origin = read_sidecar(path), read_sidecar(model)
    assert found.kind == "engine"
    assert [(tensor.name, tensor.dtype, tensor.shape) for tensor in (found.inputs[0], *found.outputs)] == [
        ("image", "uint8", ["N", "H", "W", 3]),
        ("retargeted", "uint8", ["N", "Ho", "Wo", 3]),
    ]
    assert found.inputs[1:] == origin.inputs[1:]
    assert (found.golden, found.source, found.halo) == (origin.golden, origin.source, origin.halo)
    assert found.engine is not None
    assert (found.engine.flavor, found.engine.platforms) == ("tensorrt-rtx", ["sm_89"])
    assert found.engine.version == load_bindings("tensorrt-rtx").version
    assert found.engine.profiles[0]["grid"] == [[n, h, w, 2] for n, h, w in SIZES]
    assert found.engine.profiles[0]["image"] == [[1, 16, 16, 3], [1, 56, 64, 3], [1, 128, 128, 3]]


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_engines_are_built_in_half_precision_for_every_gpu_that_has_it(
    exports: Callable[..., ExportedFile], tmp_path: Path, precision: str
) -> None:
    model = copied(exports(precision=precision), tmp_path)
    about = read_sidecar(build_engine(model, "tensorrt-rtx")).engine
    assert about is not None
    assert ("sm_75" in about.platforms) == (precision == "fp16")  # which has no bfloat16
    assert {"sm_80", "sm_86", "sm_89", "sm_120"} <= set(about.platforms)
    assert len(about.profiles) == 2


@pytest.mark.slow
def test_an_engine_has_its_picture_baked_in(exports: Callable[..., ExportedFile], tmp_path: Path) -> None:
    model = copied(exports(bake_source=True), tmp_path)
    found = read_sidecar(build_engine(model, **SMALL))
    assert "image" not in [tensor.name for tensor in found.inputs]
    assert found.engine is not None
    assert "image" not in found.engine.profiles[0]


class TestProfiles:
    def test_several_are_kept_in_their_order(self, simple: Path) -> None:
        wanted = [parse_profile("32x16:64x32:96x64"), parse_profile("16x16:64x64:256x256")]
        about = read_sidecar(build_engine(simple, **(SMALL | {"profiles": wanted}))).engine
        assert about is not None
        assert [profile["grid"] for profile in about.profiles] == [
            [[1, 16, 32, 2], [1, 32, 64, 2], [1, 64, 96, 2]],
            [[1, 16, 16, 2], [1, 64, 64, 2], [1, 256, 256, 2]],
        ]

    def test_outputs_that_the_engine_is_checked_by_always_fit(self, simple: Path) -> None:
        golden = {"size": [33, 90], "matrix": [[1, 0, 0], [0, 1, 0], [0, 0, 1]], "png": ""}
        write_sidecar(simple, golden=[golden, golden])
        wanted = [parse_profile("100x100:110x110:120x120")]
        about = read_sidecar(build_engine(simple, **(SMALL | {"profiles": wanted}))).engine
        assert about is not None
        assert [profile["grid"][0] for profile in about.profiles] == [[1, 100, 100, 2], [1, 90, 33, 2]]
        assert about.profiles[1]["image"] == [[1, 56, 64, 3]] * 3

    def test_a_graph_of_one_geometry_has_none(self, simple: Path) -> None:
        fixed = {"frame": [64, 56], "size": [64, 56], "matrix": [[1, 0, 0], [0, 1, 0], [0, 0, 1]]}
        write_sidecar(simple, fixed=fixed)
        refused(simple, "16x16:64x64:128x128", "one fixed size", "leave it out")


class TestTheCache:
    def test_the_same_engine_is_not_built_twice(self, simple: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        first = build_engine(simple, **SMALL).read_bytes()
        simple.with_name("model.engine").unlink()
        monkeypatch.setattr(engine, "build", None)
        told: list[str] = []
        path = build_engine(simple, **SMALL, notice=told.append)
        assert path.read_bytes() == first
        assert read_sidecar(path).engine is not None
        assert "using the cached engine" in told[0]

    @pytest.mark.parametrize(
        "change",
        [
            {"profiles": [parse_profile("16x16:64x64:136x128")]},
            {"compute_capabilities": ["sm_86"]},
            {"workspace": 1 << 30},
            {"uint8": False},
        ],
    )
    def test_what_differs_in_anything_is_another_engine(
        self, simple: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
    ) -> None:
        keys = []
        monkeypatch.setattr(EngineCache, "store", lambda self, key, path: keys.append(key))
        build_engine(simple, **SMALL)
        build_engine(simple, **SMALL)
        build_engine(simple, **(SMALL | change))
        assert keys[0] == keys[1] != keys[2]

    def test_another_model_or_version_is_another_engine(self) -> None:
        about = EngineInfo("tensorrt-rtx", "1.7", ["sm_89"], [])
        orders = [Order(b"a", about, None), Order(b"b", about, None)]
        orders += [Order(b"a", EngineInfo("tensorrt-rtx", "1.8", ["sm_89"], []), None)]
        assert len({order.key for order in orders}) == 3

    def test_a_damaged_entry_is_built_again(self, simple: Path) -> None:
        build_engine(simple, **SMALL)
        (entry,) = EngineCache().folder.glob("*.engine")
        entry.write_bytes(entry.read_bytes()[:-1])
        told: list[str] = []
        path = build_engine(simple, **SMALL, notice=told.append)
        assert "building an engine" in told[0]
        assert read_sidecar(path).kind == "engine"

    def test_an_engine_is_built_even_where_nothing_can_be_kept(
        self, simple: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("INGAN_FAST_CACHE", str(simple))  # a file
        told: list[str] = []
        assert build_engine(simple, **SMALL, notice=told.append).is_file()
        assert any("can't write" in line for line in told)


class TestIsRefused:
    def test_a_model_without_its_sidecar(self, simple: Path) -> None:
        simple.with_name("model.onnx.json").unlink()
        refused(simple, "has no sidecar model.onnx.json")

    def test_a_model_that_is_not_there(self, simple: Path) -> None:
        simple.unlink()
        refused(simple, "does not exist")

    def test_a_model_that_was_changed(self, simple: Path) -> None:
        simple.write_bytes(simple.read_bytes() + b"\0")
        refused(simple, "differs from the file that model.onnx.json describes")

    @pytest.mark.parametrize("content", [b"", b"not a model at all", b"\x08\x0a\xff\xff\xff"])
    def test_a_foreign_file(self, simple: Path, content: bytes) -> None:
        simple.write_bytes(content)
        write_sidecar(simple)
        refused(simple, "is not an ONNX file, or damaged")

    def test_an_engine_in_the_place_of_a_model(self, simple: Path) -> None:
        path = build_engine(simple, **SMALL)
        refused(path, "is not an ONNX file", "give the model.onnx")

    def test_a_graph_that_tensorrt_does_not_know(self, simple: Path) -> None:
        graph = onnx.load(simple)
        graph.graph.node[0].CopyFrom(helper.make_node("Det", ["image"], ["retargeted"]))
        onnx.save(graph, simple)
        write_sidecar(simple)
        refused(simple, "can't parse the graph: ", "Det")

    def test_a_gpu_that_it_does_not_know(self, simple: Path) -> None:
        refused(simple, "can't build for 'sm_90'", "sm_89", compute_capabilities=["sm_90"])

    def test_a_gpu_that_lacks_the_precision(self, simple: Path) -> None:
        write_sidecar(simple, precision="bf16")
        refused(simple, "can't build for 'sm_75' in bf16", compute_capabilities=["sm_75"])

    def test_a_full_disk(self, simple: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def no_space(self: Path, data: bytes) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "write_bytes", no_space)
        with monkeypatch.context():
            refused(simple, "No space left on device", "nothing was changed")

    def test_wrong_pictures(self, simple: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def wrong(path: Path) -> float:
            raise UserError(f"{path} does not compute what the generator does: 9 grey levels off")

        monkeypatch.setattr("ingan_fast.runtime.backends.tensorrt.verify", wrong)
        refused(simple, "no engine was kept: model.engine does not compute")
        assert not list(EngineCache().folder.glob("*"))


def test_what_running_it_showed_is_told(simple: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[str]] = []

    def verify(path: Path) -> float:
        seen.append({each.name for each in path.parent.iterdir()})
        assert read_sidecar(path).kind == "engine"
        return 0.5

    simple.with_name("source.png").write_bytes(b"a picture")
    monkeypatch.setattr("ingan_fast.runtime.backends.tensorrt.verify", verify)
    told: list[str] = []
    build_engine(simple, **SMALL, notice=told.append)
    assert "the engine was checked: within 0.5 grey levels of the generator" in told
    assert seen == [{"model.engine", "model.engine.json", "source.png"}]


class TestFailuresOfTheBuilder:
    """What TensorRT answers to what isn't asked of it otherwise."""

    @staticmethod
    def order(model: Path, profiles: list[dict[str, list[list[int]]]]) -> Order:
        return Order(model.read_bytes(), EngineInfo("tensorrt-rtx", "", ["sm_89"], profiles), None)

    def build(self, order: Order) -> None:
        build(load_bindings("tensorrt-rtx"), order, None, EngineCache(), print, lambda phase, part: None)

    def test_profiles_that_contradict_themselves(self, plain: Path) -> None:
        shapes = {
            "image": [[1, 3, 64, 64], [1, 3, 32, 32], [1, 3, 96, 96]],
            "grid": [[1, 64, 64, 2], [1, 64, 64, 2], [1, 64, 64, 2]],
        }
        with pytest.raises(UserError, match=r"rejects the profiles: .*MIN<=OPT<=MAX.* \| "):
            self.build(self.order(plain / "model.onnx", [shapes]))

    def test_no_profile_at_all(self, plain: Path) -> None:
        with pytest.raises(UserError, match=r"can't build the engine: .*no optimization profile"):
            self.build(self.order(plain / "model.onnx", []))


class TestInterrupted:
    def test_ctrl_c_ends_the_build_and_leaves_nothing(self, model: Path) -> None:
        before = sorted(model.parent.iterdir())
        handler = signal.getsignal(signal.SIGINT)
        phases: list[str] = []

        def interrupt(phase: str, part: float) -> None:
            phases.append(phase)
            if len(phases) == 3:
                os.kill(os.getpid(), signal.SIGINT)

        with pytest.raises(KeyboardInterrupt):
            build_engine(model, **SMALL, progress=interrupt)
        assert len(phases) == 3
        assert sorted(model.parent.iterdir()) == before
        assert not list(EngineCache().folder.glob("*"))
        assert signal.getsignal(signal.SIGINT) == handler

    def test_progress_goes_from_nothing_to_all(self, model: Path) -> None:
        parts: list[float] = []
        build_engine(model, **SMALL, progress=lambda phase, part: parts.append(part))
        assert parts == sorted(parts)
        assert 0 < parts[0] < 0.2
        assert parts[-1] == 1


class TestFlavors:
    @pytest.fixture(autouse=True)
    def forget(self) -> Any:
        tensorrt._load.cache_clear()
        yield
        tensorrt._load.cache_clear()

    def test_unknown(self, simple: Path) -> None:
        refused(simple, "unknown TensorRT flavour 'trt'", "auto, tensorrt, tensorrt-rtx", flavor="trt")

    @pytest.mark.parametrize(
        ("flavor", "what"),
        [("auto", "TensorRT is"), ("tensorrt", "tensorrt is"), ("tensorrt-rtx", "tensorrt-rtx is")],
    )
    def test_one_that_is_not_installed(
        self, simple: Path, monkeypatch: pytest.MonkeyPatch, flavor: str, what: str
    ) -> None:
        for module in tensorrt.MODULES.values():
            monkeypatch.setitem(sys.modules, module, None)
        refused(simple, f"{what} not installed; pip install 'ingan-fast[", flavor=flavor)

    def test_one_without_its_libraries(self, simple: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def bindings_alone(name: str) -> ModuleType:
            raise ImportError("libnvonnxparser.so.11: cannot open shared object file")

        monkeypatch.setattr(tensorrt.importlib, "import_module", bindings_alone)
        refused(simple, "only partly installed (libnvonnxparser.so.11", "ingan-fast[trt]", flavor="tensorrt")

    def test_auto_takes_the_one_that_works(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def import_module(name: str) -> ModuleType:
            if name == "tensorrt":
                raise ImportError("libnvinfer.so.10: cannot open shared object file")
            return sys.modules[name]

        monkeypatch.setattr(tensorrt.importlib, "import_module", import_module)
        assert load_bindings().flavor == "tensorrt-rtx"

    def test_full_tensorrt_needs_a_gpu(self, simple: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "tensorrt", sys.modules["tensorrt_rtx"])
        options = {"flavor": "tensorrt", "compute_capabilities": None}
        refused(simple, "there is none here", "tensorrt-rtx", **options)

    @pytest.mark.filterwarnings("ignore:Use Deprecated:DeprecationWarning")
    def test_full_tensorrt_builds_for_the_gpu_at_hand_and_keeps_its_timings(
        self, simple: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # The other flavour's module in its place, which has all the names and builds without a GPU.
        monkeypatch.setitem(sys.modules, "tensorrt", sys.modules["tensorrt_rtx"])
        gpu = SimpleNamespace(name="A GPU", capability="sm_90")
        monkeypatch.setattr(engine, "cuda", SimpleNamespace(available=lambda: True, device=lambda: gpu))
        monkeypatch.setattr(builder, "_set_compute_capabilities", None)
        refused(simple, "compute capabilities are for TensorRT-RTX", flavor="auto")
        about = read_sidecar(build_engine(simple, profiles=SMALL["profiles"])).engine
        assert about is not None
        assert (about.flavor, about.platforms) == ("tensorrt", ["A GPU"])
        timings = EngineCache().read_timings(f"tensorrt-{about.version}-sm_90")
        assert timings
        EngineCache().write_timings(f"tensorrt-{about.version}-sm_90", b"damaged")
        wider = [parse_profile("16x16:64x64:256x256")]
        assert read_sidecar(build_engine(simple, profiles=wider)).kind == "engine"
        assert EngineCache().read_timings(f"tensorrt-{about.version}-sm_90") == timings


def test_an_engine_of_one_geometry_is_built_for_players(exports: Callable[..., ExportedFile], tmp_path: Path) -> None:
    model = copied(exports(transform=Transform.resize((96, 40))), tmp_path)
    path = build_engine(model, "tensorrt-rtx", compute_capabilities=["sm_89"], uint8=False)
    sidecar = read_sidecar(path)
    assert [(tensor.dtype, tensor.shape) for tensor in sidecar.inputs] == [("float32", [1, 3, 56, 64])]
    assert path.stat().st_size > 10_000
