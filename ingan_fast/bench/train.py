"""`ingan-fast bench train`: one training iteration by each engine and by a plain implementation, on the same draws."""

import gc
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import partial

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from ingan_fast.bench.conditions import CONDITIONS, measure_under
from ingan_fast.bench.machine import PeakMemory, describe, measure_matmul
from ingan_fast.bench.memory import process_peak
from ingan_fast.bench.plain import PlainIteration
from ingan_fast.bench.results import Results, Row
from ingan_fast.bench.timing import Spread, Stopwatch, noise_of_ratio, take_turns
from ingan_fast.callbacks import Advance
from ingan_fast.model.sampling import Batch, Sampler
from ingan_fast.model.state import TrainingState
from ingan_fast.model.step import training_step
from ingan_fast.pictures import Pixels, fit_within
from ingan_fast.quality.resampling import plain_resize
from ingan_fast.settings import Settings, preset, with_changes
from ingan_fast.threads import Threads, using_threads
from ingan_fast.training.engine import make_engine

PLAIN, EAGER = "plain", "eager"
CHECKED = 3  # first steps whose losses are compared: an engine with graphs runs, captures and replays
# Allowed difference from the eager losses, relative to the largest one.
TOLERANCE = 0.05
CONDITIONED = 6  # timed iterations under each condition
# Untimed steps per shape: `graphs` runs the first, captures the second, replays the third.
MOST_ROUNDS = 3
ROUNDS = {EAGER: 1}

Step = Callable[[Batch], object]


@dataclass(frozen=True)
class TrainRequest:
    """What to measure."""

    preset: str
    engines: tuple[str, ...]
    iterations: int  # timed iterations per engine
    crop: int | None = None  # px a side; None: the preset's
    plain: bool = True  # also measure the plain implementation
    conditions: bool = False  # also measure under each of `conditions.CONDITIONS`
    ceiling: bool = True  # also count operations and measure the machine's ceiling; off under a condition


@dataclass
class Contender:
    """An engine that is ready to be timed, or an error."""

    name: str
    step: Step
    warm_up_seconds: float = 0.0
    peak_memory: dict[str, int] = field(default_factory=dict)
    fell_back: str | None = None  # why the engine switched to a slower mode
    error: str | None = None


def prepare(request: TrainRequest, picture: Pixels) -> tuple[Pixels, Settings]:
    """The picture, enlarged if a crop wouldn't fit, and the preset's settings with the request's crop.

    Raises:
        UserError: no such preset, or a crop out of its range.
    """
    changes = {} if request.crop is None else {"crop": request.crop}
    settings = with_changes(preset(request.preset), changes)
    picture = fit_within(picture, settings.max_side)
    height, width = picture.shape[:2]
    if settings.crop > min(height, width):
        factor = settings.crop / min(height, width)
        picture = plain_resize(picture, (math.ceil(width * factor), math.ceil(height * factor))).copy()  # writable
    return picture, settings


def measure(request: TrainRequest, picture: Pixels, device: torch.device, advance: Advance = lambda: None) -> Results:
    """A row per engine (see benchmarks/README.md).

    An engine whose first losses differ from the eager ones, or that runs out of memory, has an `error` in its row and
    no times. `advance` is called `steps(request)` times.

    Raises:
        UserError: no such preset, or a crop out of its range.
    """
    picture, settings = prepare(request, picture)
    sampler = Sampler([picture], settings, 0, device)
    draws = sampler.calibration(request.iterations)
    one_of_each = list({draw.size: draw for draw in draws}.values())
    operations = _count_operations(settings, device, one_of_each) if request.ceiling else None
    advance()
    matmul = measure_matmul(device) if request.ceiling else None
    advance()
    expected = _first_losses(EAGER, settings, device, one_of_each[0])
    advance()
    contenders = []
    for name in _names(request):
        contenders.append(_contender(name, settings, device, one_of_each, expected))
        advance()
    seconds = _time([one for one in contenders if one.error is None], draws, device, advance)
    operations_a_draw = None if operations is None else statistics.fmean(operations[draw.size] for draw in draws)
    crop = "x".join(map(str, sampler.crop_size((picture.shape[1], picture.shape[0]))))
    spent = _time_draws(sampler, request.iterations, device)
    case = f"crops {crop}, preset {request.preset}"
    ceiling = None if matmul is None else matmul["flop_per_second"]
    rows = _rows(case, contenders, seconds, operations_a_draw, ceiling)
    for condition in CONDITIONS if request.conditions else ():
        rows += measure_under(condition, _words(request), picture)
        advance()
    return Results(
        "train",
        describe(device),
        asdict(request),
        rows,
        ceilings={} if ceiling is None else {"matmul": ceiling},
        details={
            "flop_per_iteration": operations_a_draw,
            "shapes": len(one_of_each),
            "matmul": matmul,
            "draw_milliseconds": spent.as_dict(),
            "process_peak_bytes": process_peak(),
            "notices": [f"{row.name}: {row.details['fell_back']}" for row in rows if row.details.get("fell_back")],
            "notes": [
                *([f"{operations_a_draw / 1e9:.3g} GFLOP an iteration on average"] if operations_a_draw else []),
                f"{len(one_of_each)} sizes, making a draw {spent.median:.3g} ms",
            ],
        },
    )


def steps(request: TrainRequest) -> int:
    """Number of calls of `advance` by `measure`, except for engines that fail."""
    return 3 + len(_names(request)) * (1 + request.iterations) + len(CONDITIONS) * request.conditions


def _words(request: TrainRequest) -> list[str]:
    """A command that measures the same with fewer iterations."""
    words = ["train", "--device", "cpu", "--times-only", "--preset", request.preset]
    words += ["--iterations", str(min(request.iterations, CONDITIONED)), "--plain" if request.plain else "--no-plain"]
    words += [word for name in request.engines for word in ("--engine", name)]
    return words if request.crop is None else [*words, "--crop", str(request.crop)]


