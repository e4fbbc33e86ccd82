"""All that is to be measured on a CUDA machine, in one command: no network, nothing installed outside a folder.

    python3 benchmarks/bench_gpu.py [--minutes 9] [--out FOLDER] [--stages probe warp train frames tests training]

Installs this checkout without its dependencies into a temporary folder. A probe says within a minute what runs at all;
then come the benchmarks of the warp, of an iteration and of frames a second. What is not timed shares the time that is
left: the tests that need a GPU, and two trainings, retargeted and judged. Every stage is a process with a limit of its
own, and one that fails is recorded and keeps no other from running. results.json is written after each. `--device cpu`
runs the same stages on tiny inputs, to try the script.

It uses the running Python, which needs torch and what pyproject.toml lists; this file needs the standard library alone.
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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages import ROOT, Stages

PICTURE = ROOT / "ingan_fast" / "pictures" / "assets" / "market.png"

NAMES = ("probe", "warp", "train", "frames", "tests", "training")
# Seconds that a stage may take at the most; a training takes what is left.
LIMITS = {
    "install": 60,
    "probe": 100,
    "tests": 180,
    "large tests": 60,
    "warp": 60,
    "train": 60,
    "frames": 60,
    "pictures": 40,
    "evaluate": 60,
}
LEAST_TRAINING = {"cuda": 150, "cpu": 0}  # s that are kept for a training when earlier stages take long
GRACE = 20  # s for a training to save itself where its time is over
PREPARED = 0.5  # s that a size costs before it is replayed: one plain step, and its capture
BEGUN = 25  # s until a training's first iteration: imports, pictures, compilation
USED = 0.9  # of the time that is left; the rest is for previews, checkpoints and mistakes of the estimate
LARGEST = 2_000_000  # bytes of a picture

# Arguments of `ingan-fast bench warp`: the case of the goal in the training's and in full precision.
WARPS = {
    "cuda": tuple(
        ("--size", "640x480", "--channels", "64", "--dtype", dtype, "--no-compile") for dtype in ("bfloat16", "float32")
    ),
    "cpu": (("--size", "64x48", "--channels", "8", "--repeat", "2"),),
}
# Arguments of `ingan-fast bench train`, a process each: the engine of trainings first.
TRAINS = {
    "cuda": (
        ("--preset", "paper", "--crop", "256", "--iterations", "60", "--engine", "graphs", "--no-plain"),
        ("--preset", "paper", "--crop", "256", "--iterations", "20", "--engine", "eager", "--plain"),
    ),
    "cpu": (("--preset", "smoke", "--iterations", "2", "--no-conditions"),),
}
FRAMES = {
    "cuda": (
        ("--preset", "paper", "--size", "640x480", "1920x1080", "--way", "eager", "graphs"),
        ("--preset", "learned", "--size", "640x480", "1920x1080", "--way", "eager", "graphs"),
        ("--preset", "paper", "--size", "640x480", "--way", "compiled, graphs"),
    ),
    "cpu": (("--preset", "smoke", "--size", "64x48", "--way", "eager", "graphs"),),
}


@dataclass(frozen=True)
class Training:
    """A training of the programme.

    Attributes:
        options: of `ingan-fast train`.
        sizes: of outputs, each of which is prepared before and after the norms are frozen.
        pace: how many times as fast its iterations are as those of `paper`, which are measured.
    """

    name: str
    options: tuple[str, ...]
    sizes: int
    pace: float = 1.0


# Few sizes: each costs a capture, and there are minutes only.
TRAININGS = {
    "cuda": (
        Training("paper", ("--preset", "paper", "--set", "buckets=8", "--set", "ramp=0"), 8),
        Training("learned", ("--preset", "learned"), 26),
    ),
    "cpu": (Training("smoke", ("--preset", "smoke", "--set", "max_side=96"), 1),),
}
RETARGET = """
import sys
from pathlib import Path
from ingan_fast import load
from ingan_fast.cli.demo_page import make_page, plain
trained = load(sys.argv[1])
ways = {"learned": lambda transform: trained.retarget(transform).picture, "plain resize": plain(trained.source)}
make_page(trained.source, ways, Path(sys.argv[2]), sys.argv[1])
"""


def install(stages: Stages) -> bool:
    """Put the checkout's package into the folder `installed`; whether it can be used."""
    copy_package(stages.work / "installed")
    return stages.run("version", "-m", "ingan_fast.cli", "--version", limit=LIMITS["install"])["status"] == "ok"


def copy_package(target: Path) -> None:
    """The package as a checkout has it, with what measures, and as much metadata as it asks for."""
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "ingan_fast", target / "ingan_fast", ignore=ignore)
    for part in ("kernels", "export"):
        shutil.copytree(ROOT / part, target / "ingan_fast" / part, ignore=ignore)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    metadata = target / f"ingan_fast-{project['version']}.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")


def run_tests(stages: Stages, device: str) -> None:
    """The tests that need a GPU: those that take much of its memory apart, one at a time."""
    files = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("test_*.py") if _needs_gpu(path))
    for name, mark, workers in (("tests", "gpu and not large", "8"), ("large tests", "gpu and large", "0")):
        options = ["-m", mark, "-vv", "--tb=short", "-rfE", "--continue-on-collection-errors", "-p", "no:cacheprovider"]
        if device == "cuda" and importlib.util.find_spec("xdist"):
            options += ["-n", workers]
        if importlib.util.find_spec("pytest_timeout"):  # ends the session in time to print what failed
            options.append(f"--session-timeout={LIMITS[name] - 15}")
        stages.run(name, "-m", "pytest", *options, *files, limit=LIMITS[name])


def _needs_gpu(path: Path) -> bool:
    text = path.read_text()
    return ("mark.gpu" in text and "TensorRT is not installed" not in text) or (_has_tensorrt() and "mark.gpu" in text)


