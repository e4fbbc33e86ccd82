"""Speed: each measured ratio beside its baseline."""

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from ingan_fast.bench.results import Results, Row
from report_page.verdicts import Tally, Verdict

LEVEL = 0.05  # times as fast, either way, at the least: how far runs of the same code may lie apart
NOISE = "times_as_fast_noise"  # of a row's details: how uncertain its ratio is, as a part of it
OURS = "ours"
# Their baselines are what nothing can beat (a bare Python, a pipeline's slowest stage), or ours as well.
WITHOUT_RIVALS = {"cold-start": "a limit", "video": "a limit", "scaling": "ours, too", "layout": "ours, too"}


@dataclass(frozen=True)
class Comparison:
    """One of our rows beside the baseline that was measured in turns with it."""

    row: Row
    baseline: str
    ratio: float  # above 1 we are faster
    rival: str  # the fastest of the case's others: the baseline, or one that is faster
    beside_rival: float  # as `ratio`
    noise: float  # of `beside_rival`, as a part of it

    @property
    def verdict(self) -> Verdict:
        """Beside the fastest of the others."""
        return _verdict(self.beside_rival, self.noise)


@dataclass(frozen=True)
class Summary:
    """All cases of one of our rows beside one baseline."""

    benchmark: str
    name: str
    baseline: str
    comparisons: list[Comparison]

    @property
    def instead(self) -> str | None:
        """What the baseline is where it is no rival; then nothing is ahead or behind."""
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
        """The worst first."""
        return sorted((one for one in self.rivalled if one.verdict != Verdict.AHEAD), key=lambda one: one.beside_rival)

    @property
    def ceilings(self) -> list[tuple[str, float, float]]:
        """(which, smallest, largest fraction)."""
        found: dict[str, list[float]] = {}
        for row in (one.row for one in self.comparisons):
            if row.ceiling is not None and row.fraction_of_ceiling is not None:
                found.setdefault(row.ceiling, []).append(row.fraction_of_ceiling)
        return [(name, min(values), max(values)) for name, values in found.items()]


def summaries(results: Results) -> list[Summary]:
    """Of one benchmark, in the order of its rows."""
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
    """Where rows are called "ours ...", only these; elsewhere all that are not a baseline."""
    if any(one.name.startswith(OURS) for one in results.rows):
        return row.name.startswith(OURS)
    return row.name not in {one.baseline for one in results.rows}


def has_ratio(row: Row) -> bool:
    """To another row."""
    return row.times_as_fast is not None and row.baseline not in (None, row.name)


def verdict(row: Row, results: Results) -> Verdict | None:
    """For the ratio of one of our rows; None where it has none, or its baseline is no rival."""
    if row.times_as_fast is None or not has_ratio(row):
        return None
    if results.benchmark in WITHOUT_RIVALS or not is_ours(row, results):
        return None
    return _verdict(row.times_as_fast, _noise(row))


def worst_and_best(summaries: list[Summary]) -> tuple[Comparison, Comparison] | None:
    """By their ratio to the fastest of the others; None where nothing is compared."""
    every = sorted((each for one in summaries for each in one.rivalled), key=lambda one: one.beside_rival)
    return (every[0], every[-1]) if every else None


def _verdict(ratio: float, noise: float) -> Verdict:
    return Verdict.of(math.log(ratio), max(noise, math.log1p(LEVEL))) if ratio > 0 else Verdict.BEHIND


def _noise(row: Row) -> float:
    found = row.details.get(NOISE)
    return found if isinstance(found, int | float) else 0.0
