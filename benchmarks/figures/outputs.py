"""Outputs of all methods, with their times and measures: kept as files, so that each is made and judged once."""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from figures.trainings import Trained
from ingan_fast.baselines import BASELINES, plain_homography
from ingan_fast.cli.console import messages, progress
from ingan_fast.errors import UserError
from ingan_fast.files import atomic_write
from ingan_fast.geometry import Transform
from ingan_fast.images import Pixels, load_image, save_image
from ingan_fast.metrics import evaluate
from ingan_fast.run_folder import digest

OURS = "ingan-fast"
MEASURES = ("kept_width", "kept_height", "coherence", "completeness", "swd")
STEPS = 1000  # of a method's progress bar


@dataclass(frozen=True)
class Row:
    """An output's numbers, as a figure's file has them."""

    picture: str
    output: str  # such as "width x1.5"
    method: str
    size: tuple[int, int]
    seconds: float | None
    training_seconds: float | None
    measures: dict[str, float | None]
    error: str | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"size": list(self.size)}


@dataclass(frozen=True)
class Made:
    """A row and its picture, None where there is an error."""

    row: Row
    picture: Pixels | None


@dataclass(frozen=True)
class Task:
    """An output that is wanted of a picture."""

    picture: str  # its name
    source: Pixels
    output: str
    transform: Transform

    @property
    def is_size(self) -> bool:
        return bool(np.array_equal(self.transform.matrix, np.eye(3)))

    @property
    def mask(self) -> np.ndarray | None:
        return None if self.is_size else self.transform.mask()


class Outputs:
    """The folder of finished outputs."""

    def __init__(self, folder: Path, options: Mapping[str, Mapping[str, Any]]):
        self.folder, self.options = folder, options

    def count(self) -> int:
        return len(list(self.folder.glob("*/*.json")))

    def ours(self, task: Task, trained: Trained, name: str = OURS) -> Made:
        """A trained generator's output; `name` where there are several."""

        def make() -> Pixels:
            return trained.generator.retarget(task.transform).picture

        return self._once(task, name, {"weights": trained.weights}, make, trained.seconds)

    def baseline(self, task: Task, method: str) -> Made:
        """A baseline's output; an error in its row where it refuses (a missing package)."""
        baseline, options = BASELINES[method], dict(self.options.get(method, {}))

        def make() -> Pixels:
            if not task.is_size:
                return plain_homography(task.source, task.transform)[0]
            with progress(f"{method}, {task.picture}, {task.output}", STEPS) as advance:
                told = 0

                def report(done: float) -> None:
                    nonlocal told
                    while told < STEPS * done:
                        advance()
                        told += 1

                shown = {"progress": report} if baseline.seeded else {}
                picture: Pixels = baseline.function(task.source, task.transform.size, **options, **shown)
                return picture

        return self._once(task, method, {"options": options}, make, None)

    def _once(self, task: Task, method: str, settings: Mapping[str, Any], make: Any, training: float | None) -> Made:
        """What lies there of the same settings, or what `make` gives now."""
        stem = re.sub(r"[^a-z0-9.]+", "-", f"{task.picture}-{task.output}".lower())
        path = self.folder / re.sub(r"[^a-z0-9]+", "-", method.lower()) / f"{stem}.png"
        key = json.dumps(
            {"picture": digest(task.source), "size": task.transform.size, "matrix": task.transform.matrix.tolist()}
            | settings
        )
        row = self._known(path, key, task, method)
        if row is not None:
            return Made(row, load_image(path, min_side=1))
        try:
            clock = time.perf_counter()
            picture = make()
            seconds = time.perf_counter() - clock
        except UserError as error:
            messages.print(f"{method}, {task.picture}, {task.output}: {error}", markup=False)
            none: dict[str, float | None] = dict.fromkeys(MEASURES)
            return Made(_row(task, method, None, training, none, str(error)), None)
        row = _row(task, method, seconds, training, evaluate(picture, task.source, task.mask))
        save_image(picture, path)
        atomic_write(path.with_suffix(".json"), (json.dumps({"key": key} | row.as_dict()) + "\n").encode())
        return Made(row, picture)

    def _known(self, path: Path, key: str, task: Task, method: str) -> Row | None:
        try:
            told = json.loads(path.with_suffix(".json").read_text())
            if told.pop("key") != key or not path.is_file():
                return None
            row = Row(**told)
        except (OSError, ValueError, KeyError, TypeError):
            return None  # none, or one of another version
        return _row(task, method, row.seconds, row.training_seconds, row.measures)


def _row(
    task: Task,
    method: str,
    seconds: float | None,
    training: float | None,
    measures: Mapping[str, float | None],
    error: str | None = None,
) -> Row:
    return Row(task.picture, task.output, method, task.transform.size, seconds, training, dict(measures), error)
