"""The script of `make bench-gpu`, on a CPU."""

import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from ingan_fast import cli

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


@pytest.fixture
def patient(stages: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stage's time begins with its first output: on a busy machine Python takes seconds to start."""
    module = sys.modules[type(stages).__module__]
    wait = module._wait

    def wait_for_output(process: Any, limit: float, grace: float) -> Any:
        (running,) = tmp_path.glob("*.running")
        while process.poll() is None and not running.read_text():
            time.sleep(0.01)
        return wait(process, limit, grace)

    monkeypatch.setattr(module, "_wait", wait_for_output)


def call(*words: object) -> subprocess.CompletedProcess[str]:
    # The script finds its parts beside itself, which PYTHONSAFEPATH (`make test-oldest`) would forbid.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    command = [sys.executable, str(SCRIPT), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


@pytest.mark.skipif(torch.cuda.is_available(), reason="has a CUDA device")
def test_without_a_gpu_it_says_so_in_a_line_and_does_nothing(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench_gpu", "--out", str(tmp_path / "results")])
    assert script.main() == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert len(told.err.splitlines()) == 1
    assert "no CUDA device" in told.err
    assert not (tmp_path / "results").exists()


def test_without_what_benchmarks_need_nothing_is_begun(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "msgspec" else find(name))
    refusal = script.check_device("cpu")
    assert "has no msgspec" in refusal
    assert "PYTHONPATH" in refusal


def test_a_stage_is_recorded_with_the_end_of_its_output(stages: Any, tmp_path: Path) -> None:
    record = stages.run("count", "-c", f"for i in range(200): print({str(stages.work)!r} + '/line', i)")
    assert (record["status"], record["code"], record["last_line"]) == ("ok", 0, "line 199")
    log = (tmp_path / "log.txt").read_text()
    assert "line 140\n" in log
    assert "line 49\n" not in log
    assert json.loads((tmp_path / "results.json").read_text())["stages"] == [record]
    assert str(stages.work) not in log + json.dumps(record)


def test_a_failing_stage_keeps_no_other_from_running(stages: Any) -> None:
    stages.run("fails", "-c", "import sys; sys.exit(3)")
    stages.run("runs", "-c", "print('fine')")
    assert [(one["status"], one["code"]) for one in stages.results["stages"]] == [("failed", 3), ("ok", 0)]


@pytest.mark.usefixtures("patient")
def test_a_stage_that_takes_too_long_is_ended_with_its_children(stages: Any) -> None:
    child = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])"
    record = stages.run("hangs", "-c", f"{child}; print('began', flush=True); time.sleep(60)", limit=0.5)
    assert (record["status"], record["code"], record["last_line"]) == ("out of time", None, "began")
    assert record["seconds"] < 30


@pytest.mark.usefixtures("patient")
def test_a_training_may_save_itself_when_its_time_is_over(stages: Any) -> None:
    code = (
        "import time\ntry:\n  print('began', flush=True)\n  time.sleep(60)\nexcept KeyboardInterrupt:\n  print('saved')"
    )
    record = stages.run("training", "-c", code, limit=30.5, grace=30.0)
    assert (record["status"], record["last_line"]) == ("out of time", "saved")


def test_without_time_a_stage_is_skipped(stages: Any) -> None:
    assert stages.run("late", "-c", "print(1)", reserve=61.0)["status"] == "skipped"
    assert stages.left() > 30


def test_a_training_takes_the_time_that_is_left(
    script: ModuleType, stages: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import gpu_training

    commands: list[list[str]] = []
    monkeypatch.setattr(stages, "run", lambda name, *words, **limits: commands.append([*map(str, words)]))
    monkeypatch.setattr(stages, "left", lambda: 300.0)
    stages.results["trainings"] = {}
    gpu_training.run_training(stages, "cuda", gpu_training.Training("one", ("--preset", "learned")))
    left = 300 - gpu_training.PICTURES - gpu_training.EVALUATE
    assert commands[0][-4:] == ["--preset", "learned", "--budget", f"{0.9 * left:.0f}s"]


def test_packages_that_the_caller_brought_along_are_still_found(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "carried.py").write_text("")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    stages = script.Stages(1.0, tmp_path, tmp_path)
    assert stages.run("import", "-c", "import carried")["status"] == "ok"


def test_a_kill_of_the_script_loses_no_line_of_a_stage(tmp_path: Path) -> None:
    code = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(SCRIPT.parent)!r})
