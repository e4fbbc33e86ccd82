"""`ingan-fast bench warp`: the homography warp compared with plain torch, relative to a copy's speed."""

import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass

import msgspec
import numpy as np
import torch
from torch import Tensor

from ingan_fast.bench.machine import describe, memory
from ingan_fast.bench.results import Results, Row, with_speedup
from ingan_fast.bench.timing import Spread, Stopwatch, seconds_in_turns, take_turns
from ingan_fast.bench.warp_methods import (
    BOTH,
    EAGER,
    FORWARD,
    TOLERANCE,
    Method,
    Problem,
    action,
    methods,
    reference,
    relative_error,
)
from ingan_fast.callbacks import Advance
from ingan_fast.errors import UserError
from ingan_fast.geometry import Size, Transform

WARM_UP = 3  # untimed calls of each
CALLS = 20  # timed calls of each from an idle GPU
COPY = "copy"
# Memory of the methods' features, gradients and results in float32, in units of features plus result.
TENSORS_AT_ONCE = 6


@dataclass(frozen=True)
class WarpRequest:
    """What to measure."""

    size: Size = (640, 480)  # (width, height) of the source, px
    channels: int = 64
    dtype: str = "bfloat16"  # a name in torch
    padding: str = "reflection"
    repeat: int = 5
    compiled: bool = False  # also measure inductor


def cases(size: Size) -> dict[str, Transform]:
    """A plain resize to the same size, one to 1.5 times both sides, and a trapezoid, by name."""
    corners = np.array([[0.18, 0], [0.82, 0.08], [1, 1], [0, 0.94]]) * size
    return {
        "x1": Transform.resize(size),
        "x1.5": Transform.scale(1.5, 1.5, size),
        "perspective": Transform.from_corners(corners, size),
    }


def steps(request: WarpRequest, device: torch.device) -> int:
    """Number of calls that `measure` makes, for a progress bar."""
    rows = sum(len(method.directions) for method in methods(device, request.compiled))
    timed = WARM_UP + request.repeat + (CALLS if device.type == "cuda" else 0)
    return len(cases(request.size)) * (rows + (rows + 1) * timed)  # each is checked, then timed together with a copy


def measure(request: WarpRequest, device: torch.device, advance: Advance = lambda: None) -> Results:
    """A row per case, direction and method (see benchmarks/README.md).

    A method that fails or whose result is wrong has an `error` in its rows, and no times.

    Raises:
        UserError: the features don't fit into memory.
    """
    _check_memory(request, device)
    ways = methods(device, request.compiled)
    copied = _largest(request)
    rows: list[Row] = []
    copies = []
    for name, transform in cases(request.size).items():
        found, copy = _measure_case(name, transform, request, ways, copied, device, advance)
        rows += found
        copies.append(copy.median)
    ceiling = copied / (statistics.median(copies) / 1e3)
    return Results(
        "warp",
        describe(device),
        asdict(request),
        [_beside_the_copy(row, ceiling) for row in rows],
        ceilings={COPY: ceiling},
        details={"copy_bytes": copied, "notes": [_about(request)]},
    )


def _measure_case(
    name: str,
    transform: Transform,
    request: WarpRequest,
    ways: list[Method],
    copied: int,
    device: torch.device,
    advance: Advance,
) -> tuple[list[Row], Spread]:
    """The case's rows, and the time of a copy measured with them."""
    dtype: torch.dtype = getattr(torch, request.dtype)
    if request.compiled:
        torch._dynamo.reset()  # the number of graphs per function is limited
    problem = Problem.random(transform, request.size, request.channels, dtype, device, request.padding)
    rows, actions = _checked_rows(name, problem, ways, advance)
    timed = actions | {COPY: _copy(copied, device)}
    stopwatch = Stopwatch(device, cold=True)
    take_turns(timed, WARM_UP, stopwatch, advance)
    seconds = seconds_in_turns(timed, request.repeat, stopwatch, advance)
    calls = take_turns(timed, CALLS, Stopwatch(device), advance) if device.type == "cuda" else {}
    rows = [_timed(row, seconds, calls) if _key(row) in actions else row for row in rows]
    return rows, Spread.of(seconds[COPY])


