"""Engines of TensorRT with stand-ins: which are opened, which refused; RTX; golden outputs; exported runs."""

import gc
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
from untrained_runs import write_run

import fake_tensorrt
from fake_cuda import FakeCuda, install
from fake_tensorrt import FakeContextRtx, warp, write_engine
from ingan_fast.errors import UserError
from ingan_fast.export.run import ExportOptions, export
from ingan_fast.export.uint8 import wrap_uint8
from ingan_fast.geometry import Transform
from ingan_fast.pictures import Pixels
from ingan_fast.runtime import Retargeter
from ingan_fast.runtime.backends.tensorrt import TensorRTBackend, verify
from ingan_fast.runtime.retargeter import load
from ingan_fast.runtime.sidecar import EngineInfo, Fixed, Golden, TensorInfo, checksum, read_sidecar
from ingan_fast.settings import SMOKE
from ingan_fast.training.trained import read_run
from tensorrt_frames import prepare, read, run, tilted


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("INGAN_FAST_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCuda]:
    yield from install(monkeypatch, FakeCuda())


@pytest.fixture
def trt(monkeypatch: pytest.MonkeyPatch, gpu: FakeCuda) -> SimpleNamespace:
    return fake_tensorrt.install(monkeypatch, gpu)


@pytest.fixture
def backend(trt: SimpleNamespace, tmp_path: Path, picture: Pixels) -> Iterator[TensorRTBackend]:
    opened = TensorRTBackend(*write_engine(tmp_path, picture))
    yield opened
    opened.close()


class TestOpening:
    def test_tells_what_runs_it_where(self, backend: TensorRTBackend) -> None:
        assert backend.about == "TensorRT 10.13.3.9, NVIDIA Fake 4090, fp32"
        assert backend.bytes_per_pixel > fake_tensorrt.BYTES_PER_PIXEL

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"version": "10.9.0.34"}, "was built by tensorrt 10.9.0.34, but 10.13.3.9 is installed"),
            (
                {"platforms": ["sm_86", "sm_120"]},
                r"was built for sm_86, sm_120, but this GPU is NVIDIA Fake 4090 \(sm_89",
            ),
            ({"platforms": ["NVIDIA H100"]}, "was built for NVIDIA H100, but"),
        ],
    )
    def test_refuses_what_was_built_for_something_else_before_it_is_loaded(
        self,
        trt: SimpleNamespace,
        tmp_path: Path,
        picture: Pixels,
        monkeypatch: pytest.MonkeyPatch,
        changes: dict[str, Any],
        message: str,
    ) -> None:
        monkeypatch.setattr(trt, "Runtime", None)
        with pytest.raises(UserError, match=message) as refused:
            TensorRTBackend(*write_engine(tmp_path, picture, **changes))
        assert "\n" not in str(refused.value)

    def test_accepts_the_gpu_by_its_name(self, trt: SimpleNamespace, tmp_path: Path, picture: Pixels) -> None:
        TensorRTBackend(*write_engine(tmp_path, picture, platforms=["NVIDIA Fake 4090"])).close()

    def test_refuses_what_tensorrt_refuses(self, trt: SimpleNamespace, tmp_path: Path, picture: Pixels) -> None:
        path, sidecar = write_engine(tmp_path, picture)
        path.write_bytes(path.read_bytes()[10:])
        with pytest.raises(UserError, match=r"can't load .*: Serialization assertion magicTag failed; build it again"):
            TensorRTBackend(path, sidecar)

    def test_says_what_to_install(
        self, gpu: FakeCuda, tmp_path: Path, picture: Pixels, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fake_tensorrt.install(monkeypatch, gpu)
        monkeypatch.setitem(sys.modules, "tensorrt", None)
        with pytest.raises(UserError, match=r"model.engine needs tensorrt 10.13.3.9: .*pip install"):
            TensorRTBackend(*write_engine(tmp_path, picture))

    def test_says_that_there_is_no_gpu(self, tmp_path: Path, picture: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
        for _ in install(monkeypatch, FakeCuda(gpus=0)):
            with pytest.raises(
                UserError, match=r"model.engine needs a GPU: there is no GPU 0 .*; or run the model.onnx"
            ):
                TensorRTBackend(*write_engine(tmp_path, picture))

    def test_refuses_engines_for_players(self, trt: SimpleNamespace, tmp_path: Path, picture: Pixels) -> None:
        floats = [TensorInfo("image", "float32", [1, 3, 56, 64], "RGB")]
        path, sidecar = write_engine(tmp_path, picture, inputs=floats)
        with pytest.raises(UserError, match="made for players"):
            TensorRTBackend(path, sidecar)

    def test_several_at_once_do_not_disturb_each_other(
        self, trt: SimpleNamespace, tmp_path: Path, picture: Pixels
    ) -> None:
        backends = [TensorRTBackend(*write_engine(tmp_path, picture)) for _ in range(2)]
        prepared = [prepare(each, tilted((50, 40))) for each in backends]
        for _ in range(3):
            for each, geometry in zip(backends, prepared, strict=True):
                out = np.zeros((40, 50, 3), np.uint8)
                each.run(picture, geometry, out)
                assert np.array_equal(out, warp(picture, tilted((50, 40))))
        for each in backends:
            each.close()

    def test_closed_gives_all_memory_back_and_runs_no_more(
        self, trt: SimpleNamespace, gpu: FakeCuda, tmp_path: Path, picture: Pixels
    ) -> None:
        free = gpu.free
        backend = TensorRTBackend(*write_engine(tmp_path, picture))
        prepared = prepare(backend, tilted((50, 40)))
        backend.run(picture, prepared, np.zeros((40, 50, 3), np.uint8))
        del prepared
        image = backend.run_on_device(gpu.array(picture), prepare(backend, tilted((50, 40))), (50, 40))
        backend.close()
        backend.close()
        del image
        gc.collect()
        assert gpu.free == free - picture.nbytes  # the caller's own frame
        with pytest.raises(UserError, match="was closed"):
            prepare(backend, tilted((50, 40)))


class TestRtx:
    @pytest.fixture
    def rtx(self, monkeypatch: pytest.MonkeyPatch, gpu: FakeCuda) -> SimpleNamespace:
        return fake_tensorrt.install(monkeypatch, gpu, "tensorrt-rtx")

    def test_computes_the_same(self, rtx: SimpleNamespace, gpu: FakeCuda, tmp_path: Path, picture: Pixels) -> None:
        backend = TensorRTBackend(*write_engine(tmp_path, picture, flavor="tensorrt-rtx"))
        for _ in range(2):
            assert np.array_equal(run(backend, picture, tilted((50, 40))), warp(picture, tilted((50, 40))))
        assert gpu.calls["cuGraphLaunch"] == 1
        backend.close()

    def test_keeps_what_it_compiled_for_the_next_process(
        self, rtx: SimpleNamespace, tmp_path: Path, picture: Pixels, monkeypatch: pytest.MonkeyPatch, own_cache: Path
    ) -> None:
        compiled = []
        init = FakeContextRtx.__init__

        def spy(context: FakeContextRtx, engine: Any, cache: Any) -> None:
            init(context, engine, cache)
            compiled.append(cache)

        monkeypatch.setattr(FakeContextRtx, "__init__", spy)
        for _ in range(2):
            backend = TensorRTBackend(*write_engine(tmp_path, picture, flavor="tensorrt-rtx"))
            run(backend, picture, tilted((50, 40)))
            backend.close()
        assert [cache.compiled for cache in compiled] == [1, 0]
        (kept,) = own_cache.rglob("*.kernels")
        kept.write_bytes(b"damaged")
        backend = TensorRTBackend(*write_engine(tmp_path, picture, flavor="tensorrt-rtx"))
        run(backend, picture, tilted((50, 40)))
        backend.close()
        assert compiled[-1].compiled == 1
        assert kept.read_bytes().startswith(b"kernels")

    def test_does_not_capture_what_it_says_it_can_not(
        self, rtx: SimpleNamespace, gpu: FakeCuda, tmp_path: Path, picture: Pixels, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(FakeContextRtx, "is_stream_capturable", lambda self, stream: False)
        backend = TensorRTBackend(*write_engine(tmp_path, picture, flavor="tensorrt-rtx"))
        for _ in range(2):
            assert np.array_equal(run(backend, picture, tilted((50, 40))), warp(picture, tilted((50, 40))))
        assert gpu.calls["cuStreamBeginCapture_v2"] == 0
        backend.close()


class TestVerify:
    def test_says_how_far_off_the_engine_is(self, trt: SimpleNamespace, tmp_path: Path, picture: Pixels) -> None:
        path, _ = write_engine(tmp_path, picture)
        assert verify(path) == 0

    def test_refuses_an_engine_that_computes_something_else(
        self, trt: SimpleNamespace, tmp_path: Path, picture: Pixels
    ) -> None:
        transform = Transform.resize((50, 40))
        for precision, off, allowed in (("fp32", 1, True), ("fp32", 2, False), ("fp16", 2, True), ("bf16", 3, False)):
            expected = warp(picture, transform)
            golden = Golden.of(transform, np.where(expected > 128, expected - off, expected + off).astype(np.uint8))
            path, _ = write_engine(tmp_path, picture, precision=precision, golden=[golden])
            if allowed:
                assert verify(path) == off
            else:
                with pytest.raises(UserError, match=f"{off} grey levels off, .* are allowed in {precision}"):
                    verify(path)

    def test_knows_nothing_where_the_engine_does_not_run(
        self, trt: SimpleNamespace, gpu: FakeCuda, tmp_path: Path, picture: Pixels, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path, sidecar = write_engine(tmp_path, picture, platforms=["sm_120"])
        assert verify(path) is None
        path, sidecar = write_engine(tmp_path, picture)
        outside = Transform.resize((200, 10))
        replace(sidecar, golden=[Golden.of(outside, warp(picture, outside))]).write(tmp_path)
        assert verify(path) is None
        about = Fixed((64, 56), (40, 30), Transform.resize((40, 30)).matrix.tolist())
        shapes = [TensorInfo("image", "uint8", [1, 56, 64, 3], "RGB")]
        replace(sidecar, fixed=about, inputs=shapes).write(tmp_path)
        assert verify(path) is None
        gpu.gpus = 0
        assert verify(path) is None

    def test_sees_engines_of_one_geometry_by_their_own_golden_output(
        self, trt: SimpleNamespace, tmp_path: Path, picture: Pixels
    ) -> None:
        height, width = picture.shape[:2]
        same, other = Transform.resize((width, height)), Transform.resize((40, 30))
        about = Fixed(same.size, same.size, same.matrix.tolist())
        shapes = [TensorInfo("image", "uint8", [1, height, width, 3], "RGB")]
        goldens = [Golden.of(same, picture), Golden.of(other, warp(picture, other))]
        options: dict[str, Any] = {"fixed": about, "inputs": shapes, "profiles": [], "golden": goldens}
        path, sidecar = write_engine(tmp_path, picture, model=fake_tensorrt.fixed_graph(width, height), **options)
        assert verify(path) == 0
        backend = TensorRTBackend(path, sidecar)
        assert backend.limits() == "frames of 64x56"
        with pytest.raises(UserError, match="frame 64x55 is not supported: this engine was built for frames of 64x56;"):
            backend.run(picture[1:], backend.prepare({}), np.empty_like(picture))
        backend.close()

    def test_needs_the_picture_that_was_trained_on(self, trt: SimpleNamespace, tmp_path: Path, picture: Pixels) -> None:
        path, _ = write_engine(tmp_path, picture)
        (tmp_path / "source.png").unlink()
        with pytest.raises(UserError, match=r"can't be checked: source.png is not in its folder"):
            verify(path)


@pytest.mark.slow
class TestExportedRuns:
    """A trained run's own graph, through the runtime's front door."""

    @pytest.fixture
    def exported(self, trt: SimpleNamespace, exported_run: Path, tmp_path: Path) -> Path:
        """A folder with model.onnx and a model.engine of it."""
        folder = Path(shutil.copytree(exported_run, tmp_path / "model"))
        write_engine_of(folder)
        return folder

    def test_give_what_another_backend_gives(self, exported: Path, gpu: FakeCuda, picture: Pixels) -> None:
        assert (verify(exported / "model.engine") or 0) < 1
        with Retargeter.open(exported / "model.engine", max_memory=1 << 20) as retargeter:
            reference = Retargeter.open(exported / "model.onnx", backend="onnxruntime")
            assert retargeter.describe().startswith("TensorRT 10.13.3.9, NVIDIA Fake 4090, fp32")
            for wanted in (
                tilted((90, 70)),
                Transform.resize((80, 56)),
                Transform.resize((150, 130)),
            ):  # the last in tiles
                off = np.abs(retargeter(transform=wanted).astype(int) - reference(transform=wanted))
                assert np.quantile(off, 0.999) <= 1
            frame = np.ascontiguousarray(picture[:, ::-1])
            image = retargeter(gpu.array(frame), size=(90, 70))
            off = np.abs(read(gpu, image).astype(int) - reference(frame, size=(90, 70)))
            assert np.quantile(off, 0.999) <= 1

    def test_with_their_picture_baked_in_take_geometry_alone(
        self, trt: SimpleNamespace, gpu: FakeCuda, picture: Pixels, tmp_path: Path
    ) -> None:
        untrained = write_run(tmp_path / "run", replace(SMOKE, stages=1, blocks=0), picture)
        export(read_run(untrained), tmp_path, ExportOptions(bake_source=True))
        path = write_engine_of(tmp_path)
        assert (verify(path) or 0) < 1
        with Retargeter.open(path) as retargeter:
            expected = load(untrained, "cpu").retarget(Transform.resize((90, 70))).picture
            for _ in range(2):
                off = np.abs(retargeter(size=(90, 70)).astype(int) - expected)
                assert np.quantile(off, 0.999) <= 1
        assert gpu.calls["cuGraphLaunch"]


def write_engine_of(folder: Path) -> Path:
    """FOLDER/model.engine of FOLDER/model.onnx, for frames and outputs of 16 to 160 px a side."""
    sidecar = read_sidecar(folder / "model.onnx")
    sizes = {
        tensor.name: [side if isinstance(side, int) else 1 if side == "N" else None for side in tensor.shape]
        for tensor in sidecar.inputs
    }
    profile = {name: [[side or pixels for side in shape] for pixels in (16, 64, 160)] for name, shape in sizes.items()}
    if "image" in profile:
        profile["image"] = [[1, *shape[2:], 3] for shape in profile["image"]]
    path = fake_tensorrt.write_file(folder, wrap_uint8(onnx.load(folder / "model.onnx")), [profile])
    about = EngineInfo("tensorrt", fake_tensorrt.VERSION, ["sm_89"], [profile])
    inputs = [replace(each, dtype="uint8") if each.name == "image" else each for each in sidecar.inputs]
    replace(sidecar, file=path.name, sha256=checksum(path), kind="engine", inputs=inputs, engine=about).write(folder)
    return path
