"""Shared fixtures: one thread, a small picture, a small finished run, the command line."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is imported
os.environ["OMP_NUM_THREADS"] = "1"  # for processes that tests start: bytes depend on the number of threads

import gc
import importlib
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ingan_fast import cli, export, train
from ingan_fast.pictures import Pixels, save_image
from made_once import made_once
from trainings import calibrate_quickly, leave_unwatched, run

gc.disable()  # until all tests are collected
torch.set_num_threads(1)
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs start with it ignored


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Every test leaves torch the one thread that it found: others would be slower with more, or go another way."""
    yield
    assert torch.get_num_threads() == 1


@pytest.fixture(scope="session")
def picture() -> Pixels:
    """Coloured dots on a gradient with a little grain, uint8 [56, 64, 3]: no two rows or columns alike."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:56, 0:64].astype(float)
    rgb = np.stack([x * 3, y * 4, 220 - x - 2 * y], axis=-1)
    for index, (row, column) in enumerate(np.ndindex(4, 5)):
        inside = (x - 6 - 13 * column) ** 2 + (y - 7 - 14 * row) ** 2 < 20
        rgb[inside] = ((250, 40, 30), (30, 60, 240), (240, 220, 40))[index % 3]
    return (rgb + rng.uniform(0, 10, rgb.shape)).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def picture_path(picture: Pixels, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`picture` as a PNG file; read-only."""
    path = tmp_path_factory.mktemp("pictures") / "dots.png"
    save_image(picture, path)
    return path


@pytest.fixture(scope="session")
def trained_run(picture_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished smoke training of `picture`; read-only (see `run_copy`)."""
    return made_once(
        tmp_path_factory, "dots", lambda path: train(picture_path, path, preset_name="smoke", device="cpu")
    )


@pytest.fixture(scope="session")
def exported_run(trained_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of `trained_run` as an exported model, model.onnx; read-only."""
    return made_once(tmp_path_factory, "exported_dots", lambda path: export(trained_run, path))


@pytest.fixture
def run_copy(trained_run: Path, tmp_path: Path) -> Path:
    """A copy of `trained_run` that a test may modify."""
    return Path(shutil.copytree(trained_run, tmp_path / "run"))


@dataclass(frozen=True)
class Ended:
    """How one call of the command ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture
def ingan_fast(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    """Runs `ingan-fast` with arguments in this process, in an empty working folder."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")

    def command(*words: object) -> Ended:
        monkeypatch.setattr("sys.argv", ["ingan-fast", *map(str, words)])
        capsys.readouterr()
        code: Any = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code or 0
        return Ended(code, *capsys.readouterr())

    return command


@pytest.fixture
def refused(ingan_fast: Command) -> Callable[..., None]:
    """Asserts that a call fails with one line that contains `parts`, and leaves no file."""

    def call(*words: object, parts: tuple[str, ...] = (), code: int = 2) -> None:
        before = {path: path.stat().st_mtime_ns for path in Path.cwd().rglob("*")}
        ended = ingan_fast(*words)
        assert ended.code == code, ended
        assert ended.out == ""
        assert len(ended.err.splitlines()) == 1, ended.err
        assert ended.err.startswith("ingan-fast: ")
        assert "Traceback" not in ended.err
        for part in parts:
            assert part in ended.err
        assert {path: path.stat().st_mtime_ns for path in Path.cwd().rglob("*")} == before

    return call


@pytest.fixture(scope="session")
def uninterrupted(picture_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An uninterrupted training with `SETTINGS` and a quick calibration; read-only."""
    with pytest.MonkeyPatch.context() as patch:
        calibrate_quickly(patch)
        return made_once(tmp_path_factory, "uninterrupted", lambda path: run(picture_path, path))


@pytest.fixture
def unwatched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings of this test neither judge nor plot; fixtures that are shared, such as `trained_run`, do both."""
    leave_unwatched(monkeypatch)


@pytest.fixture
def quick_calibration() -> Iterator[None]:
    """Trainings of this test measure the norms' statistics with few draws, also after `monkeypatch.undo`."""
    with pytest.MonkeyPatch.context() as patch:
        calibrate_quickly(patch)
        yield


# Files that take longest, in about this order. They start first, so that no pytest-xdist worker waits for the other's
# last file. Those that need the same exports are apart, because a worker waits while another one makes them.
LONGEST = (
    "test_bench_gpu.py",
    "export/test_onnx_file.py",
    "test_bench.py",
    "export/test_package.py",
    "baselines/test_methods.py",
    "kernels/test_interpreted.py",
    "figures/test_figures.py",
    "studio/page/test_tools.py",
    "test_wheel.py",
    "training/test_resuming.py",
    "studio/test_jobs.py",
    "quality/test_agreement.py",
    "export/test_engine.py",
    "cli/test_evaluate.py",
    "studio/test_training.py",
    "training/test_early_stop.py",
    "training/test_loop.py",
    "layout/test_layouts.py",
    "bench_layers/test_export.py",
    "cli/test_export.py",
    "quality/test_same_source.py",
    "batch/test_ray.py",
    "runtime/test_libraries.py",
    "runtime/test_tensorrt_engine.py",
    "training/test_budget.py",
    "test_public_api.py",
    "cli/test_train.py",
    "model/test_precision.py",
    "training/test_grey.py",
    "batch/test_training.py",
    "cli/test_train_plan.py",
    "hosts/comfyui/test_learned.py",
    "bench_layers/test_conditions.py",
    "cli/test_bench.py",
)
PAGE = "tests/studio/page/"


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_auto_num_workers() -> int:
    """`-n auto`: one more than cores, because tests of the page and of commands wait for other processes."""
    return len(os.sched_getaffinity(0)) + 1 if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1) + 1


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """`--dist loadfile`, where the tests of the page count as one file: they share a browser and a studio."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return PAGE if nodeid.startswith(PAGE) else str(super()._split_scope(nodeid))

    return Scheduling(config, log)


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config.option, "loadscopereorder"):  # of pytest-xdist: files with most tests first
        config.option.loadscopereorder = False


def pytest_collection_finish() -> None:
    """Modules and tests live until the end: the garbage collector need not look through them again and again."""
    importlib.import_module("torch._dynamo")  # whole, before a test that stands in for a GPU lets it fail halfway
    gc.freeze()
    gc.enable()


def pytest_unconfigure() -> None:
    gc.unfreeze()  # libraries complain of what is left when the process ends


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if "PYTEST_XDIST_WORKER" in os.environ:
        place = {Path(__file__).parent / name: index for index, name in enumerate(LONGEST)}
        items.sort(key=lambda item: place.get(item.path, len(place)))
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))
