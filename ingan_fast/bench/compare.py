"""Compares two runs of the benchmarks: what became faster or slower by more than the noise.

A row's factor is how many times as fast B is. To cancel the speed of the machine, it is computed from the first of:
ratios to a baseline that was timed in turns with the row; times in units of a ceiling measured in the same run; plain
times. Its range is the factor times and divided by exp(h), where h² is the sum of

- for ratios: the squares of both rows' `times_as_fast_noise`; where a row has none, as for times,
- for times: of log(p80/p20) of each time involved, which covers nine of ten single calls,
- the square of half the log ratio of the runs' ceilings: load on a machine does not slow everything equally.

h is at least LEAST: runs of the same code differ by this much through memory placement and clock rates.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ingan_fast.bench.results import Results, Row
from ingan_fast.bench.timing import Spread
from ingan_fast.errors import UserError

SCHEMA = "ingan-fast/bench-compare/1"
LEAST = 0.03
WARN_RATIO = 1.25  # ratio of the ceilings from which a warning is given
FASTER, SLOWER, NOISE = "faster", "slower", "within noise"
BROKEN, MENDED, NEITHER = "no times in B", "no times in A", "no times"

# Results by benchmark name.
Runs = Mapping[str, Results]
Key = tuple[str, str, str]  # benchmark, case, name


@dataclass(frozen=True)
class ComparedRow:
    """Comparison of one row.

    Attributes:
        factor: how many times as fast B is, with its range `low` to `high`; None if one has no times.
        by: what the factor is computed from: "beside NAME", "of CEILING" or "times".
        milliseconds: the medians in A and B.
        error: why there are no times; B's reason, else A's.
    """

    benchmark: str
    case: str
    name: str
    verdict: str
    factor: float | None = None
    low: float | None = None
    high: float | None = None
    by: str | None = None
    milliseconds: tuple[float | None, float | None] = (None, None)
    error: str | None = None


@dataclass(frozen=True)
class Comparison:
    """Comparison of runs A and B; `differences` of machine, settings and versions, a line each."""

    commits: tuple[list[str | None], list[str | None]]
    differences: list[str]
    rows: list[ComparedRow]
    only_in_a: list[Key]
    only_in_b: list[Key]

    def count(self, *verdicts: str) -> int:
        return sum(row.verdict in verdicts for row in self.rows)

    def as_dict(self) -> dict[str, Any]:
        return {"schema": SCHEMA} | asdict(self)


def compare(a: Runs, b: Runs) -> Comparison:
    """Compare the rows that both have.

    Raises:
        UserError: there are none.
    """
    of_a, of_b = _rows(a), _rows(b)
    both = [key for key in of_a if key in of_b]
    if not both:
        raise UserError(f"A and B have no row in common: A has {', '.join(a)}, B has {', '.join(b)}")
    names = sorted({key[0] for key in both})
    return Comparison(
        commits=(_commits(a), _commits(b)),
        differences=list(dict.fromkeys(line for name in names for line in _differences(a[name], b[name]))),
        rows=[_compared(key, of_a[key], of_b[key], a[key[0]], b[key[0]]) for key in both],
        only_in_a=[key for key in of_a if key not in of_b],
        only_in_b=[key for key in of_b if key not in of_a],
    )


def _rows(runs: Runs) -> dict[Key, Row]:
    return {(name, row.case, row.name): row for name, results in runs.items() for row in results.rows}


def _commits(runs: Runs) -> list[str | None]:
    return list(dict.fromkeys(results.commit for results in runs.values()))


def _compared(key: Key, row_a: Row, row_b: Row, a: Results, b: Results) -> ComparedRow:
    if row_a.milliseconds is None or row_b.milliseconds is None:
        verdict = BROKEN if row_a.milliseconds else MENDED if row_b.milliseconds else NEITHER
        return ComparedRow(*key, verdict, error=row_b.error or row_a.error)
    by, log_factor, noise = _change(row_a, row_b, row_a.milliseconds, row_b.milliseconds, a, b)
    noise = max(math.hypot(noise, _ceiling_gap(a, b) / 2), LEAST)
    return ComparedRow(
        *key,
        verdict=FASTER if log_factor > noise else SLOWER if log_factor < -noise else NOISE,
        factor=math.exp(log_factor),
        low=math.exp(log_factor - noise),
        high=math.exp(log_factor + noise),
        by=by,
        milliseconds=(row_a.milliseconds.median, row_b.milliseconds.median),
    )


def _change(row_a: Row, row_b: Row, time_a: Spread, time_b: Spread, a: Results, b: Results) -> tuple[str, float, float]:
    """What the factor is computed from, its logarithm, and the uncertainty of that."""
    if row_a.times_as_fast and row_b.times_as_fast and row_a.baseline == row_b.baseline != row_a.name:
        log_factor = math.log(row_b.times_as_fast / row_a.times_as_fast)
        return f"beside {row_a.baseline}", log_factor, math.hypot(_ratio_noise(row_a, a), _ratio_noise(row_b, b))
    by, log_factor = "times", math.log(time_a.median / time_b.median)
    if row_a.ceiling == row_b.ceiling and row_a.ceiling in a.ceilings and row_a.ceiling in b.ceilings:
        by = f"of {row_a.ceiling}"
        log_factor += math.log(a.ceilings[row_a.ceiling] / b.ceilings[row_a.ceiling])
    return by, log_factor, math.hypot(_noise(time_a), _noise(time_b))


def _ratio_noise(row: Row, results: Results) -> float:
    own = row.details.get("times_as_fast_noise")
    if own is not None:
        return float(own)
    its = [one.milliseconds for one in results.rows if (one.case, one.name) == (row.case, row.baseline)]
    return math.hypot(*(_noise(spread) for spread in (row.milliseconds, *its) if spread is not None))


def _noise(spread: Spread) -> float:
    return math.log(spread.p80 / spread.p20)


def _ceiling_gap(a: Results, b: Results) -> float:
    """The largest log ratio of the ceilings that both have."""
    return max(
        (abs(math.log(a.ceilings[name] / b.ceilings[name])) for name in a.ceilings if name in b.ceilings), default=0
    )


def _differences(a: Results, b: Results) -> Iterator[str]:
    for what, one, other in (("machine", a.machine, b.machine), (f"settings of {a.benchmark}", a.settings, b.settings)):
        flat_a, flat_b = dict(_flat(one)), dict(_flat(other))
        for key in [*flat_a, *(key for key in flat_b if key not in flat_a)]:
            if flat_a.get(key) != flat_b.get(key):
                yield f"{what}: {key} is {flat_a.get(key)} in A, {flat_b.get(key)} in B"
    if _ceiling_gap(a, b) > math.log(WARN_RATIO):
        ceilings = (
            f"{side} {', '.join(f'{n} {v:.3g}' for n, v in one.ceilings.items())}" for side, one in (("A", a), ("B", b))
        )
        yield f"{a.benchmark}: the ceilings differ, so one machine was busy: {'; '.join(ceilings)} per second"


def _flat(document: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in document.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value
