"""The trainings of `bench_gpu.py`: how long they may be, and what is kept of them; needs only the standard library."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages import ROOT, Stages

PICTURE = ROOT / "ingan_fast" / "pictures" / "assets" / "market.png"
PICTURES, EVALUATE = 40, 60  # maximum seconds for a training's pictures, and for their numbers
GRACE = 20  # seconds for a training to save itself at its time limit
PREPARED = 0.5  # seconds per size before replay: an eager step and the capture
BEGUN = 25  # seconds until a training's first iteration: imports, pictures, compilation
USED = 0.9  # fraction of the remaining time to plan for; the rest is for previews, checkpoints and estimation errors
LARGEST = 2_000_000  # bytes per picture


@dataclass(frozen=True)
class Training:
    """A training to run.

    Attributes:
        options: of `ingan-fast train`.
        sizes: number of output sizes; each is prepared before and after the norms are frozen.
        pace: speed of its iterations relative to those of `paper`, which are measured.
    """

    name: str
    options: tuple[str, ...]
    sizes: int
    pace: float = 1.0


# Few sizes, because each costs a capture and only minutes are available.
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


def run_training(stages: Stages, device: str, training: Training, beside: int) -> None:
    """Train, retarget and evaluate; keep the pictures and curves."""
    folder = stages.work / training.name
    run, page, numbers = (folder / name for name in ("run", "page", "numbers.json"))
    folder.mkdir()
    reserve = PICTURES + EVALUATE
    options = training.options
    if device == "cuda":
        seconds = (stages.left() - reserve) / beside
        options = (*options, *length(stages.results.get("train", ()), seconds, training))
    words = ("ingan_fast.cli", "train", PICTURE, "--out", run, "--device", device, *options)
    stages.run(f"training {training.name}", "-m", *words, reserve=reserve, grace=GRACE)
    shown = "retarget, and draw a sheet"
    stages.run(f"pictures {training.name}", "-c", RETARGET, run, page, limit=PICTURES, shown=shown)
    words = ("ingan_fast.cli", "evaluate", run, "--json", numbers, "--device", device)
    stages.run(f"evaluate {training.name}", "-m", *words, limit=EVALUATE)
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
    """Options for a training that takes `seconds`, from the fastest measured iteration of `paper`.

    Without a measurement the training is stopped at its time limit, and its pictures show that state.
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
    # Draws are made on the host while the GPU works; the slower of the two determines the pace.
    each = max(iteration / training.pace, draw) / 1e3
    moving = USED * seconds - BEGUN - 2 * PREPARED * training.sizes
    count = max(int(moving / each), 200)
    options = ["--engine", engine, "--iterations", str(count)]
    for name in ("preview", "validate", "checkpoint"):
        options += ["--set", f"{name}_every={count // 4}"]
    return options


def keep(picture: Path, out: Path, name: str) -> None:
    """Copy a picture into the results, as JPEG if it would be large."""
    if picture.stat().st_size <= LARGEST:
        shutil.copy(picture, out / name)
        return
    from PIL import Image

    with Image.open(picture) as image:
        image.convert("RGB").save((out / name).with_suffix(".jpg"), quality=85)
