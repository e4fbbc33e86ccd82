"""Results of a benchmark as a file: one schema for all of them, so that they can be compared and reported."""

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

# Of a file's values (`checked`); which keys there are, the classes say.
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
    """What one contender took for one case.

    Attributes:
        case: what was asked for, such as "640x480, preset paper"; rows of one case are compared.
        name: who did it.
        milliseconds: None where there is an `error`.
        baseline: the name of the row of this case, measured in turns with this one, that `times_as_fast` is of.
        times_as_fast: the baseline's median over this one's (for an iteration: of the means).
        flop_per_second: convolutions and matrix products, a multiplication and an addition are 2.
        bytes_per_second: of the least that has to be moved.
        ceiling: the name in `Results.ceilings` that `fraction_of_ceiling` is of.
        fraction_of_ceiling: 1 is the ceiling.
        peak_memory_bytes: the process's largest resident set; on a GPU what was reserved above what was taken before.
        error: why there are no times.
        details: what else this benchmark tells.
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
    """Of one run of one benchmark.

    Attributes:
        machine: of `machine.describe`.
        settings: what was asked for.
        ceilings: per second, measured in the same run: "matmul" in FLOP, "copy" in bytes (moved: read and written).
        details: what else this benchmark tells of all rows.
        commit: of the checkout that was measured, with "+" where it had changes; None outside one.
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
        """What was refused, a line each."""
        return [f"{row.case}, {row.name}: {row.error}" for row in self.rows if row.error is not None]

    def as_json(self) -> str:
        return json.dumps({"schema": SCHEMA} | asdict(self), indent=2, allow_nan=False) + "\n"

    def write(self, path: Path) -> None:
        """Raises UserError where `path` can't be written."""
        atomic_write(path, self.as_json().encode())

    @classmethod
    def read(cls, path: Path) -> "Results":
        """Raises UserError: no such file, no JSON, another schema, or parts that are missing or unknown."""
        return cls._of(checked.load(path), str(path))

    @classmethod
    def parse(cls, text: str, name: str) -> "Results":
        """Raises UserError as `read`; `name` is told."""
        return cls._of(checked.parse(text, name), name)

    @classmethod
    def _of(cls, document: Any, name: str) -> "Results":
        found = document.get("schema") if isinstance(document, dict) else None
        if found != SCHEMA:
            raise UserError(f"{name} has the schema {found!r}, this version reads {SCHEMA!r}; measure again")
        content = {key: value for key, value in document.items() if key != "schema"}
        checked.check(content, RESULTS, name)
        _check_keys(cls, content, name)
        return cls(**content | {"rows": [_row(row, f"{name}.rows[{at}]") for at, row in enumerate(content["rows"])]})


def beside(row: Row, baseline: str, of_baseline: list[float], own: list[float]) -> Row:
    """The row with its ratio to a baseline, by the medians of seconds that were timed in turns."""
    ratio = statistics.median(of_baseline) / statistics.median(own)
    noise = noise_of_ratio(of_baseline, own)
    details = row.details | {"times_as_fast_noise": noise}
    return replace(row, baseline=baseline, times_as_fast=ratio, details=details)


def commit() -> str | None:
    """The checkout's commit, with "+" where tracked files had changes; None outside a checkout of this project."""
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
