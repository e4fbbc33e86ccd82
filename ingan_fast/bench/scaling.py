"""`ingan-fast bench scaling`: time and memory of one output as functions of its size, and of the source's."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import torch

from ingan_fast.bench.machine import describe, measure_matmul
from ingan_fast.bench.models import contenders, count_flop, write_models
from ingan_fast.bench.power_law import Fit, fit_power_law
from ingan_fast.bench.results import Results, Row
from ingan_fast.bench.served import Served
from ingan_fast.bench.timing import Spread
from ingan_fast.callbacks import Advance
from ingan_fast.errors import UserError
from ingan_fast.geometry import Size, Transform
from ingan_fast.pictures import Pixels
from ingan_fast.quality.resampling import plain_resize
from ingan_fast.runtime.retargeter import Retargeter, load

STEADY = 2.0  # seconds; a longer first call counts, because warm-up is then negligible
SLOW = 10.0  # seconds; after a longer first call there is no further one
OUTPUT, SOURCE = "output pixels", "source pixels"
COUNTED = ((128, 96), (256, 192))  # outputs whose operations are counted: multiples of every generator's cell


@dataclass(frozen=True)
class ScalingRequest:
    """What to measure; the generators have random weights.

    Attributes:
        presets: of the generators.
        outputs: (width, height) of outputs of the picture.
        sources: (width, height) of sources for an output of size `made`.
        made: (width, height) of that output.
        repeat: timed calls of each, after a first one that counts only if it is long (`STEADY`, `SLOW`).
        limit: seconds; outputs that would take longer, extrapolated from the previous one, are left out.
    """

    presets: tuple[str, ...] = ("learned", "paper")
    outputs: tuple[Size, ...] = ((320, 240), (480, 360), (640, 480), (1280, 720), (1920, 1080), (3840, 2160))
    sources: tuple[Size, ...] = ((128, 128), (256, 256), (512, 512), (1024, 1024))
    made: Size = (640, 480)
    repeat: int = 3
    limit: float = 20.0


@dataclass(frozen=True)
class Task:
    """One output of a frame; `over` is the quantity that grows from task to task, OUTPUT or SOURCE."""

    preset: str
    over: str
    size: Size
    frame: Pixels

    @property
    def source(self) -> Size:
        return self.frame.shape[1], self.frame.shape[0]

    @property
    def pixels(self) -> int:
        """Value of the growing quantity."""
        width, height = self.size if self.over == OUTPUT else self.source
        return width * height

    def backends(self, installed: list[str]) -> list[str]:
        """The backends to run: for the source's size, the fastest one is enough."""
        return installed if self.over == OUTPUT else installed[:1]

    def __str__(self) -> str:
        return f"{'{}x{}'.format(*self.size)} of {'{}x{}'.format(*self.source)}, preset {self.preset}"


@dataclass(frozen=True)
class Operations:
    """FLOP of a generator per pixel of its source and of its output."""

    source: float
    output: float

    @classmethod
    def of(cls, trained: Retargeter) -> "Operations":
        """Count two small outputs; except for borders, the count per pixel is constant."""
        small, large = (count_flop(trained.retarget, Transform.resize(size)) for size in COUNTED)
        few, many = (width * height for width, height in COUNTED)
        output = (large - small) / (many - few)
        width, height = trained.source_size
        return cls((small - output * few) / (width * height), output)

    def __call__(self, task: Task) -> float:
        (width, height), (across, down) = task.size, task.source
        return self.output * width * height + self.source * across * down


def steps(request: ScalingRequest) -> int:
    return len(request.presets) * (len(request.outputs) * len(contenders()) + len(request.sources))


