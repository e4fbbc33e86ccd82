"""All measurements for a CUDA machine in one command; needs no network, installs only into a temporary folder.

    python3 benchmarks/bench_gpu.py [--minutes 9] [--out FOLDER] [--stages probe warp train frames tests training]

Installs this checkout without its dependencies into a temporary folder. A probe first shows within a minute what works;
then come the benchmarks of the warp, of training iterations and of frames per second. The remaining time is shared by
untimed work: the tests that need a GPU, and two trainings, retargeted and evaluated. Every stage is a process with a
time limit; a failing one is recorded and does not stop the others. results.json is written after each. `--device cpu`
runs the same stages on tiny inputs, to test the script.

It uses the running Python, which needs torch and the dependencies in pyproject.toml; this file needs only the standard
library.
"""

import argparse
import importlib.util
import json
import os
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gpu_training import EVALUATE, PICTURES, TRAININGS, run_training
from stages import ROOT, Stages

NAMES = ("probe", "warp", "train", "frames", "tests", "training")
# Maximum seconds per stage; a training takes the rest.
LIMITS = {
    "install": 60,
    "probe": 100,
    "tests": 180,
    "large tests": 60,
    "warp": 60,
    "train": 60,
    "frames": 60,
}
LEAST_TRAINING = {"cuda": 150, "cpu": 0}  # seconds reserved for a training when earlier stages take long

# Arguments of `ingan-fast bench warp`: the target case in the training's precision and in float32.
WARPS = {
    "cuda": tuple(
        ("--size", "640x480", "--channels", "64", "--dtype", dtype, "--no-compile") for dtype in ("bfloat16", "float32")
    ),
    "cpu": (("--size", "64x48", "--channels", "8", "--repeat", "2"),),
}
# Arguments of `ingan-fast bench train`, one process each, starting with the default engine.
TRAINS = {
    "cuda": (
        ("--preset", "paper", "--crop", "256", "--iterations", "60", "--engine", "graphs", "--no-plain"),
        ("--preset", "paper", "--crop", "256", "--iterations", "20", "--engine", "eager", "--plain"),
    ),
    "cpu": (("--preset", "smoke", "--iterations", "2", "--no-conditions"),),
}
SINGLE_FRAMES = {
    "cuda": ("--latency", "640x480", "--alternate", "640x480", "800x600", "960x540", "480x640", "--profile", "640x480"),
    "cpu": ("--latency", "64x48", "--alternate", "64x48", "72x56", "--profile", "64x48"),
}
TWO_WAYS = ("--way", "graphs", "graphs, plain")
FRAMES = {
    "cuda": (
        ("--preset", "paper", "--size", "640x480", "1920x1080", "3840x2160", *TWO_WAYS, *SINGLE_FRAMES["cuda"]),
        ("--preset", "learned", "--size", "640x480", "1920x1080", *TWO_WAYS),
        ("--preset", "paper", "--size", "640x480", "--way", "graphs, tuned", "compiled, graphs"),
    ),
    "cpu": (("--preset", "smoke", "--size", "64x48", *TWO_WAYS, *SINGLE_FRAMES["cpu"]),),
}


def install(stages: Stages) -> bool:
    """Install the checkout's package into the folder `installed`; returns whether it can be used."""
    copy_package(stages.work / "installed")
    return stages.run("version", "-m", "ingan_fast", "--version", limit=LIMITS["install"])["status"] == "ok"


def copy_package(target: Path) -> None:
    """Copy the package with its benchmarks, and the metadata it needs."""
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "ingan_fast", target / "ingan_fast", ignore=ignore)
    for part in ("kernels", "export"):
        shutil.copytree(ROOT / part, target / "ingan_fast" / part, ignore=ignore)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    metadata = target / f"ingan_fast-{project['version']}.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")


def run_tests(stages: Stages, device: str) -> None:
    """Run the tests that need a GPU; those that need much of its memory run separately, one at a time."""
    files = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("test_*.py") if _needs_gpu(path))
    kinds = [("tests", "gpu and not large", "8"), ("large tests", "gpu and large", "0")]
    if device == "cpu":  # where all are skipped, after their modules were imported
        files, kinds = files[:1], kinds[:1]
    for name, mark, workers in kinds:
        options = ["-m", mark, "-vv", "--tb=short", "-rfE", "--continue-on-collection-errors", "-p", "no:cacheprovider"]
        if device == "cuda" and importlib.util.find_spec("xdist"):
            options += ["-n", workers]
        if importlib.util.find_spec("pytest_timeout"):  # leaves time to print failures
            options.append(f"--session-timeout={LIMITS[name] - 15}")
        stages.run(name, "-m", "pytest", *options, *files, limit=LIMITS[name])


