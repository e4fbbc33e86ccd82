"""Engines that are not built: what is said, and that nothing is left."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import onnx
import pytest
from onnx import helper

from ingan_fast.errors import UserError
from ingan_fast.export import builder, engine
from ingan_fast.export.builder import Order, build
from ingan_fast.export.engine import build_engine
from ingan_fast.export.profiles import parse_profile
from ingan_fast.runtime import tensorrt_bindings as tensorrt
from ingan_fast.runtime.engine_cache import EngineCache
from ingan_fast.runtime.sidecar import EngineInfo, read_sidecar
from ingan_fast.runtime.tensorrt_bindings import load_bindings
from small_engines import SMALL, refused, write_sidecar

pytest.importorskip("tensorrt_rtx")
pytestmark = pytest.mark.usefixtures("own_cache")


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
