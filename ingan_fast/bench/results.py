"""Benchmark results as a file, with one schema for all benchmarks."""

import json
import statistics
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ingan_fast.bench import checked
from ingan_fast.bench.timing import Spread, noise_of_ratio
from ingan_fast.errors import UserError
from ingan_fast.files import atomic_write

SCHEMA = "ingan-fast/bench/1"

# Expected types in a file (`checked`); the set of keys is given by the classes.
MACHINE = {"device": str, "name": str, "threads": int, "versions": {str: (str, None)}}
SPREAD = {"median": float, "p20": float, "p80": float, "mean": float}
ROW = {
    "case": str,
    "name": str,
    "milliseconds": (SPREAD, None),
    "baseline": (str, None),
    "times_as_fast": (float, None),
    "flop_per_second": (float, None),
    "bytes_per_second": (float, None),
    "ceiling": (str, None),
    "fraction_of_ceiling": (float, None),
    "peak_memory_bytes": (int, None),
    "error": (str, None),
    "details": dict,
}
RESULTS = {
    "benchmark": str,
    "machine": MACHINE,
    "settings": dict,
    "rows": [ROW],
    "ceilings": {str: float},
    "details": dict,
    "commit": (str, None),
    "created": str,
}


@dataclass(frozen=True)
class Row:
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
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Results:
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
    machine: dict[str, Any]
    settings: dict[str, Any]
    rows: list[Row]
    ceilings: dict[str, float] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    commit: str | None = field(default_factory=lambda: commit())
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    @property
    def errors(self) -> list[str]:
        """Errors, one line each."""
        return [f"{row.case}, {row.name}: {row.error}" for row in self.rows if row.error is not None]

    def as_json(self) -> str:
        return json.dumps({"schema": SCHEMA} | asdict(self), indent=2, allow_nan=False) + "\n"

    def write(self, path: Path) -> None:
        """Write the file; raises UserError if `path` can't be written."""
        atomic_write(path, self.as_json().encode())

    @classmethod
    def read(cls, path: Path) -> "Results":
        """Read a file; raises UserError: no such file, not JSON, another schema, or missing or unknown keys."""
        return cls._of(checked.load(path), str(path))

    @classmethod
    def parse(cls, text: str, name: str) -> "Results":
        """Parse a file's text; raises UserError like `read`, with `name` in the message."""
        return cls._of(checked.parse(text, name), name)

    @classmethod
    def _of(cls, document: Any, name: str) -> "Results":
        found = document.get("schema") if isinstance(document, dict) else None
        if found != SCHEMA:
            raise UserError(f"{name} has the schema {found!r}, but this version reads {SCHEMA!r}; measure again")
        content = {key: value for key, value in document.items() if key != "schema"}
        checked.check(content, RESULTS, name)
        _check_keys(cls, content, name)
        return cls(**content | {"rows": [_row(row, f"{name}.rows[{at}]") for at, row in enumerate(content["rows"])]})


def with_speedup(row: Row, baseline: str, of_baseline: list[float], own: list[float]) -> Row:
    """The row with its ratio to a baseline, from the medians of seconds timed in turns."""
    ratio = statistics.median(of_baseline) / statistics.median(own)
    noise = noise_of_ratio(of_baseline, own)
    details = row.details | {"times_as_fast_noise": noise}
    return replace(row, baseline=baseline, times_as_fast=ratio, details=details)


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


def _row(document: dict[str, Any], name: str) -> Row:
    _check_keys(Row, document, name)
    spread = document["milliseconds"]
    if spread is not None:
        _check_keys(Spread, spread, f"{name}.milliseconds")
        spread = Spread(**spread)
    return Row(**document | {"milliseconds": spread})


def _check_keys(of: type, found: Iterable[str], name: str) -> None:
    known, found = {one.name for one in fields(of)}, set(found)
    if found != known:
        odd = ", ".join(sorted(known ^ found))
        raise UserError(f"{name} does not fit the schema {SCHEMA!r} (missing or unknown: {odd}); measure again")
