"""Speed: measured ratios to the baselines."""

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from ingan_fast.bench.results import Results, Row
from report_page.verdicts import Tally, Verdict

LEVEL = 0.05  # minimum difference of a ratio from 1 that counts: runs of the same code differ by as much
NOISE = "times_as_fast_noise"  # in a row's details: relative uncertainty of its ratio
OURS = "ours"
# Benchmarks whose baselines can't be beaten (a bare Python, a pipeline's slowest stage), or are ours as well.
WITHOUT_RIVALS = {"cold-start": "a limit", "video": "a limit", "scaling": "ours, too", "layout": "ours, too"}


@dataclass(frozen=True)
class Comparison:
    """One of our rows and the baseline that was measured in turns with it."""

    row: Row
    baseline: str
    ratio: float  # above 1 we are faster
    rival: str  # the fastest other contender of the case: the baseline, or a faster one
    beside_rival: float  # ratio to the rival
    noise: float  # relative uncertainty of `beside_rival`

    @property
    def verdict(self) -> Verdict:
        """Verdict against the fastest other contender."""
        return _verdict(self.beside_rival, self.noise)


@dataclass(frozen=True)
class Summary:
    """All cases of one of our rows against one baseline."""

    benchmark: str
    name: str
    baseline: str
    comparisons: list[Comparison]

    @property
    def instead(self) -> str | None:
        """Description of a baseline that is not a rival; then nothing is ahead or behind."""
        return WITHOUT_RIVALS.get(self.benchmark)

    @property
    def rivalled(self) -> list[Comparison]:
        return [] if self.instead else self.comparisons

    @property
    def tally(self) -> Tally:
        return Tally.of(one.verdict for one in self.rivalled)

    @property
    def ratios(self) -> list[float]:
        """Smallest, median, largest."""
        ratios = [one.ratio for one in self.comparisons]
        return [min(ratios), statistics.median(ratios), max(ratios)]

    @property
    def not_ahead(self) -> list[Comparison]:
        """Comparisons that are not ahead, worst first."""
        return sorted((one for one in self.rivalled if one.verdict != Verdict.AHEAD), key=lambda one: one.beside_rival)

    @property
    def ceilings(self) -> list[tuple[str, float, float]]:
        """(name, smallest, largest fraction) of each ceiling."""
        found: dict[str, list[float]] = {}
        for row in (one.row for one in self.comparisons):
            if row.ceiling is not None and row.fraction_of_ceiling is not None:
                found.setdefault(row.ceiling, []).append(row.fraction_of_ceiling)
        return [(name, min(values), max(values)) for name, values in found.items()]


def summaries(results: Results) -> list[Summary]:
    """Summaries of one benchmark, in the order of its rows."""
    found: dict[tuple[str, str], list[Comparison]] = {}
    for one in comparisons(results):
        found.setdefault((one.row.name, one.baseline), []).append(one)
    return [Summary(results.benchmark, name, baseline, each) for (name, baseline), each in found.items()]


def comparisons(results: Results) -> Iterable[Comparison]:
    for row in results.rows:
        if row.baseline is None or row.times_as_fast is None or not is_ours(row, results):
            continue
        others = [
            one for one in results.rows if (one.case, one.baseline) == (row.case, row.baseline) and one.times_as_fast
        ]
        rivals = {row.baseline: (1.0, 0.0)}
        rivals |= {one.name: (one.times_as_fast or 1, _noise(one)) for one in others if not is_ours(one, results)}
        rival = max(rivals, key=lambda name: rivals[name])
        ratio, noise = rivals[rival]
        both = math.hypot(_noise(row), noise if rival != row.baseline else 0.0)
        yield Comparison(row, row.baseline, row.times_as_fast, rival, row.times_as_fast / ratio, both)


def is_ours(row: Row, results: Results) -> bool:
    """Whether a row is ours: those called "ours ..." if there are any, otherwise all but baselines."""
    if any(one.name.startswith(OURS) for one in results.rows):
        return row.name.startswith(OURS)
    return row.name not in {one.baseline for one in results.rows}


def has_ratio(row: Row) -> bool:
    """Whether the row has a ratio to another row."""
    return row.times_as_fast is not None and row.baseline not in (None, row.name)


def verdict(row: Row, results: Results) -> Verdict | None:
    """Verdict for one of our rows; None if it has no ratio, or its baseline is not a rival."""
    if row.times_as_fast is None or not has_ratio(row):
        return None
    if results.benchmark in WITHOUT_RIVALS or not is_ours(row, results):
        return None
    return _verdict(row.times_as_fast, _noise(row))


def worst_and_best(summaries: list[Summary]) -> tuple[Comparison, Comparison] | None:
    """By their ratio to the fastest other contender; None if nothing is compared."""
    every = sorted((each for one in summaries for each in one.rivalled), key=lambda one: one.beside_rival)
    return (every[0], every[-1]) if every else None


def _verdict(ratio: float, noise: float) -> Verdict:
    return Verdict.of(math.log(ratio), max(noise, math.log1p(LEVEL))) if ratio > 0 else Verdict.BEHIND


def _noise(row: Row) -> float:
    found = row.details.get(NOISE)
    return found if isinstance(found, int | float) else 0.0
