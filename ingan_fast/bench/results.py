"""Benchmark results as a file, with one schema for all benchmarks."""

import statistics
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import msgspec

from ingan_fast.bench import schema
from ingan_fast.bench.timing import Spread, noise_of_ratio


class Machine(TypedDict):
    """What `machine.describe` returns."""

    device: str
    name: str
    threads: int
    versions: dict[str, str | None]
    cuda: NotRequired[str | None]


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Result of one contender in one case.

    Attributes:
        case: the task, such as "640x480, preset paper"; rows of one case are compared.
        name: the contender.
        milliseconds: None if there is an `error`.
        baseline: name of the row of this case, timed in turns with this one, that `times_as_fast` refers to.
        times_as_fast: the baseline's median over this one's (for training iterations: of the means).
        flop_per_second: of convolutions and matrix products; a multiply-add counts as 2.
        bytes_per_second: from the minimum number of bytes to move.
        ceiling: key of `Results.ceilings` that `fraction_of_ceiling` refers to.
        fraction_of_ceiling: 1 is the ceiling.
        peak_memory_bytes: the process's largest resident set; on a GPU, memory reserved above the initial usage.
        error: why there are no times.
        details: further values of this benchmark.
    """

    case: str
    name: str
    milliseconds: Spread | None = None
    baseline: str | None = None
    times_as_fast: float | None = None
    flop_per_second: float | None = None
    bytes_per_second: float | None = None
    ceiling: str | None = None
    fraction_of_ceiling: float | None = None
    peak_memory_bytes: int | None = None
    error: str | None = None
    details: dict[str, Any] = {}


class Results(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="schema", tag="ingan-fast/bench/1"):
    """Results of one run of one benchmark.

    Attributes:
        machine: from `machine.describe`.
        settings: the request.
        ceilings: per second, measured in the same run: "matmul" in FLOP, "copy" in bytes (read plus written).
        details: further values for all rows.
        commit: of the measured checkout, with "+" if it had changes; None outside a checkout.
        created: UTC, ISO 8601.
    """

    benchmark: str
    machine: Machine
    settings: dict[str, Any]
    rows: list[Row]
    ceilings: dict[str, float] = {}
    details: dict[str, Any] = {}
    commit: str | None = msgspec.field(default_factory=lambda: commit())
    created: str = msgspec.field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    @property
    def errors(self) -> list[str]:
        """Errors, one line each."""
        return [f"{row.case}, {row.name}: {row.error}" for row in self.rows if row.error is not None]

    def __post_init__(self) -> None:
        datetime.fromisoformat(self.created)

    def write(self, path: Path) -> None:
        """Write the file; raises UserError if `path` can't be written."""
        schema.write(self, path)

    @classmethod
    def read(cls, path: Path) -> "Results":
        """Read a file; raises UserError: no such file, not JSON, another schema, or it doesn't fit."""
        return schema.read(path, cls)


def with_speedup(row: Row, baseline: str, of_baseline: list[float], own: list[float]) -> Row:
    """The row with its ratio to a baseline, from the medians of seconds timed in turns."""
    ratio = statistics.median(of_baseline) / statistics.median(own)
    noise = noise_of_ratio(of_baseline, own)
    details = row.details | {"times_as_fast_noise": noise}
    return msgspec.structs.replace(row, baseline=baseline, times_as_fast=ratio, details=details)


def commit() -> str | None:
    """The checkout's commit, with "+" if tracked files have changes; None outside a checkout of this project."""
    folder = Path(__file__).resolve().parents[2]
    if not (folder / ".git").exists():
        return None
    try:
        name = _git(folder, "rev-parse", "--short=10", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return None
    return name + "+" * bool(changed)


def _git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", folder, *words], check=True, capture_output=True, text=True).stdout.strip()
