"""`ingan-fast bench retarget`: one output by each backend, compared with the unfolded generator after training."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch

from ingan_fast.bench.conditions import AVX2, CONDITIONS, Condition, measure_under
from ingan_fast.bench.machine import describe, measure_matmul
from ingan_fast.bench.models import count_flop, installed, write_run
from ingan_fast.bench.results import Results, Row, with_speedup
from ingan_fast.bench.served import Served
from ingan_fast.bench.timing import Spread, Stopwatch, seconds_in_turns, take_turns
from ingan_fast.callbacks import Advance
from ingan_fast.errors import UserError
from ingan_fast.export.run import ExportOptions, export
from ingan_fast.geometry import Size, Transform
from ingan_fast.model.networks import Generator
from ingan_fast.model.sampling import sampling_tensor, to_pixels, to_tensor
from ingan_fast.pictures import Pixels
from ingan_fast.runtime.retargeter import Retargeter, load
from ingan_fast.training.trained import read_run

CPU = torch.device("cpu")
EAGER = "eager, unfolded"
BACKENDS = ("torch", "onnxruntime", "openvino")
WARM_UP = 2
ALLOWED = 2.0  # allowed error of 99.9 % of the values, in grey levels


@dataclass(frozen=True)
class RetargetRequest:
    """What to measure; the generator has random weights."""

    preset: str = "paper"
    size: Size = (640, 480)  # (width, height)
    repeat: int = 5
    conditions: bool = False  # also under each of `conditions.CONDITIONS`


@dataclass
class Inside:
    """Times a backend's own call inside the runtime's."""

    call: Callable[..., Any]
    seconds: list[float] = field(default_factory=list)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        start = time.perf_counter()
        result = self.call(*arguments, **options)
        self.seconds.append(time.perf_counter() - start)
        return result


def steps(request: RetargetRequest) -> int:
    return (1 + len(installed(BACKENDS))) * (request.repeat + WARM_UP + 1) + len(CONDITIONS) * request.conditions


def _under(condition: Condition, request: RetargetRequest, picture: Pixels) -> list[Row]:
    width, height = request.size
    words = ["retarget", "--preset", request.preset, "--size", f"{width}x{height}", "--repeat", str(request.repeat)]
    rows = measure_under(condition, words, picture)
    # Only torch respects the limits of the instruction set.
    return [row for row in rows if row.error or condition is not AVX2 or row.name in (EAGER, "torch")]


def measure(request: RetargetRequest, picture: Pixels, advance: Advance = lambda: None) -> Results:
    """A row per installed backend.

    If a backend can't run the model, or its picture is wrong, its row has an `error` and no times.

    Raises:
        UserError: onnx is not installed.
    """
    transform = Transform.resize(request.size)
    case = f"{request.size[0]}x{request.size[1]}, preset {request.preset}"
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        generator = write_run(run, request.preset, picture)
        model = export(read_run(run), Path(folder) / "model", ExportOptions()).path
        paths = {name: run if name == "torch" else model for name in installed(BACKENDS)}
        expected = _eager(generator, picture, transform)
        advance()
        ready, errors = {}, []
        for name, path in paths.items():
            try:
                ready[name] = _right(name, path, transform, expected)
            except (UserError, RuntimeError) as error:  # measure the others anyway
                errors.append(Row(case, name, error=str(error)))
            advance()
        seconds, inside = _time(partial(_eager, generator, picture, transform), ready, transform, request, advance)
        peaks = {name: _peak_memory(paths[name], name, request.size) for name in ready}
        flop, matmul = count_flop(load(run, "cpu").retarget, transform), measure_matmul(CPU)
    rows = [_row(case, name, seconds, inside.get(name), peaks.get(name)) for name in seconds]
    conditioned = []
    for condition in CONDITIONS if request.conditions else ():
        conditioned += _under(condition, request, picture)
        advance()
    return Results(
        "retarget",
        describe(CPU),
        asdict(request),
        [_beside_matmul(row, flop, matmul["flop_per_second"]) for row in rows] + conditioned + errors,
        ceilings={"matmul": matmul["flop_per_second"]},
        details={
            "source_size": [picture.shape[1], picture.shape[0]],
            "flop": flop,
            "matmul": matmul,
            "notes": [
                f"uint8 to uint8 from {picture.shape[1]}x{picture.shape[0]}; {flop / 1e9:.3g} GFLOP",
                *(retargeter.describe() for retargeter in ready.values()),
            ],
        },
    )


def _right(name: str, path: Path, transform: Transform, expected: Pixels) -> Retargeter:
    """Open the model in a backend and check its picture.

    Raises:
        UserError, RuntimeError: it can't run the model, or its picture differs from the expected one.
    """
    retargeter = Retargeter.open(path, "cpu", name)
    off = np.quantile(np.abs(retargeter(transform=transform).astype(int) - expected), 0.999)
    if off > ALLOWED:
        raise RuntimeError(f"wrong result: its picture is {off:.3g} grey levels off, allowed is {ALLOWED:g}")
    return retargeter


def _time(
    eager: Callable[[], object],
    ready: dict[str, Retargeter],
    transform: Transform,
    request: RetargetRequest,
    advance: Advance,
) -> tuple[dict[str, list[float]], dict[str, Inside]]:
    """Seconds of each contender's outputs, and of the backends' own calls inside."""
    inside = {name: _listen(retargeter) for name, retargeter in ready.items()}
    actions: dict[str, Callable[[], object]] = {
        EAGER: eager,
        **{name: partial(one, transform=transform) for name, one in ready.items()},
    }
    take_turns(actions, WARM_UP, Stopwatch(CPU), advance)
    for each in inside.values():
        each.seconds.clear()
    return seconds_in_turns(actions, request.repeat, Stopwatch(CPU), advance), inside


def _row(case: str, name: str, seconds: dict[str, list[float]], inside: Inside | None, peak: int | None) -> Row:
    spread, details = Spread.of(seconds[name]), {}
    if inside is not None:
        alone = Spread.of(inside.seconds)
        details = {"milliseconds_inside": alone.as_dict(), "overhead": 1 - alone.mean / spread.mean}
    row = Row(case, name, spread, peak_memory_bytes=peak, details=details)
    return with_speedup(row, EAGER, seconds[EAGER], seconds[name])


def _beside_matmul(row: Row, flop: int, ceiling: float) -> Row:
    assert row.milliseconds is not None
    rate = flop / (row.milliseconds.median / 1e3)
    return msgspec.structs.replace(row, flop_per_second=rate, ceiling="matmul", fraction_of_ceiling=rate / ceiling)


@torch.inference_mode()
def _eager(generator: Generator, picture: Pixels, transform: Transform) -> Pixels:
    """The generator as after training: with norms, in float32, uint8 to uint8."""
    x = to_tensor(picture).contiguous()
    return to_pixels(generator(x, sampling_tensor(transform, x.device), transform.size[::-1]))


def _listen(retargeter: Retargeter) -> Inside:
    """Wrap the backend's own call, so that each one is timed."""
    backend: Any = retargeter._backend
    owner, name = {
        "onnxruntime": lambda: (backend._session, "run"),
        "openvino": lambda: (backend._request, "infer"),
        "torch": lambda: (backend, "_graph"),
    }[backend.name]()
    inside = Inside(getattr(owner, name))
    setattr(owner, name, inside)
    return inside


def _peak_memory(model: Path, backend: str, size: Size) -> int:
    """Peak memory of a separate process, in bytes."""
    with Served(model, backend) as served:
        for _ in range(2):
            served.output(size)
        return served.memory().peak
