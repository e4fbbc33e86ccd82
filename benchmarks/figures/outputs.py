"""Outputs of all methods with their times and measures, stored as files, so that each is made only once."""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
from torch import nn

from figures.trainings import Trained
from ingan_fast.baselines import BASELINES
from ingan_fast.baselines.spatial_gan import sample_spatial_gan, train_spatial_gan
from ingan_fast.bench.figure_file import FigureRow
from ingan_fast.bench.results import commit
from ingan_fast.callbacks import Progress
from ingan_fast.cli.console import messages, progress
from ingan_fast.errors import UserError
from ingan_fast.files import atomic_write
from ingan_fast.geometry import Transform
from ingan_fast.layout import Layouts, perspective
from ingan_fast.pictures import Pixels, load_image, save_image
from ingan_fast.quality.metrics import evaluate
from ingan_fast.quality.resampling import plain_homography
from ingan_fast.training.run_folder import digest

OURS = "ingan-fast"  # the trained generator
LAYOUT = "ingan-fast, layout alone"  # without training
MEASURES = ("kept_width", "kept_height", "coherence", "completeness", "swd", "verbatim")
STEPS = 1000  # of a method's progress bar

T = TypeVar("T")


@dataclass(frozen=True)
class MethodOutput:
    """A row and its picture; None if there is an error."""

    row: FigureRow
    picture: Pixels | None


@dataclass(frozen=True)
class Task:
    """A requested output of a picture."""

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


Compared = Sequence[tuple[Task, Sequence[MethodOutput]]]  # tasks with all methods' outputs
Timed = tuple[Pixels, float, float | None]  # an output, its seconds, the training's seconds


class Outputs:
    """The folder of finished outputs."""

    def __init__(self, folder: Path, options: Mapping[str, Mapping[str, Any]]):
        self.folder, self.options = folder, options
        self._commit = commit()  # our outputs are quick to repeat if the code has changed
        self._textures: dict[str, tuple[nn.Module, float]] = {}  # Spatial GANs and their training's seconds

    def count(self) -> int:
        return len(list(self.folder.glob("*/*.json")))

    def ours(self, task: Task, trained: Trained, name: str = OURS) -> MethodOutput:
        """A trained generator's output; `name` distinguishes several."""

        def make() -> Timed:
            result, seconds = timed(lambda: trained.generator.retarget(task.transform))
            return result.picture, seconds, trained.seconds

        return self._once(task, name, {"weights": trained.weights, "commit": self._commit}, make)

    def layout(self, task: Task) -> MethodOutput:
        """The picture laid out without training."""

        def make() -> Timed:
            return *timed(lambda: perspective.retarget(Layouts(task.source), task.transform)), None

        return self._once(task, LAYOUT, {"commit": self._commit}, make)

    def baseline(self, task: Task, method: str) -> MethodOutput:
        """A baseline's output; an error in its row if it fails (a missing package)."""
        options = dict(self.options.get(method, {}))

        def make() -> Timed:
            if not task.is_size:
                return *timed(lambda: plain_homography(task.source, task.transform)[0]), None
            with bar(f"{method}, {task.picture}, {task.output}") as report:
                if method == "Spatial GAN":
                    return self._texture(task, options, report)
                shown = {"progress": report} if BASELINES[method].seeded else {}
                function = BASELINES[method].function
                return *timed(lambda: function(task.source, task.transform.size, **options, **shown)), None

        return self._once(task, method, {"options": options}, make)

    def _texture(self, task: Task, options: Mapping[str, Any], report: Progress) -> Timed:
        """Texture by a Spatial GAN, which is trained once for all sizes of a picture."""
        if task.picture not in self._textures:
            self._textures[task.picture] = timed(lambda: train_spatial_gan(task.source, progress=report, **options))
        generator, training = self._textures[task.picture]
        return *timed(lambda: sample_spatial_gan(generator, task.transform.size)), training

    def _once(self, task: Task, method: str, settings: Mapping[str, Any], make: Callable[[], Timed]) -> MethodOutput:
        """The stored output with the same settings, or the result of `make`."""
        stem = re.sub(r"[^a-z0-9.]+", "-", f"{task.picture}-{task.output}".lower())
        path = self.folder / re.sub(r"[^a-z0-9]+", "-", method.lower()) / f"{stem}.png"
        asked = {"picture": digest(task.source), "size": task.transform.size, "matrix": task.transform.matrix.tolist()}
        key = json.dumps({**asked, **settings, "version": version("ingan-fast")})
        row = self._known(path, key, task, method)
        if row is not None:
            return MethodOutput(row, load_image(path, min_side=1))
        try:
            picture, seconds, training = make()
        except UserError as error:
            messages.print(f"{method}, {task.picture}, {task.output}: {error}", markup=False, soft_wrap=True)
            none: dict[str, float | None] = dict.fromkeys(MEASURES)
            return MethodOutput(_row(task, method, None, None, none, str(error)), None)
        row = _row(task, method, seconds, training, evaluate(picture, task.source, task.mask))
        save_image(picture, path)
        atomic_write(path.with_suffix(".json"), (json.dumps({"key": key} | msgspec.to_builtins(row)) + "\n").encode())
        return MethodOutput(row, picture)

    def _known(self, path: Path, key: str, task: Task, method: str) -> FigureRow | None:
        try:
            stored = json.loads(path.with_suffix(".json").read_text())
            if stored.pop("key") != key or not path.is_file():
                return None
            row = msgspec.convert(stored, FigureRow)
        except (OSError, ValueError, KeyError, TypeError):
            return None  # missing, or of another version
        return _row(task, method, row.seconds, row.training_seconds, row.measures)


def _row(
    task: Task,
    method: str,
    seconds: float | None,
    training: float | None,
    measures: Mapping[str, float | None],
    error: str | None = None,
) -> FigureRow:
    return FigureRow(task.picture, task.output, method, task.transform.size, seconds, training, dict(measures), error)


def timed(call: Callable[[], T]) -> tuple[T, float]:
    """Result of a call, and its seconds."""
    clock = time.perf_counter()
    result = call()
    return result, time.perf_counter() - clock


@contextmanager
def bar(name: str) -> Iterator[Progress]:
    """A progress bar; yields a function that takes the fraction done."""
    with progress(name, STEPS) as advance:
        reported = 0

        def report(done: float) -> None:
            nonlocal reported
            while reported < STEPS * done:
                advance()
                reported += 1

        yield report