from stages import Stages
folder = Path({str(tmp_path)!r})
Stages(1.0, folder, folder).run("slow one", "-c", "import time; print('found', flush=True); time.sleep(60)")
"""
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        running, deadline = tmp_path / "slow_one.running", time.monotonic() + 30
        while not (running.exists() and running.read_text()) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.kill()
    assert running.read_text() == "found\n"
    for line in subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True).stdout.splitlines():
        if "print('found', flush=True)" in line and "from stages" not in line:
            os.kill(int(line.split()[0]), signal.SIGKILL)  # the stage outlives its parent


def test_stages_can_run_side_by_side(stages: Any) -> None:
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda number: stages.run(f"stage {number}", "-c", f"print({number})"), range(3)))
    assert sorted((one["name"], one["last_line"]) for one in stages.results["stages"]) == [
        ("stage 0", "0"), ("stage 1", "1"), ("stage 2", "2")
    ]  # fmt: skip


def test_large_pictures_are_kept_as_jpeg(
    script: ModuleType, picture_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import gpu_training

    gpu_training.keep(picture_path, tmp_path, "paper_sheet.png")
    assert (tmp_path / "paper_sheet.png").read_bytes() == picture_path.read_bytes()
    monkeypatch.setattr(gpu_training, "LARGEST", 10)
    gpu_training.keep(picture_path, tmp_path, "paper_sheet.png")
    assert (tmp_path / "paper_sheet.jpg").is_file()


def test_the_package_is_what_the_stages_run(script: ModuleType, stages: Any) -> None:
    assert script.install(stages)
    assert stages.results["stages"][-1]["last_line"].startswith("ingan-fast ")
    where = stages.run("where", "-c", "import ingan_fast.kernels as k; print(k.__file__)")
    assert where["last_line"] == "installed/ingan_fast/kernels/__init__.py"


def test_tests_alone_are_run_and_leave_two_files(tmp_path: Path) -> None:
    done = call("--device", "cpu", "--stages", "tests", "--out", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr + (tmp_path / "log.txt").read_text()
    assert {path.name for path in tmp_path.iterdir()} == {"results.json", "log.txt"}
    records = json.loads((tmp_path / "results.json").read_text())["stages"]
    assert [record["name"] for record in records] == ["version", "tests"]
    assert "skipped" in records[1]["last_line"]


def run_here(stages: Any, name: str, *words: object, **_: object) -> dict[str, Any]:
    """Instead of `Stages.run`: in this process, because importing torch takes longer than most stages on a CPU."""
    way, *given = map(str, words)
    with pytest.MonkeyPatch.context() as patch:
        if way == "-m" and given[0] == "ingan_fast":
            patch.setattr(sys, "argv", given)
            with pytest.raises(SystemExit, match=r"^(0|None)$"):
                cli.main()
        elif way == "-c":
            patch.setattr(sys, "argv", given)
            exec(given[0], {})
        elif way != "-m":
            patch.setattr(sys, "argv", [way, *given])
            assert importlib.import_module(Path(way).stem).main() == 0
    record: dict[str, Any] = {"name": name, "command": ""}
    stages.results["stages"].append(record)
    stages._complete(record, "ok", 0, 0.0, "")
    return record


@pytest.mark.slow
@pytest.mark.usefixtures("quick_calibration")
def test_all_stages_run_on_a_cpu_and_leave_few_files(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script.Stages, "run", run_here)
    monkeypatch.setattr(sys, "argv", ["bench_gpu", "--device", "cpu", "--minutes", "10", "--out", str(tmp_path)])
    assert script.main() == 0
    pictures = {"smoke_sheet.png", "smoke_losses.png", "smoke_quality.png"}
    assert {path.name for path in tmp_path.iterdir()} == {"results.json", "log.txt", *pictures}
    assert all(path.stat().st_size <= 2_000_000 for path in tmp_path.iterdir())
    results = json.loads((tmp_path / "results.json").read_text())
    ran = [record["name"] for record in results["stages"]]
    assert ran[:5] == ["version", "probe", "warp", "train", "frames"]
    assert set(ran[5:]) == {"tests", "training smoke", "pictures smoke", "evaluate smoke"}
    assert [one["benchmark"] for one in (*results["warp"], *results["train"])] == ["warp", "train"]
    rows = results["frames"]
    assert [(row["kind"], row["way"]) for row in rows[:2]] == [("frames", "graphs"), ("frames", "graphs, plain")]
    assert all(row["off_most"] <= 1 for row in rows[:2])
    assert [(row["kind"], row["frames"]) for row in rows[2:4]] == [("latency", 4), ("alternating", 4)]
    assert rows[4]["kernels"][0]["milliseconds"] > 0
    assert results["trainings"]["smoke"]["last"][0]["iteration"] == 4
    assert len(results["trainings"]["smoke"]["outputs"]) == 4