def _needs_gpu(path: Path) -> bool:
    text = path.read_text()
    return ("mark.gpu" in text and "TensorRT is not installed" not in text) or (_has_tensorrt() and "mark.gpu" in text)


def _has_tensorrt() -> bool:
    return any(importlib.util.find_spec(name) for name in ("tensorrt", "tensorrt_rtx"))


def run_benches(stages: Stages, name: str, cases: Sequence[Sequence[str]], device: str, reserve: float) -> None:
    """Run a process of `ingan-fast bench` per case, and store its report at once."""
    reports = stages.results.setdefault(name, [])
    path = stages.work / "report.json"
    for case in cases:
        path.unlink(missing_ok=True)
        words = ("ingan_fast", "bench", name, *case, "--device", device, "--json", str(path))
        stages.run(name, "-m", *words, reserve=reserve, limit=LIMITS[name])
        if path.is_file():
            reports.append(json.loads(path.read_text()))
            stages.write()


def run_frames(stages: Stages, device: str, reserve: float) -> None:
    rows = stages.out / "frames.jsonl"
    rows.unlink(missing_ok=True)
    script = ROOT / "benchmarks" / "gpu_frames.py"
    for case in FRAMES[device]:
        words = (script, "--device", device, *case, "--json", rows)
        stages.run("frames", *words, reserve=reserve, limit=LIMITS["frames"])
    if rows.is_file():
        stages.results["frames"] = [json.loads(line) for line in rows.read_text().splitlines()]
        rows.unlink()


def run_untimed(stages: Stages, names: Sequence[str], device: str) -> None:
    """Run tests and trainings in parallel, since they are not timed."""
    trainings = TRAININGS[device] if "training" in names else ()
    stages.results["trainings"] = {}
    with ThreadPoolExecutor(1 + len(trainings)) as threads:
        running = [threads.submit(run_training, stages, device, each) for each in trainings]
        if "tests" in names:
            running.append(threads.submit(run_tests, stages, device))
        for one in running:
            one.result()


def check_device(device: str) -> str | None:
    """Why nothing can be measured, as a line; None if it can."""
    if importlib.util.find_spec("msgspec") is None:
        return (
            f"{sys.executable} has no msgspec, which the benchmarks need: install it, or without network unpack its "
            "wheel into a folder and run this with PYTHONPATH=FOLDER"
        )
    try:
        import torch
    except ImportError:
        return f"{sys.executable} has no torch; use a Python that has it: make bench-gpu GPU_PYTHON=/path/to/python3"
    if device == "cuda" and not torch.cuda.is_available():
        return "torch finds no CUDA device; run this on a machine with one, or try the script with --device cpu"
    return None


def run_stages(stages: Stages, names: Sequence[str], device: str) -> None:
    if not install(stages):
        return
    reserve = 0
    if "training" in names:
        reserve = LEAST_TRAINING[device] + PICTURES + EVALUATE
    if "probe" in names:
        small = () if device == "cuda" else ("--preset", "smoke", "--crop", "48")
        script = ROOT / "benchmarks" / "gpu_probe.py"
        stages.run("probe", script, "--device", device, *small, reserve=reserve, limit=LIMITS["probe"])
    if "warp" in names:
        run_benches(stages, "warp", WARPS[device], device, reserve)
    if "train" in names:
        run_benches(stages, "train", TRAINS[device], device, reserve)
    if "frames" in names:
        run_frames(stages, device, reserve)
    run_untimed(stages, names, device)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="cpu: tiny inputs, for a test")
    parser.add_argument("--minutes", type=float, default=9.0, help="for everything")
    parser.add_argument("--out", type=Path, help="$OUT, or benchmarks/results/gpu")
    parser.add_argument("--stages", nargs="+", choices=NAMES, default=NAMES, help="all of them")
    arguments = parser.parse_args()
    if not 0.1 <= arguments.minutes <= 600:
        parser.error(f"--minutes {arguments.minutes:g} is out of range; give 0.1 to 600")
    refusal = check_device(arguments.device)
    if refusal:
        print(f"bench_gpu: {refusal}", file=sys.stderr)
        return 2
    out = arguments.out or Path(os.environ.get("OUT") or ROOT / "benchmarks" / "results" / "gpu")
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench_gpu_") as work:
        stages = Stages(arguments.minutes, out.resolve(), Path(work).resolve())
        run_stages(stages, arguments.stages, arguments.device)
        stages.write()
    print(f"{out}: {', '.join(sorted(path.name for path in out.iterdir()))}")
    return 0 if all(record["status"] in ("ok", "skipped") for record in stages.results["stages"]) else 1


if __name__ == "__main__":
    sys.exit(main())