def measure(request: ScalingRequest, picture: Pixels, advance: Advance) -> Results:
    """A row per size and backend, each in a separate process; and fitted exponents.

    Raises:
        UserError: onnx is not installed.
    """
    device = torch.device("cpu")
    matmul = measure_matmul(device)["flop_per_second"]
    rows: list[Row] = []
    left_out: list[str] = []
    for preset in request.presets:
        with tempfile.TemporaryDirectory() as folder:
            models = write_models(Path(folder), preset, picture)
            operations = Operations.of(load(Path(folder) / "run", "cpu"))
            measured, missed = _grow(models, operations, request, _tasks(request, preset, picture), matmul, advance)
        rows += measured
        left_out += missed
    return Results(
        "scaling",
        describe(device),
        asdict(request),
        rows,
        ceilings={"matmul": matmul},
        details={
            "fits": _fits(rows),
            "not_measured": left_out,
            "notes": [f"left out: {one}" for one in left_out],
        },
    )


def _tasks(request: ScalingRequest, preset: str, picture: Pixels) -> list[Task]:
    """Tasks in the order of growing size."""
    outputs = [Task(preset, OUTPUT, size, picture) for size in request.outputs]
    sources = [Task(preset, SOURCE, request.made, plain_resize(picture, size)) for size in request.sources]
    return sorted(outputs, key=lambda task: task.pixels) + sorted(sources, key=lambda task: task.pixels)


def _grow(
    models: Mapping[str, Path],
    operations: Operations,
    request: ScalingRequest,
    tasks: Sequence[Task],
    matmul: float,
    advance: Advance,
) -> tuple[list[Row], list[str]]:
    """Rows of one preset's tasks, and what was left out because it would take too long."""
    rows: list[Row] = []
    left_out: list[str] = []
    pace: dict[str, float] = {}  # seconds per FLOP, from the last output
    turns = [(task, name) for task in tasks for name in task.backends(list(models))]
    for task, name in turns:
        advance()
        flop = operations(task)
        expected = pace.get(name, 0.0) * flop
        if expected > request.limit:
            left_out.append(f"{task}, {name}: about {expected:.0f} s, the limit is {request.limit:g}")
            continue
        rows.append(_row(task, name, models[name], request.repeat, flop, matmul))
        if spread := rows[-1].milliseconds:
            pace[name] = spread.median / 1e3 / flop
    return rows, left_out


def _row(task: Task, name: str, model: Path, repeat: int, flop: float, matmul: float) -> Row:
    """Measure a backend in a separate process: a first call, which counts if it is long, then `repeat` calls."""
    try:
        with Served(model, name) as served:
            first = served.output(task.size, task.frame)
            seconds = [first.seconds] if first.seconds > STEADY else []
            while len(seconds) < (1 if first.seconds > SLOW else repeat):
                seconds.append(served.output(task.size, task.frame).seconds)
            memory = served.memory()
    except UserError as error:
        return Row(str(task), name, error=str(error))
    rate = flop / median(seconds)
    return Row(
        str(task),
        name,
        Spread.of(seconds),
        flop_per_second=rate,
        ceiling="matmul",
        fraction_of_ceiling=rate / matmul,
        peak_memory_bytes=memory.peak,
        details={
            "preset": task.preset,
            "over": task.over,
            "pixels": task.pixels,
            "calls": len(seconds),
            "first_milliseconds": 1e3 * first.seconds,
            "pieces": first.pieces,
            "memory_for_outputs": memory.for_outputs,
        },
    )


def _fits(rows: Sequence[Row]) -> list[Fit]:
    """Exponents of time (seconds) and memory (bytes, above that of the opened model) over pixels.

    Tiled outputs have bounded memory and are left out of the memory fits.
    """
    measured = [row for row in rows if row.milliseconds is not None]
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in measured:
        groups.setdefault((row.details["preset"], row.name, row.details["over"]), []).append(row)
    fits = []
    for (preset, name, over), members in groups.items():
        whole = [row for row in members if row.details["pieces"] == 1 and row.details["memory_for_outputs"] > 0]
        quantities = {
            "time": [(row.details["pixels"], row.milliseconds.median / 1e3) for row in members if row.milliseconds],
            "memory": [(row.details["pixels"], row.details["memory_for_outputs"]) for row in whole],
        }
        for quantity, points in quantities.items():
            fits.append(fit_power_law(points, f"preset {preset}", name, quantity, over))
    return [fit for fit in fits if fit is not None]