def _names(request: TrainRequest) -> list[str]:
    return [*dict.fromkeys(request.engines), *[PLAIN] * request.plain]


def _count_operations(settings: Settings, device: torch.device, draws: list[Batch]) -> dict[tuple[int, int], int]:
    """FLOP of an eager step by output size: convolutions and matrix products, 2 per multiply-add."""
    state = _new_state(settings, device)
    counts = {}
    for draw in draws:
        with FlopCounterMode(display=False) as counter:
            training_step(state, draw)
        counts[draw.size] = counter.get_total_flops()
    return counts


def _first_losses(engine_name: str, settings: Settings, device: torch.device, draw: Batch) -> Tensor:
    """Losses [CHECKED, 4] of the first steps of a training on a single draw."""
    state, engine = _new_state(settings, device), make_engine(engine_name, device, lambda text: None)
    return _losses(lambda draw: engine.step(state, draw), draw)


def _losses(step: Callable[[Batch], Tensor], draw: Batch) -> Tensor:
    return torch.stack([step(draw).clone() for _ in range(CHECKED)]).float().cpu()


def _contender(name: str, settings: Settings, device: torch.device, draws: list[Batch], expected: Tensor) -> Contender:
    """An engine, warmed up on every shape."""
    memory, start = PeakMemory(device), time.perf_counter()
    try:
        if name == PLAIN:
            contender = _plain(settings, device, draws)
        else:
            contender = _engine(name, settings, device, draws, expected)
    except torch.OutOfMemoryError as error:  # measure the others anyway
        contender = Contender(name, lambda draw: None, error=str(error).splitlines()[0])
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    contender.warm_up_seconds, contender.peak_memory = time.perf_counter() - start, memory.so_far()
    return contender


def _engine(name: str, settings: Settings, device: torch.device, draws: list[Batch], expected: Tensor) -> Contender:
    notices: list[str] = []
    state, engine = _new_state(settings, device), make_engine(name, device, notices.append)

    def step(draw: Batch) -> object:
        return engine.step(state, draw)

    contender, ways = Contender(name, step if device.type == "cuda" else _as_trained(step)), len(engine.ways)
    losses = _losses(lambda draw: engine.step(state, draw), draws[0])
    for _ in range(ROUNDS.get(name, MOST_ROUNDS)):
        for draw in draws:
            contender.step(draw)
    if len(engine.ways) < ways:
        contender.fell_back = notices[-1]
    off = float((losses - expected).abs().max() / expected.abs().max())
    if not off <= TOLERANCE:  # also if NaN
        contender.error = f"wrong result: its first losses are off by {off:.2g} of eager's, allowed is {TOLERANCE:g}"
    return contender


def _as_trained(step: Step) -> Step:
    """Run with as many threads as a training would use: fewer if the CPU is busy."""
    threads = Threads()
    count = threads.settled(torch.get_num_threads())

    def followed(draw: Batch) -> None:
        nonlocal count
        threads.look()
        count = threads.suitable(count)
        with using_threads(count):
            step(draw)

    return followed


def _plain(settings: Settings, device: torch.device, draws: list[Batch]) -> Contender:
    contender = Contender(PLAIN, PlainIteration(_new_state(settings, device)))
    for draw in draws:
        contender.step(draw)
    return contender


def _time(
    contenders: list[Contender], draws: list[Batch], device: torch.device, advance: Advance
) -> dict[str, list[float]]:
    """Seconds of each contender's iterations; all take the same draw in turn."""
    stopwatch = Stopwatch(device)
    seconds: dict[str, list[float]] = {one.name: [] for one in contenders}
    for draw in draws:
        for one in contenders:
            seconds[one.name].append(stopwatch.seconds(partial(one.step, draw)))
            advance()
    return seconds


def _time_draws(sampler: Sampler, count: int, device: torch.device) -> Spread:
    """Time to make a draw; a training makes the next one while the GPU works."""
    last = sampler.settings.iterations - 1
    return take_turns({"draw": lambda: sampler.draw(last)}, count, Stopwatch(device))["draw"]


def _rows(
    case: str,
    contenders: list[Contender],
    seconds: dict[str, list[float]],
    operations: float | None,
    ceiling: float | None,
) -> list[Row]:
    means = {name: statistics.fmean(values) for name, values in seconds.items()}
    rows = []
    for one in contenders:
        if one.error is not None:
            rows.append(Row(case, one.name, error=one.error))
            continue
        achieved = None if operations is None else operations / means[one.name]
        noise = noise_of_ratio(seconds[PLAIN], seconds[one.name]) if PLAIN in means else None
        row = Row(
            case,
            one.name,
            Spread.of(seconds[one.name]),
            baseline=PLAIN if PLAIN in means else None,
            times_as_fast=means[PLAIN] / means[one.name] if PLAIN in means else None,
            flop_per_second=achieved,
            ceiling=None if ceiling is None else "matmul",
            fraction_of_ceiling=None if ceiling is None or achieved is None else achieved / ceiling,
            peak_memory_bytes=one.peak_memory.get("reserved"),
            details={
                "times_as_fast_noise": noise,
                "warm_up_seconds": one.warm_up_seconds,
                "fell_back": one.fell_back,
                "allocated_bytes": one.peak_memory.get("allocated"),
            },
        )
        rows.append(row)
    return rows


def _new_state(settings: Settings, device: torch.device) -> TrainingState:
    gc.collect()  # frees the previous training's memory
    state = TrainingState(settings, 0, device)
    state.settings = replace(settings, iterations=1_000_000)  # keeps the schedules constant
    state.set_schedules()
    return state