def _has_tensorrt() -> bool:
    return any(importlib.util.find_spec(name) for name in ("tensorrt", "tensorrt_rtx"))


def run_bench(stages: Stages, name: str, words: Sequence[str], device: str, reserve: float) -> dict[str, Any] | None:
    """The report of an `ingan-fast bench` command, where it came to one."""
    path = stages.work / "report.json"
    path.unlink(missing_ok=True)
    words = ("ingan_fast.cli", "bench", *words, "--device", device, "--json", str(path))
    stages.run(name, "-m", *words, reserve=reserve, limit=LIMITS[name])
    return json.loads(path.read_text()) if path.is_file() else None


def run_benches(stages: Stages, name: str, cases: Sequence[Sequence[str]], device: str, reserve: float) -> None:
    """A process for each case, whose report is kept at once."""
    reports = stages.results.setdefault(name, [])
    for case in cases:
        report = run_bench(stages, name, (name, *case), device, reserve)
        if report is not None:
            reports.append(report)
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
    """Tests and trainings side by side: they are looked at, not timed."""
    trainings = TRAININGS[device] if "training" in names else ()
    stages.results["trainings"] = {}
    with ThreadPoolExecutor(1 + len(trainings)) as threads:
        running = [threads.submit(run_training, stages, device, each, len(trainings)) for each in trainings]
        if "tests" in names:
            running.append(threads.submit(run_tests, stages, device))
        for one in running:
            one.result()


def run_training(stages: Stages, device: str, training: Training, beside: int) -> None:
    """Train, retarget, judge, and keep the pictures and curves."""
    folder = stages.work / training.name
    run, page, numbers = (folder / name for name in ("run", "page", "numbers.json"))
    folder.mkdir()
    reserve = LIMITS["pictures"] + LIMITS["evaluate"]
    options = training.options
    if device == "cuda":
        seconds = (stages.left() - reserve) / beside
        options = (*options, *length(stages.results.get("train", ()), seconds, training))
    words = ("ingan_fast.cli", "train", PICTURE, "--out", run, "--device", device, *options)
    stages.run(f"training {training.name}", "-m", *words, reserve=reserve, grace=GRACE)
    shown = "retarget, and draw a sheet"
    stages.run(f"pictures {training.name}", "-c", RETARGET, run, page, limit=LIMITS["pictures"], shown=shown)
    words = ("ingan_fast.cli", "evaluate", run, "--json", numbers, "--device", device)
    stages.run(f"evaluate {training.name}", "-m", *words, limit=LIMITS["evaluate"])
    log = run / "log.jsonl"
    lines = [json.loads(line) for line in log.read_text().splitlines()] if log.is_file() else []
    stages.results["trainings"][training.name] = {
        "last": lines[-1:],
        "outputs": json.loads(numbers.read_text())["outputs"] if numbers.is_file() else None,
    }
    stages.write()
    for picture in (page / "sheet.png", run / "monitor" / "losses.png", run / "monitor" / "quality.png"):
        if picture.is_file():
            keep(picture, stages.out, f"{training.name}_{picture.name}")


def length(reports: Sequence[dict[str, Any]], seconds: float, training: Training) -> list[str]:
    """The options of a training that takes `seconds`, by the fastest measured iteration of `paper`.

    Where nothing was measured the training is cut off when its time is over, and its pictures are of then.
    """
    rows = [
        (row["milliseconds"]["mean"], row["name"], report["details"]["draw_milliseconds"]["mean"])
        for report in reports
        for row in report["rows"]
        if row["milliseconds"] and row["name"] != "plain"
    ]
    if not rows:
        return []
    iteration, engine, draw = min(rows)
    # A draw is made on the host while the GPU works; the slower of the two is the pace.
    each = max(iteration / training.pace, draw) / 1e3
    moving = USED * seconds - BEGUN - 2 * PREPARED * training.sizes
    count = max(int(moving / each), 200)
    options = ["--engine", engine, "--iterations", str(count)]
    for name in ("preview", "validate", "checkpoint"):
        options += ["--set", f"{name}_every={count // 4}"]
    return options


def keep(picture: Path, out: Path, name: str) -> None:
    """Copy a picture into the results, as a JPEG where it would be large."""
    if picture.stat().st_size <= LARGEST:
        shutil.copy(picture, out / name)
        return
    from PIL import Image

    with Image.open(picture) as image:
        image.convert("RGB").save((out / name).with_suffix(".jpg"), quality=85)


def check_device(device: str) -> str | None:
    """Why there is nothing to measure, in a line; None where there is."""
    try:
        import torch
    except ImportError:
        return f"{sys.executable} has no torch; use a Python that has it: make bench-gpu GPU_PYTHON=/path/to/python3"
    if device == "cuda" and not torch.cuda.is_available():
        return "torch sees no CUDA device here; run this on a machine with one, or try the script with --device cpu"
    return None


def run_stages(stages: Stages, names: Sequence[str], device: str) -> None:
    if not install(stages):
        return
    reserve = 0
    if "training" in names:
        reserve = LEAST_TRAINING[device] + LIMITS["pictures"] + LIMITS["evaluate"]
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
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="cpu: tiny inputs, to try the script")
    parser.add_argument("--minutes", type=float, default=9.0, help="for everything")
    parser.add_argument("--out", type=Path, help="$OUT, or benchmarks/results/gpu")
    parser.add_argument("--stages", nargs="+", choices=NAMES, default=NAMES, help="all of them")
    arguments = parser.parse_args()
    if not 0.1 <= arguments.minutes <= 600:
        parser.error(f"--minutes {arguments.minutes:g} is not possible; give from 0.1 to 600")
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
