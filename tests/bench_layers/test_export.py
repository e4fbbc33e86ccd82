"""`bench export`: every file made anew, and what can't be made is told."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ingan_fast.bench import export
from ingan_fast.bench.export import BF16, ENGINE, ONNX, PACKAGE, PLAIN, ExportRequest
from ingan_fast.errors import UserError
from ingan_fast.pictures import Pixels
from ingan_fast.runtime.engine_cache import VARIABLE

Make = Callable[[Path], Path]
REQUEST = ExportRequest(("smoke", "learned"), ("smoke",), 2)


def write(size: int) -> Make:
    def make(folder: Path) -> Path:
        (folder / "model.onnx").write_bytes(bytes(size))
        return folder / "model.onnx"

    return make


def refuse(folder: Path) -> Path:
    raise UserError("the exported file is wrong")


@pytest.fixture
def makers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Make]:
    """What is made instead of models; all that is needed is there."""
    makers = {name: write(count) for count, name in enumerate((PLAIN, ONNX, BF16, PACKAGE, ENGINE), start=100)}

    def without(run: Path, kept: Path, without: dict[str, str]) -> dict[str, Make]:
        return {name: make for name, make in makers.items() if name not in without}

    monkeypatch.setattr(export, "_makers", without)
    monkeypatch.setattr(export, "_missing", lambda: {})
    monkeypatch.setattr(export, "_plain", lambda run, folder: folder)
    monkeypatch.setattr(export, "write_run", lambda folder, name, picture: None)
    return makers


def test_every_file_has_a_time_and_a_size(picture: Pixels, makers: dict[str, Make]) -> None:
    results = export.measure(REQUEST, picture, lambda: None)
    rows = {(row.case, row.name): row for row in results.rows}
    assert list(rows)[:5] == [("preset smoke", name) for name in (PLAIN, ONNX, BF16, PACKAGE, ENGINE)]
    assert rows["preset smoke", ENGINE].details == {"file_bytes": 104}
    for row in results.rows:
        assert row.milliseconds is not None
        assert row.peak_memory_bytes
        assert (row.baseline == PLAIN) == (row.name in (PLAIN, ONNX))


def test_packages_are_compiled_of_what_was_asked_for(picture: Pixels, makers: dict[str, Make]) -> None:
    results = export.measure(REQUEST, picture, lambda: None)
    assert [row.case for row in results.rows if row.name == PACKAGE] == ["preset smoke"]
    assert results.details["not_measured"] == ["pt2 fp32 of preset learned: not asked for"]


def test_nothing_is_taken_from_an_earlier_build(
    picture: Pixels, makers: dict[str, Make], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "mine")
    monkeypatch.delenv(export.COMPILED, raising=False)
    seen: list[str] = []

    def look(folder: Path) -> Path:
        kept = [Path(os.environ[name]) for name in (VARIABLE, export.COMPILED)]
        assert [list(each.iterdir()) for each in (folder, *kept)] == [[], [], []]
        for each in kept:
            (each / "built").write_text("")
        seen.append(os.environ[VARIABLE])
        return write(1)(folder)

    makers |= dict.fromkeys(makers, look)
    export.measure(ExportRequest(("smoke",), ("smoke",), 2), picture, lambda: None)
    assert len(seen) == 10
    assert os.environ[VARIABLE] == "mine"
    assert export.COMPILED not in os.environ


def test_a_file_that_is_refused_has_no_time(picture: Pixels, makers: dict[str, Make]) -> None:
    makers[BF16] = makers[PLAIN] = refuse
    results = export.measure(ExportRequest(("smoke",), (), 1), picture, lambda: None)
    assert results.errors == [f"preset smoke, {name}: the exported file is wrong" for name in (PLAIN, BF16)]
    assert next(row for row in results.rows if row.name == ONNX).baseline is None


def test_what_is_not_installed_is_left_out_and_told(
    picture: Pixels, makers: dict[str, Make], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "_missing", lambda: {ENGINE: "TensorRT is not installed", PACKAGE: "no compiler"})
    advanced: list[None] = []
    results = export.measure(REQUEST, picture, lambda: advanced.append(None))
    assert {row.name for row in results.rows} == {PLAIN, ONNX, BF16}
    assert results.details["not_measured"] == ["TensorRT engine: TensorRT is not installed", "pt2 fp32: no compiler"]
    assert results.errors == []
    assert len(advanced) == export.steps(REQUEST)


def test_tensorrt_that_is_missing_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(flavor: str) -> None:
        raise UserError("TensorRT is not installed; pip install it")

    monkeypatch.setattr(export, "load_bindings", missing)
    assert export._missing()[ENGINE] == "TensorRT is not installed; pip install it"


def test_progress_ends_at_its_total(picture: Pixels, makers: dict[str, Make]) -> None:
    advanced: list[None] = []
    export.measure(REQUEST, picture, lambda: advanced.append(None))
    assert len(advanced) == export.steps(REQUEST) == 1 + 2 * 9


@pytest.mark.slow
def test_torchs_exporter_alone_writes_the_same_graph(models: dict[str, Path], tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    ours = models["onnxruntime"]
    plain = export._plain(ours.parents[1] / "run", tmp_path)
    sessions = [onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]) for path in (ours, plain)]
    rng = np.random.default_rng(0)
    inputs = {
        "image": rng.uniform(-1, 1, (1, 3, 40, 56)).astype(np.float32),
        "grid": rng.uniform(-1, 1, (1, 48, 64, 2)).astype(np.float32),
    }
    names = [[each.name for each in session.get_inputs()] for session in sessions]
    results = [
        session.run(None, dict(zip(order, inputs.values(), strict=True)))[0]
        for session, order in zip(sessions, names, strict=True)
    ]
    np.testing.assert_allclose(results[0], results[1], atol=1e-4)
