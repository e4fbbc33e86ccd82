"""Timing of single calls; contenders take turns; results are medians with their spread."""

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import msgspec
import torch

from ingan_fast.callbacks import Advance

Action = Callable[[], object]

# Cycles that a GPU is kept busy before a timed call (about 2 ms), in which the host enqueues all launches of the call:
# only the GPU's work is timed. A custom operator with its gradient takes the host up to 1 ms.
HEAD_START = 4_000_000
FLUSHED = 4  # multiple of the L2 cache's size that is overwritten
LEAST_FLUSHED = 64 << 20  # bytes
NORMAL_P80 = 0.842  # 80th percentile of a normal distribution, in standard deviations
MEDIANS_ERROR = 1.253  # standard error of a median relative to that of a mean
ERRORS = 4  # standard errors that count as noise: slow moments last longer than one turn


class Spread(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Statistics of call times in milliseconds."""

    median: float
    p20: float
    p80: float
    mean: float

    @classmethod
    def of(cls, seconds: list[float]) -> "Spread":
        """From the seconds of at least one call."""
        values = [1e3 * value for value in seconds]
        quantiles = statistics.quantiles(values, n=5, method="inclusive") if len(values) > 1 else values * 2
        return cls(statistics.median(values), quantiles[0], quantiles[-1], statistics.fmean(values))

    def as_dict(self) -> dict[str, float]:
        return msgspec.structs.asdict(self)


class Stopwatch:
    """Times calls on one device: with CUDA events on a GPU, with the clock on a CPU.

    Args:
        device: where the work is done.
        cold: (GPU only) overwrite the L2 cache before each call, and let the GPU start when the host has enqueued
            everything: measures the GPU's work on data from memory. Otherwise measures from an idle GPU to the end of
            the call, including launches.
    """

    def __init__(self, device: torch.device, cold: bool = False):
        self.device = device
        self.cold = cold and device.type == "cuda"
        if self.cold:
            cache: int = torch.cuda.get_device_properties(device).L2_cache_size
            size = max(FLUSHED * cache, LEAST_FLUSHED)
            self.flushed = torch.empty(size, dtype=torch.int8, device=device)

    def seconds(self, action: Action) -> float:
        """Duration of one call."""
        if self.device.type != "cuda":
            start = time.perf_counter()
            action()
            return time.perf_counter() - start
        before, after = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda.synchronize(self.device)
        if self.cold:
            self.flushed.zero_()
            torch.cuda._sleep(HEAD_START)
        before.record()
        action()
        after.record()
        torch.cuda.synchronize(self.device)
        return float(before.elapsed_time(after)) / 1e3


def take_turns(
    actions: Mapping[str, Action], repeat: int, stopwatch: Stopwatch, advance: Advance = lambda: None
) -> dict[str, Spread]:
    """Times of `repeat` calls of each action; see `seconds_in_turns`."""
    return {name: Spread.of(values) for name, values in seconds_in_turns(actions, repeat, stopwatch, advance).items()}


def seconds_in_turns(
    actions: Mapping[str, Action], repeat: int, stopwatch: Stopwatch, advance: Advance = lambda: None
) -> dict[str, list[float]]:
    """Seconds of `repeat` calls of each action, in turns, so that a slow moment of the machine affects all.

    `advance` is called after each call.
    """
    timed = {name: partial(stopwatch.seconds, action) for name, action in actions.items()}
    return results_in_turns(timed, repeat, advance)


def results_in_turns(
    actions: Mapping[str, Callable[[], float]], repeat: int, advance: Advance = lambda: None
) -> dict[str, list[float]]:
    """Results of `repeat` calls of each action, in turns; `advance` is called after each call."""
    results: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(repeat):
        for name, action in actions.items():
            results[name].append(action())
            advance()
    return results


def noise_of_ratio(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Relative uncertainty of the ratio of two medians, of times measured in turns.

    Computed as `ERRORS` standard errors of a median, from the 20th and 80th percentile of the ratios per turn, so
    that slow moments which affect both cancel. None for fewer than 3 turns.
    """
    if len(one) < 3:
        return None
    logs = [math.log(a / b) for a, b in zip(one, other, strict=True)]
    quantiles = statistics.quantiles(logs, n=5, method="inclusive")
    deviation = (quantiles[-1] - quantiles[0]) / (2 * NORMAL_P80)
    return ERRORS * MEDIANS_ERROR * deviation / math.sqrt(len(logs))
