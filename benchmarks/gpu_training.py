"""The trainings of `bench_gpu.py`: how long they may be, and what is kept of them; needs only the standard library."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from stages import ROOT, Stages

PICTURE = ROOT / "ingan_fast" / "pictures" / "assets" / "market.png"
PICTURES, EVALUATE = 40, 60  # maximum seconds for a training's pictures, and for their numbers
GRACE = 20  # seconds for a training to save itself at its time limit
USED = 0.9  # fraction of the remaining time that a training may plan for
SHORTEST = 60  # seconds; the least that `ingan-fast train` takes as a budget
LARGEST = 2_000_000  # bytes per picture


@dataclass(frozen=True)
class Training:
    """A training to run, with its options for `ingan-fast train`."""

    name: str
    options: tuple[str, ...]


# Few sizes, because each costs a capture and only minutes are available.
TRAININGS = {
    "cuda": (
        Training("paper", ("--preset", "paper", "--set", "buckets=8", "--set", "ramp=0")),
        Training("learned", ("--preset", "learned")),
    ),
    "cpu": (Training("smoke", ("--preset", "smoke", "--iterations", "4", "--set", "max_side=64")),),
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


def run_training(stages: Stages, device: str, training: Training) -> None:
    """Train, retarget and evaluate; keep the pictures and curves."""
    folder = stages.work / training.name
    run, page, numbers = (folder / name for name in ("run", "page", "numbers.json"))
    folder.mkdir()
    reserve = PICTURES + EVALUATE
    options = training.options
    if device == "cuda":
        options = (*options, "--budget", f"{max(USED * (stages.left() - reserve), SHORTEST):.0f}s")
    words = ("ingan_fast", "train", PICTURE, "--out", run, "--device", device, *options)
    stages.run(f"training {training.name}", "-m", *words, reserve=reserve, grace=GRACE)
    shown = "retarget, and draw a sheet"
    stages.run(f"pictures {training.name}", "-c", RETARGET, run, page, limit=PICTURES, shown=shown)
    words = ("ingan_fast", "evaluate", run, "--json", numbers, "--device", device)
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


def keep(picture: Path, out: Path, name: str) -> None:
    """Copy a picture into the results, as JPEG if it would be large."""
    if picture.stat().st_size <= LARGEST:
        shutil.copy(picture, out / name)
        return
    from PIL import Image

    with Image.open(picture) as image:
        image.convert("RGB").save((out / name).with_suffix(".jpg"), quality=85)
