"""Real engines of TensorRT, of whatever flavour is installed, on a real GPU; skipped where there is none."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from ingan_fast.errors import UserError
from ingan_fast.export.engine import build_engine
from ingan_fast.export.run import ExportOptions, export
from ingan_fast.geometry import Transform
from ingan_fast.pictures import Pixels
from ingan_fast.runtime import Retargeter
from ingan_fast.runtime.backends.tensorrt import verify
from ingan_fast.training.trained import read_run

# Skipped before any fixture is made: without TensorRT there is no reason to train a run.
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        not any(map(importlib.util.find_spec, ("tensorrt", "tensorrt_rtx"))), reason="TensorRT is not installed"
    ),
]

SIZES = [(90, 70), (64, 56), (121, 93)]


@pytest.fixture(scope="module")
def engine(trained_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("engine")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INGAN_FAST_CACHE", str(folder / "cache"))
        export(read_run(trained_run), folder, ExportOptions())
        try:
            return build_engine(folder / "model.onnx")
        except UserError as error:
            if "is not installed" in str(error):
                pytest.skip(str(error))
            raise


@pytest.fixture
def retargeter(engine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Retargeter]:
    monkeypatch.setenv("INGAN_FAST_CACHE", str(tmp_path / "cache"))
    with Retargeter.open(engine) as opened:
        yield opened


@pytest.fixture(scope="module")
def reference(trained_run: Path) -> Retargeter:
    return Retargeter.open(trained_run, device="cpu")


def off(a: Pixels, b: Pixels) -> float:
    return float(np.quantile(np.abs(a.astype(int) - b), 0.999))


def test_the_engine_gives_its_golden_outputs(engine: Path) -> None:
    error = verify(engine)
    assert error is not None
    assert error <= 1


def test_host_frames_of_several_sizes_in_turn(retargeter: Retargeter, reference: Retargeter) -> None:
    for _ in range(3):
        for size in SIZES:
            assert off(retargeter(size=size), reference(size=size)) <= 1


def test_shapes_are_captured_as_graphs(retargeter: Retargeter) -> None:
    for size in SIZES:
        retargeter(size=size)
    plans = retargeter._backend._plans.values()  # type: ignore[attr-defined]
    assert [plan._graph is not None for plan in plans] == [True] * len(SIZES)


@pytest.mark.parametrize("own_stream", [False, True])
def test_frames_on_the_device_stay_there(
    retargeter: Retargeter, reference: Retargeter, picture: Pixels, own_stream: bool
) -> None:
    stream = torch.cuda.Stream() if own_stream else torch.cuda.current_stream()
    with torch.cuda.stream(stream):
        for turn in range(4):
            pixels = np.ascontiguousarray(np.roll(picture, turn, axis=1))
            frame = torch.from_numpy(pixels).cuda(non_blocking=True)
            result = torch.from_dlpack(retargeter(frame, size=(90, 70), stream=stream))
            expected = reference(pixels, size=(90, 70))
            assert off(result.cpu().numpy(), expected) <= 1
            out = torch.empty(70, 90, 3, dtype=torch.uint8, device="cuda")
            assert retargeter(frame, size=(90, 70), out=out, stream=stream) is out
            assert off(out.cpu().numpy(), expected) <= 1


def test_geometry_that_moves_needs_no_more_memory(retargeter: Retargeter, picture: Pixels) -> None:
    frame = torch.from_numpy(picture).cuda()

    def frames(count: int) -> None:
        for index in range(count):
            corners = [(index % 20, 0), (90, 5), (90, 70), (0, 70)]
            retargeter(frame, transform=Transform.from_corners(corners, (90, 70)))

    frames(200)
    torch.cuda.synchronize()
    before = torch.cuda.mem_get_info()[0]
    frames(200)
    torch.cuda.synchronize()
    assert torch.cuda.mem_get_info()[0] == before
