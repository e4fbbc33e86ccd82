"""The script of `make bench-gpu`, on a CPU."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "bench_gpu.py"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(SCRIPT.parent)
    import bench_gpu

    return bench_gpu


@pytest.fixture
def stages(script: ModuleType, tmp_path: Path) -> Iterator[Any]:
    with tempfile.TemporaryDirectory() as work:
        yield script.Stages(1.0, tmp_path, Path(work).resolve())


def call(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SCRIPT), *map(str, words)], capture_output=True, text=True)


@pytest.mark.skipif(torch.cuda.is_available(), reason="has a CUDA device")
def test_without_a_gpu_it_says_so_in_a_line_and_does_nothing(tmp_path: Path) -> None:
    done = call("--out", tmp_path / "results")
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "no CUDA device" in done.stderr
    assert not (tmp_path / "results").exists()


def test_a_stage_is_recorded_with_the_end_of_its_output(stages: Any, tmp_path: Path) -> None:
    record = stages.run("count", "-c", f"for i in range(100): print({str(stages.work)!r} + '/line', i)")
    assert (record["status"], record["code"], record["last_line"]) == ("ok", 0, "line 99")
    log = (tmp_path / "log.txt").read_text()
    assert "line 40\n" in log
    assert "line 39\n" not in log
    assert json.loads((tmp_path / "results.json").read_text())["stages"] == [record]
    assert str(stages.work) not in log + json.dumps(record)


def test_a_failing_stage_keeps_no_other_from_running(stages: Any) -> None:
    stages.run("fails", "-c", "import sys; sys.exit(3)")
    stages.run("runs", "-c", "print('fine')")
    assert [(one["status"], one["code"]) for one in stages.results["stages"]] == [("failed", 3), ("ok", 0)]


def test_a_stage_that_takes_too_long_is_ended_with_its_children(stages: Any) -> None:
    child = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])"
    record = stages.run("hangs", "-c", f"{child}; print('began', flush=True); time.sleep(60)", limit=2.0)
    assert (record["status"], record["code"], record["last_line"]) == ("out of time", None, "began")
    assert record["seconds"] < 30


def test_a_training_may_save_itself_when_its_time_is_over(stages: Any) -> None:
    code = "import time\ntry:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    print('saved')"
    record = stages.run("training", "-c", code, limit=12.0, grace=10.0)
    assert (record["status"], record["last_line"]) == ("out of time", "saved")


def test_without_time_a_stage_is_skipped(stages: Any) -> None:
    assert stages.run("late", "-c", "print(1)", reserve=61.0)["status"] == "skipped"
    assert stages.left() > 30


def report(**means: float) -> dict[str, Any]:
    rows: list[dict[str, Any]] = [
        {"name": name, "milliseconds": {"mean": mean}, "details": {"warm_up_seconds": 10.0}}
        for name, mean in means.items()
    ]
    rows.append({"name": "compile", "milliseconds": None, "error": "wrong result"})
    return {"rows": rows, "details": {"draw_milliseconds": {"mean": 1.0}}}


def test_a_training_is_as_long_as_the_time_that_is_left(script: ModuleType) -> None:
    options = script.length(report(graphs=9.0, eager=80.0, plain=5.0), 100.0)
    assert options[:4] == ["--engine", "graphs", "--iterations", "6500"]  # (0.85 · 100 − 2 · 10) s at 10 ms
    assert options[4:6] == ["--set", "preview_every=1625"]
    assert script.length(report(graphs=9.0), 1000.0)[3] == "20000"
    assert script.length(report(graphs=9.0), 5.0)[3] == "200"
    for nothing in (None, report(), report(plain=5.0)):
        assert script.length(nothing, 100.0) == ["--iterations", "20000"]


def test_large_pictures_are_kept_as_jpeg(script: ModuleType, picture_path: Path, tmp_path: Path) -> None:
    script.keep(picture_path, tmp_path)
    assert (tmp_path / picture_path.name).read_bytes() == picture_path.read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(script, "LARGEST", 10)
        script.keep(picture_path, tmp_path)
    assert (tmp_path / f"{picture_path.stem}.jpg").is_file()


def test_where_pip_fails_the_package_is_copied(
    script: ModuleType, stages: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = stages.run

    def without_pip(name: str, *words: Any, **options: Any) -> Any:
        return real(name, *(("-c", "import sys; sys.exit(1)") if name == "install" else words), **options)

    monkeypatch.setattr(stages, "run", without_pip)
    assert script.install(stages)
    assert stages.results["stages"][-1]["last_line"].startswith("ingan-fast ")
    where = stages.run("where", "-c", "import ingan_fast.kernels as k; print(k.__file__)")
    assert where["last_line"] == "installed/ingan_fast/kernels/__init__.py"


@pytest.mark.slow
def test_all_stages_run_on_a_cpu_and_leave_few_files(tmp_path: Path) -> None:
    done = call("--device", "cpu", "--minutes", 10, "--out", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr + (tmp_path / "log.txt").read_text()
    names = {"results.json", "log.txt", "sheet.png", "latest.png", "losses.png", "quality.png"}
    assert {path.name for path in tmp_path.iterdir()} == names
    assert all(path.stat().st_size <= 2_000_000 for path in tmp_path.iterdir())
    results = json.loads((tmp_path / "results.json").read_text())
    ran = [record["name"] for record in results["stages"]]
    assert ran == [
        "install", "version", "tests", "warp", "train", "more warps", "training", "pictures", "evaluate"
    ]  # fmt: skip
    assert [one["benchmark"] for one in (*results["warp"], results["train"])] == ["warp", "warp", "train"]
    assert results["training"][0]["iteration"] == 12
    assert len(results["evaluation"]) == 4
