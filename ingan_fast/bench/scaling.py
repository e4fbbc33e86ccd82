"""`ingan-fast bench scaling`: time and memory of one output as functions of its size, and of the source's."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

import torch

from ingan_fast.bench.machine import describe, measure_matmul
from ingan_fast.bench.models import contenders, count_flop, write_models
from ingan_fast.bench.power_law import Fit, fit_power_law
from ingan_fast.bench.results import Results, Row, with_speedup
from ingan_fast.bench.served import Call, Memory, Served
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
        return f"{_text(self.size)} of {_text(self.source)}, preset {self.preset}"


@dataclass
class Outcome:
    """Result of a backend for a task.

    Attributes:
        about: describes what runs the model.
        first: the first call.
        seconds: of the calls that count.
        error: why there are none.
    """

    about: str = ""
    first: Call | None = None
    seconds: list[float] = field(default_factory=list)
    memory: Memory | None = None
    error: str | None = None

    def begin(self, first: Call) -> None:
        self.first = first
        if first.seconds > STEADY:
            self.seconds.append(first.seconds)

    def wants_more(self, repeat: int) -> bool:
        if self.error is not None or self.first is None:
            return False
        return len(self.seconds) < (1 if self.first.seconds > SLOW else repeat)

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Store a UserError raised inside as `error`."""
        try:
            yield
        except UserError as error:
            self.error = str(error)


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
    """A row per size and backend, each in a separate process, the backends taking turns; and fitted exponents.

    Raises:
        UserError: onnx is not installed.
    """
    device = torch.device("cpu")
    matmul = measure_matmul(device)["flop_per_second"]
    rows: list[Row] = []
    left_out: list[str] = []
    about: dict[str, str] = {}
    for preset in request.presets:
        with tempfile.TemporaryDirectory() as folder:
            models = write_models(Path(folder), preset, picture)
            operations = Operations.of(load(Path(folder) / "run", "cpu"))
            pace: dict[str, float] = {}  # seconds per FLOP, from the last output
            for task in _tasks(request, preset, picture):
                able = {}
                for name in task.backends(list(models)):
                    expected = pace.get(name, 0.0) * operations(task)
                    if expected <= request.limit:
                        able[name] = models[name]
                        continue
                    left_out.append(f"{task}, {name}: about {expected:.0f} s, the limit is {request.limit:g}")
                    advance()
                outcomes = _take_turns(able, task, request.repeat, advance)
                for name, outcome in outcomes.items():
                    about.setdefault(name, outcome.about)
                    if outcome.seconds:
                        pace[name] = median(outcome.seconds) / operations(task)
                rows += _rows(task, outcomes, operations(task), matmul)
    return Results(
        "scaling",
        describe(device),
        asdict(request),
        rows,
        ceilings={"matmul": matmul},
        details={
            "fits": _fits(rows),
            "not_measured": left_out,
            "notes": [*about.values(), *(f"left out: {one}" for one in left_out)],
        },
    )


def _tasks(request: ScalingRequest, preset: str, picture: Pixels) -> list[Task]:
    """Tasks in the order of growing size."""
    outputs = [Task(preset, OUTPUT, size, picture) for size in request.outputs]
    sources = [Task(preset, SOURCE, request.made, plain_resize(picture, size)) for size in request.sources]
    return sorted(outputs, key=lambda task: task.pixels) + sorted(sources, key=lambda task: task.pixels)


def _take_turns(models: Mapping[str, Path], task: Task, repeat: int, advance: Advance) -> dict[str, Outcome]:
    """Run each model in a separate process: a first call of each, then calls in turn."""
    outcomes, served = {name: Outcome() for name in models}, {}
    with ExitStack() as stack:
        for name, outcome in outcomes.items():
            with outcome.noting():
                served[name] = stack.enter_context(Served(models[name], name))
                outcome.about = served[name].about
                outcome.begin(served[name].output(task.size, task.frame))
        for _ in range(repeat):
            for name, model in served.items():
                if outcomes[name].wants_more(repeat):
                    with outcomes[name].noting():
                        outcomes[name].seconds.append(model.output(task.size, task.frame).seconds)
        for name, outcome in outcomes.items():
            if outcome.error is None:
                with outcome.noting():
                    outcome.memory = served[name].memory()
            advance()
    return outcomes


def _rows(task: Task, outcomes: Mapping[str, Outcome], flop: float, matmul: float) -> list[Row]:
    """Rows of a task; the last contender is the baseline of those with as many calls."""
    rows = []
    for name, outcome in outcomes.items():
        if outcome.error is not None:
            rows.append(Row(str(task), name, error=outcome.error))
            continue
        assert outcome.first is not None
        assert outcome.memory is not None
        middle = median(outcome.seconds)
        row = Row(
            str(task),
            name,
            Spread.of(outcome.seconds),
            flop_per_second=flop / middle,
            ceiling="matmul",
            fraction_of_ceiling=flop / middle / matmul,
            peak_memory_bytes=outcome.memory.peak,
            details={
                "preset": task.preset,
                "over": task.over,
                "pixels": task.pixels,
                "calls": len(outcome.seconds),
                "first_milliseconds": 1e3 * outcome.first.seconds,
                "pieces": outcome.first.pieces,
                "memory_for_outputs": outcome.memory.for_outputs,
            },
        )
        last, slowest = list(outcomes.items())[-1]
        comparable = slowest.error is None and len(slowest.seconds) == len(outcome.seconds) and len(outcomes) > 1
        rows.append(with_speedup(row, last, slowest.seconds, outcome.seconds) if comparable else row)
    return rows


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


def _text(size: Size) -> str:
    return f"{size[0]}x{size[1]}"
