"""All that is to be measured on a CUDA machine, in one command: no network, nothing installed outside a folder.

    python3 benchmarks/bench_gpu.py [--minutes 9] [--out FOLDER] [--stages tests warp train training]

Installs this checkout without its dependencies into a temporary folder, runs the tests that need a GPU, the benchmarks
of the warp and of an iteration, and a training of the `paper` preset for the time that is left; retargets and judges.
Every stage has a limit of its own, and one that fails is recorded and keeps no other from running. results.json is
written after each. `--device cpu` runs the same stages on tiny inputs, to try the script.

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
from pathlib import Path
from typing import Any

from stages import ROOT, Stages

PARTS = ("ingan_fast", "kernels", "export", "pyproject.toml", "README.md", "LICENSE")
PICTURE = ROOT / "ingan_fast" / "assets" / "market.png"

NAMES = ("tests", "warp", "train", "training")
# Seconds that a stage may take at the most; a training takes what is left.
LIMITS = {"install": 60, "tests": 110, "warp": 100, "more warps": 30, "train": 170, "pictures": 40, "evaluate": 45}
LEAST_TRAINING = {"cuda": 90, "cpu": 0}  # s that are kept for a training when earlier stages take long
GRACE = 20  # s for a training to save itself where its time is over
ITERATIONS = 20_000
USED = 0.85  # of the time that is left; the rest is for previews, checkpoints and mistakes of the estimate
LARGEST = 2_000_000  # bytes of a picture

# Arguments of `ingan-fast bench warp`: first the case of the goal, then smaller and larger ones, and odd channels.
WARPS = {
    "cuda": (
        ("--size", "640x480", "--channels", "64", "--dtype", "bfloat16"),
        ("--size", "640x480", "--channels", "64", "--dtype", "float32", "--no-compile"),
        ("--size", "256x256", "--channels", "64", "--dtype", "bfloat16", "--no-compile"),
        ("--size", "1920x1080", "--channels", "3", "--dtype", "float32", "--no-compile"),
        ("--size", "640x480", "--channels", "65", "--dtype", "float16", "--no-compile"),
    ),
    "cpu": (
        ("--size", "64x48", "--channels", "8", "--repeat", "2"),
        ("--size", "32x32", "--channels", "3", "--dtype", "float32", "--repeat", "2"),
    ),
}
TRAIN = {
    "cuda": ("--preset", "paper", "--crop", "256", "--iterations", "60"),
    "cpu": ("--preset", "smoke", "--iterations", "2"),
}
RETARGET = """
import sys
from pathlib import Path
from ingan_fast import load
from ingan_fast.demo import make_page
make_page(load(sys.argv[1]), Path(sys.argv[2]))
"""


def install(stages: Stages) -> bool:
    """Put the checkout into the folder `installed`, by pip or where that fails by copying; whether it can be used."""
    source, target = stages.work / "source", stages.work / "installed"
    source.mkdir()
    for part in PARTS:  # building would litter the checkout, and could take up what an earlier build left there
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, source / part)
    words = ("pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", target, source)
    if stages.run("install", "-m", *words, limit=LIMITS["install"])["status"] != "ok":
        copy_package(source, target)
    return stages.run("version", "-m", "ingan_fast.cli", "--version", limit=LIMITS["install"])["status"] == "ok"


def copy_package(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source / "ingan_fast", target / "ingan_fast")
    for part in ("kernels", "export"):
        shutil.copytree(source / part, target / "ingan_fast" / part)
    project = tomllib.loads((source / "pyproject.toml").read_text())["project"]
    metadata = target / f"ingan_fast-{project['version']}.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")


def run_tests(stages: Stages, device: str, reserve: float) -> None:
    workers = ("-n", "4") if device == "cuda" and importlib.util.find_spec("xdist") else ()
    options = ("-m", "gpu", "--continue-on-collection-errors", "-p", "no:cacheprovider", *workers)
    stages.run("tests", "-m", "pytest", *options, "tests", reserve=reserve, limit=LIMITS["tests"])


def run_bench(stages: Stages, name: str, words: Sequence[str], device: str, reserve: float) -> dict[str, Any] | None:
    """The report of an `ingan-fast bench` command, where it came to one."""
    path = stages.work / "report.json"
    path.unlink(missing_ok=True)
    words = ("ingan_fast.cli", "bench", *words, "--device", device, "--json", str(path))
    stages.run(name, "-m", *words, reserve=reserve, limit=LIMITS[name])
    return json.loads(path.read_text()) if path.is_file() else None


def run_warps(stages: Stages, name: str, cases: Sequence[Sequence[str]], device: str, reserve: float) -> None:
    for case in cases:
        report = run_bench(stages, name, ("warp", *case), device, reserve)
        if report is not None:
            stages.results.setdefault("warp", []).append(report)


def run_training(stages: Stages, device: str) -> None:
    """Train for the time that is left, then retarget, judge, and keep the pictures and curves."""
    run, page, numbers = (stages.work / name for name in ("run", "page", "numbers.json"))
    reserve = LIMITS["pictures"] + LIMITS["evaluate"]
    options = ["--preset", "smoke", "--set", "max_side=96"]
    if device == "cuda":
        options = ["--preset", "paper", *length(stages.results.get("train"), stages.left() - reserve)]
    words = ("ingan_fast.cli", "train", PICTURE, "--out", run, "--device", device, *options)
    stages.run("training", "-m", *words, reserve=reserve, grace=GRACE)
    log = run / "log.jsonl"
    if log.is_file():
        stages.results["training"] = [json.loads(line) for line in log.read_text().splitlines()][-1:]
    stages.run("pictures", "-c", RETARGET, run, page, limit=LIMITS["pictures"], shown="retarget, and draw a sheet")
    words = ("ingan_fast.cli", "evaluate", run, "--json", numbers, "--device", device)
    stages.run("evaluate", "-m", *words, limit=LIMITS["evaluate"])
    if numbers.is_file():
        stages.results["evaluation"] = json.loads(numbers.read_text())["outputs"]
    for picture in (page / "sheet.png", *(run / "monitor" / f"{name}.png" for name in ("latest", "losses", "quality"))):
        if picture.is_file():
            keep(picture, stages.out)


def length(report: dict[str, Any] | None, seconds: float) -> list[str]:
    """The options of a training of `ITERATIONS`, or of as many as fit into `seconds` by the measured iteration.

    Where nothing was measured the training is cut off when its time is over, and its pictures are of then.
    """
    rows = [row for row in (report or {}).get("rows", ()) if row["milliseconds"] and row["name"] != "plain"]
    if report is None or not rows:
        return ["--iterations", str(ITERATIONS)]
    fastest = min(rows, key=lambda row: row["milliseconds"]["mean"])
    # Every size is prepared twice: before and after the norms are frozen.
    moving = USED * seconds - 2 * fastest["details"]["warm_up_seconds"]
    each = (fastest["milliseconds"]["mean"] + report["details"]["draw_milliseconds"]["mean"]) / 1e3
    count = max(min(ITERATIONS, int(moving / each)), 200)
    options = ["--engine", fastest["name"], "--iterations", str(count)]
    for name in ("preview", "validate", "checkpoint"):
        options += ["--set", f"{name}_every={count // 4}"]
    return options


def keep(picture: Path, out: Path) -> None:
    """Copy a picture into the results, as a JPEG where it would be large."""
    if picture.stat().st_size <= LARGEST:
        shutil.copy(picture, out / picture.name)
        return
    from PIL import Image

    with Image.open(picture) as image:
        image.convert("RGB").save(out / f"{picture.stem}.jpg", quality=85)


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
    first, *more = WARPS[device]
    if "tests" in names:
        run_tests(stages, device, reserve)
    if "warp" in names:
        run_warps(stages, "warp", [first], device, reserve)
    if "train" in names:
        stages.results["train"] = run_bench(stages, "train", ("train", *TRAIN[device]), device, reserve)
    if "warp" in names:
        run_warps(stages, "more warps", more, device, reserve)
    if "training" in names:
        run_training(stages, device)


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
    return 0 if all(record["status"] == "ok" for record in stages.results["stages"]) else 1


if __name__ == "__main__":
    sys.exit(main())