def _timed(row: Row, seconds: dict[str, list[float]], calls: dict[str, Spread]) -> Row:
    own = Spread.of(seconds[_key(row)])
    if calls:
        row.details["call_milliseconds"] = calls[_key(row)].as_dict()
    row = msgspec.structs.replace(row, milliseconds=own, bytes_per_second=row.details["bytes"] / (own.median / 1e3))
    eager = seconds.get(_key(msgspec.structs.replace(row, name=EAGER)))
    return row if eager is None else with_speedup(row, EAGER, eager, seconds[_key(row)])


def _beside_the_copy(row: Row, ceiling: float) -> Row:
    if row.bytes_per_second is None:
        return row
    return msgspec.structs.replace(row, ceiling=COPY, fraction_of_ceiling=row.bytes_per_second / ceiling)


def _checked_rows(
    name: str, problem: Problem, ways: list[Method], advance: Advance
) -> tuple[list[Row], dict[str, Callable[[], object]]]:
    """A row per direction and method, and by key the actions with correct results."""
    expected, dtype = reference(problem), problem.features.dtype
    single = problem.in_float32()
    rows: list[Row] = []
    actions: dict[str, Callable[[], object]] = {}
    for direction in (FORWARD, BOTH):
        for method in ways:
            if direction not in method.directions:
                continue
            call = action(method, problem, direction)
            row = Row(f"{name}, {direction}", method.name)
            row.details.update(output=list(problem.transform.size), bytes=problem.least_bytes(direction))
            try:
                row.details["relative_error"] = _checked(call(), expected[direction], dtype)
                if method.name.startswith("ours"):  # float32 has different kernels
                    exact = action(method, single, direction)()
                    row.details["relative_error_float32"] = _checked(exact, expected[direction], torch.float32)
                actions[_key(row)] = call
            except (RuntimeError, WrongResult) as error:  # includes compiler errors; measure the others anyway
                row = msgspec.structs.replace(
                    row, error=(str(error).strip() or type(error).__name__).splitlines()[0][:300]
                )
            rows.append(row)
            advance()
    return rows, actions


class WrongResult(Exception):
    """A wrong result, whose speed is not reported."""


def _checked(result: Tensor, expected: Tensor, dtype: torch.dtype) -> float:
    error = relative_error(result, expected)
    if not error <= TOLERANCE[dtype]:  # also if NaN
        raise WrongResult(f"wrong result: off by {error:.2g} of its norm in {dtype}, allowed is {TOLERANCE[dtype]:g}")
    return error


def _copy(moved: int, device: torch.device) -> Callable[[], Tensor]:
    """A copy that moves `moved` bytes, read plus written."""
    source = torch.ones(moved // 2, dtype=torch.int8, device=device)
    target = torch.empty_like(source)
    return lambda: target.copy_(source)


def _about(request: WarpRequest) -> str:
    width, height = request.size
    return f"{request.channels} channels of {width}x{height}, {request.dtype}, padding {request.padding}"


def _key(row: Row) -> str:
    return f"{row.case} | {row.name}"


def _largest(request: WarpRequest) -> int:
    """Bytes that the forward pass of the largest case has to move."""
    pixels = sum(side[0] * side[1] for side in (request.size, cases(request.size)["x1.5"].size))
    return request.channels * pixels * getattr(torch, request.dtype).itemsize


def _check_memory(request: WarpRequest, device: torch.device) -> None:
    in_float32 = _largest(request) // getattr(torch, request.dtype).itemsize * 4
    needed, available = TENSORS_AT_ONCE * in_float32, memory(device)
    if needed > available:
        width, height = request.size
        raise UserError(
            f"{request.channels} channels of {width}x{height} need about {needed / 1e9:.0f} GB, but there are "
            f"{available / 1e9:.0f} GB; use a smaller size or fewer channels"
        )
