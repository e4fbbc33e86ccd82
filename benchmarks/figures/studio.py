"""Trainings and outputs in OUT/work, shared by all figures of a run."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from figures.budgets import Budget, TrainingRequest
from figures.outputs import OURS, MethodOutput, Outputs, Task
from figures.panels import panel, wrapped
from figures.trainings import Trained, trained
from ingan_fast.geometry import Size, Transform
from ingan_fast.model.devices import pick_device
from ingan_fast.pictures import Pixels
from ingan_fast.pictures.sheets import Panel

# Output sizes, as factors of the source's width and height.
SCALES = {
    "width x1.5": (1.5, 1.0),
    "width x0.6": (0.6, 1.0),
    "height x1.5": (1.0, 1.5),
    "both x1.5": (1.5, 1.5),
    "both x2": (2.0, 2.0),
}


class Studio:
    """One run of the command."""

    def __init__(self, out: Path, budget: Budget, device: str = "auto"):
        self.out, self.budget, self.device = out, budget, str(pick_device(device))
        self.outputs = Outputs(out / "work" / "outputs", budget.options)
        self._trained = cache(self._train)

    def there(self) -> str:
        """What an earlier run left, in a line; "" if nothing."""
        trainings = len(list((self.out / "work" / "runs").glob("*/config.json")))
        outputs = self.outputs.count()
        if not trainings + outputs:
            return ""
        found = f"trainings {trainings}, outputs {outputs} are there already"
        return f"{self.out / 'work'}: {found}; what fits is not made again"

    def training(self, picture: str) -> Trained:
        """The training of a picture, shared by the figures."""
        return self._trained(picture)

    def _train(self, picture: str) -> Trained:
        return self.trained(self.budget.plan(picture, self.device))

    def ablation(self, name: str, changes: Mapping[str, Any], seed: int) -> Trained:
        """A training of figure 9."""
        return self.trained(self.budget.ablation(name, changes, seed, self.device))

    def trained(self, plan: TrainingRequest) -> Trained:
        return trained(plan, self.out / "work" / "runs", self.device)

    def source(self, picture: str) -> Pixels:
        """The training picture, which all methods use."""
        return self.training(picture).generator.source

    def task(self, picture: str, output: str, transform: Transform | None = None) -> Task:
        """A task for one of `SCALES`, or for a transform with a name."""
        source = self.source(picture)
        return sized(picture, source, output) if transform is None else Task(picture, source, output, transform)

    def compare(self, task: Task, methods: Sequence[str]) -> list[MethodOutput]:
        """Outputs of the trained generator, the layout alone, and the baselines."""
        made = [self.outputs.ours(task, self.training(task.picture)), self.outputs.layout(task)]
        return made + [self.outputs.baseline(task, method) for method in methods]


def sized(picture: str, source: Pixels, output: str) -> Task:
    """A task for one of `SCALES`."""
    return Task(picture, source, output, Transform.scale(*SCALES[output], size_of(source)))


def size_of(picture: Pixels) -> Size:
    """(width, height)."""
    return picture.shape[1], picture.shape[0]


def source_panel(picture: str, source: Pixels) -> Panel:
    return Panel(f"{picture}, source, {source.shape[1]}x{source.shape[0]}", source, framed=True)


def compared_panels(task: Task, made: Sequence[MethodOutput], first: Sequence[Panel] = ()) -> list[list[Panel]]:
    """Rows of panels: `first`, then a task's outputs; ours is labelled with the output's name."""
    names = {OURS: f"{task.output}: {OURS}"}
    shown = [panel(one, task, names.get(one.row.method)) for one in made if one.picture is not None]
    return wrapped([*first, *shown])
