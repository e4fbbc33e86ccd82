"""`ingan-fast bench warp`: the homography warp beside plain torch, as a part of a copy's speed."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ingan_fast.bench.machine import describe, memory
from ingan_fast.bench.timing import Advance, Stopwatch, take_turns
from ingan_fast.bench.warp_methods import (
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
from ingan_fast.errors import UserError
from ingan_fast.geometry import Size, Transform

WARM_UP = 3  # calls of each that are not timed
CALLS = 20  # on a GPU, of each from an idle device
COPY = "copy"
# Features, gradients and results of the methods, in float32: in units of the features and the result.
TENSORS_AT_ONCE = 6


@dataclass(frozen=True)
class WarpRequest:
    """What is measured."""

    size: Size  # (width, height) of the source, px
    channels: int
    dtype: str  # a name in torch
    padding: str
    repeat: int
    compiled: bool  # also inductor's


def cases(size: Size) -> dict[str, Transform]:
    """A plain resize to the same size, one to 1.5 times both sides, and a trapezoid, by name."""
    corners = np.array([[0.18, 0], [0.82, 0.08], [1, 1], [0, 0.94]]) * size
    return {
        "x1": Transform.resize(size),
        "x1.5": Transform.scale(1.5, 1.5, size),
        "perspective": Transform.from_corners(corners, size),
    }


def steps(request: WarpRequest, device: torch.device) -> int:
    """How many calls `measure` makes, for a progress bar."""
    rows = sum(len(method.directions) for method in methods(device, request.compiled))
    timed = WARM_UP + request.repeat + (CALLS if device.type == "cuda" else 0)
    return len(cases(request.size)) * (rows + (rows + 1) * timed)  # each is checked; a copy is timed with them


def measure(request: WarpRequest, device: torch.device, advance: Advance = lambda: None) -> dict[str, Any]:
    """The report, for JSON (benchmarks/README.md tells its fields).

    A method whose result is wrong or that can't run has an "error" in its rows, and no times.

    Raises:
        UserError: the features don't fit into memory.
    """
    _check_memory(request, device)
    ways = methods(device, request.compiled)
    return {
        "benchmark": "warp",
        "machine": describe(device),
        "settings": asdict(request),
        "cases": [
            _measure_case(name, transform, request, ways, device, advance)
            for name, transform in cases(request.size).items()
        ],
    }


def errors(report: dict[str, Any]) -> list[str]:
    """What was refused, a line each."""
    return [
        f"{case['name']}, {row['name']}, {row['direction']}: {row['error']}"
        for case in report["cases"]
        for row in case["rows"]
        if "error" in row
    ]


def _measure_case(
    name: str, transform: Transform, request: WarpRequest, ways: list[Method], device: torch.device, advance: Advance
) -> dict[str, Any]:
    dtype: torch.dtype = getattr(torch, request.dtype)
    if request.compiled:
        torch._dynamo.reset()  # graphs of a function are limited; each case has its own
    problem = Problem.random(transform, request.size, request.channels, dtype, device, request.padding)
    rows, actions = _checked_rows(problem, ways, advance)
    forward_bytes = problem.least_bytes(FORWARD)
    actions[COPY] = _copy(forward_bytes, device)
    stopwatch = Stopwatch(device, cold=True)
    take_turns(actions, WARM_UP, stopwatch, advance)
    times = take_turns(actions, request.repeat, stopwatch, advance)
    calls = take_turns(actions, CALLS, Stopwatch(device), advance) if device.type == "cuda" else {}
    ceiling = forward_bytes / (times[COPY].median / 1e3)
    for row in rows:
        key, eager = _key(row["name"], row["direction"]), times.get(_key(EAGER, row["direction"]))
        if key in times:
            achieved = row["bytes"] / (times[key].median / 1e3)
            row["milliseconds"] = times[key].as_dict()
            row["call_milliseconds"] = calls[key].as_dict() if calls else None
            row["bytes_per_second"] = achieved
            row["fraction_of_copy"] = achieved / ceiling
            row["times_as_fast_as_eager"] = None if eager is None else eager.median / times[key].median
    return {
        "name": name,
        "output": list(transform.size),
        "copy": {"bytes": forward_bytes, "milliseconds": times[COPY].as_dict(), "bytes_per_second": ceiling},
        "rows": rows,
    }


def _checked_rows(
    problem: Problem, ways: list[Method], advance: Advance
) -> tuple[list[dict[str, Any]], dict[str, Callable[[], object]]]:
    """A row of each method and direction, and by key the actions of those whose results are right."""
    expected, dtype = reference(problem), problem.features.dtype
    single = problem.in_float32()
    rows: list[dict[str, Any]] = []
    actions: dict[str, Callable[[], object]] = {}
    for method in ways:
        for direction in method.directions:
            call = action(method, problem, direction)
            row: dict[str, Any] = {"name": method.name, "direction": direction, "bytes": problem.least_bytes(direction)}
            try:
                row["relative_error"] = _checked(call(), expected[direction], dtype)
                if method.name.startswith("ours"):  # the kernels for float32 are others
                    exact = action(method, single, direction)()
                    row["relative_error_float32"] = _checked(exact, expected[direction], torch.float32)
                actions[_key(method.name, direction)] = call
            except (RuntimeError, WrongResult) as error:  # of a compiler, too: the other rows shall be measured
                row["error"] = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
            rows.append(row)
            advance()
    return rows, actions


class WrongResult(Exception):
    """A result of which no speed is told."""


def _checked(result: Tensor, expected: Tensor, dtype: torch.dtype) -> float:
    error = relative_error(result, expected)
    if not error <= TOLERANCE[dtype]:  # also where it is no number
        raise WrongResult(f"wrong result: off by {error:.2g} of its norm in {dtype}, allowed is {TOLERANCE[dtype]:g}")
    return error


def _copy(moved: int, device: torch.device) -> Callable[[], Tensor]:
    """A copy that reads and writes `moved` bytes together."""
    source = torch.ones(moved // 2, dtype=torch.int8, device=device)
    target = torch.empty_like(source)
    return lambda: target.copy_(source)


def _key(name: str, direction: str) -> str:
    return f"{name} | {direction}"


def _check_memory(request: WarpRequest, device: torch.device) -> None:
    pixels = sum(side[0] * side[1] for side in (request.size, cases(request.size)["x1.5"].size))
    needed, there = 4 * TENSORS_AT_ONCE * request.channels * pixels, memory(device)
    if needed > there:
        width, height = request.size
        raise UserError(
            f"{request.channels} channels of {width}x{height} need about {needed / 1e9:.0f} GB and there are "
            f"{there / 1e9:.0f} GB; give a smaller --size or fewer --channels"
        )
