"""Engines: real ones, of TensorRT-RTX, which builds without a GPU, and what of them is kept."""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from untrained_runs import LARGER_KIND

from ingan_fast import Transform
from ingan_fast.export import engine
from ingan_fast.export.builder import Order
from ingan_fast.export.engine import build_engine
from ingan_fast.export.profiles import parse_profile
from ingan_fast.export.run import ExportedFile
from ingan_fast.runtime.engine_cache import EngineCache
from ingan_fast.runtime.sidecar import EngineInfo, read_sidecar
from ingan_fast.runtime.tensorrt_bindings import load_bindings
from small_engines import SIZES, SMALL, refused, write_sidecar

pytest.importorskip("tensorrt_rtx")
pytestmark = pytest.mark.usefixtures("own_cache")


def copied(exported: ExportedFile, folder: Path) -> Path:
    """model.onnx of a copy of an export."""
    return Path(shutil.copytree(exported.path.parent, folder / "model")) / "model.onnx"


@pytest.fixture
def model(exported: ExportedFile, tmp_path: Path) -> Path:
    return copied(exported, tmp_path)


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
@LARGER_KIND
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
@LARGER_KIND
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


@LARGER_KIND
def test_an_engine_of_one_geometry_is_built_for_players(exports: Callable[..., ExportedFile], tmp_path: Path) -> None:
    model = copied(exports(transform=Transform.resize((96, 40))), tmp_path)
    path = build_engine(model, "tensorrt-rtx", compute_capabilities=["sm_89"], uint8=False)
    sidecar = read_sidecar(path)
    assert [(tensor.dtype, tensor.shape) for tensor in sidecar.inputs] == [("float32", [1, 3, 56, 64])]
    assert path.stat().st_size > 10_000
