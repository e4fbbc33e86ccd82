"""Micro-benchmarks of the parts on a CPU with pytest-benchmark: `make bench-micro`.

They show what a change does to one part, in a minute; no time is asserted. `ingan-fast bench` measures more: baselines
in turns, GPUs, memory, ceilings.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from ingan_fast import Retargeter, export
from ingan_fast.bench.models import installed, write_run
from ingan_fast.geometry import Transform
from ingan_fast.kernels import grid_warp
from ingan_fast.layout import Layouts
from ingan_fast.model.sampling import Sampler
from ingan_fast.model.state import TrainingState
from ingan_fast.model.step import training_step
from ingan_fast.pictures import MARKET, Pixels, fit_within, load_image
from ingan_fast.settings import SMOKE

BACKENDS = ("torch", "onnxruntime", "openvino")
CPU = torch.device("cpu")
TILTED = Transform.from_corners([(20, 0), (300, 20), (320, 200), (0, 180)], (320, 200))


@pytest.fixture(scope="module")
def picture() -> Pixels:
    return np.ascontiguousarray(fit_within(load_image(MARKET), 256))


@pytest.mark.parametrize("ways", ["forward", "both ways"])
def test_warp(benchmark: BenchmarkFixture, ways: str) -> None:
    features = torch.randn(1, 160, 256, 64).permute(0, 3, 1, 2).requires_grad_(ways == "both ways")
    grid = torch.from_numpy(TILTED.grid())[None]

    def warp() -> torch.Tensor:
        warped = grid_warp(features, grid)
        return torch.autograd.grad(warped.sum(), features)[0] if features.requires_grad else warped

    assert benchmark(warp).isfinite().all()


def test_layout_solve(benchmark: BenchmarkFixture, picture: Pixels) -> None:
    """From the picture to a layout of 1.5 times its width."""
    size = picture.shape[1] * 3 // 2, picture.shape[0]
    assert benchmark(lambda: Layouts(picture).lay_out(size)) is not None


def test_layout_draw(benchmark: BenchmarkFixture, picture: Pixels) -> None:
    size = picture.shape[1] * 3 // 2, picture.shape[0]
    layout = Layouts(picture).lay_out(size)
    assert benchmark(layout.draw, picture).shape == (*size[::-1], 3)


def test_training_step(benchmark: BenchmarkFixture, picture: Pixels) -> None:
    """One iteration of `smoke` with crops of 128 px, on the same draw."""
    settings = replace(SMOKE, crop=128)
    state = TrainingState(settings, 0, CPU)
    state.set_schedules()
    draw = Sampler([picture], settings, 0, CPU).draw(0)
    assert benchmark(training_step, state, draw).isfinite().all()


@pytest.fixture(scope="module")
def models(picture: Pixels, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run with random weights, and its exported model."""
    folder = tmp_path_factory.mktemp("models")
    write_run(folder / "run", "smoke", picture)
    model = export(folder / "run", folder / "model").path
    return {name: folder / "run" if name == "torch" else model for name in BACKENDS}


@pytest.mark.parametrize("backend", BACKENDS)
def test_output(benchmark: BenchmarkFixture, models: dict[str, Path], backend: str) -> None:
    """One output of 320x200, uint8 to uint8."""
    if backend not in installed((backend,)):
        pytest.skip(f"{backend} is not installed")
    with Retargeter.open(models[backend], "cpu", backend) as retargeter:
        assert benchmark(retargeter, size=(320, 200)).shape == (200, 320, 3)
