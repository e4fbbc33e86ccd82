"""Speed: each measured ratio beside its baseline."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from ingan_fast.bench.results import Results, Row
from report_page.verdicts import Tally, Verdict

LEVEL = 0.05  # times as fast, either way: less than a busy machine's medians differ by from run to run
OURS = "ours"


@dataclass(frozen=True)
class Comparison:
    """One of our rows beside the baseline that was measured in turns with it."""

    row: Row
    baseline: str
    ratio: float  # above 1 we are faster
    rival: str  # the fastest of the case's others: the baseline, or one that is faster
    beside_rival: float  # as `ratio`

    @property
    def verdict(self) -> Verdict:
        """Beside the fastest of the others."""
        return Verdict.of(self.beside_rival - 1, LEVEL)


@dataclass(frozen=True)
class Summary:
    """All cases of one of our rows beside one baseline."""

    benchmark: str
    name: str
    baseline: str
    comparisons: list[Comparison]

    @property
    def tally(self) -> Tally:
        return Tally.of(one.verdict for one in self.comparisons)

    @property
    def ratios(self) -> list[float]:
        """Smallest, median, largest."""
        ratios = [one.ratio for one in self.comparisons]
        return [min(ratios), statistics.median(ratios), max(ratios)]

    @property
    def not_ahead(self) -> list[Comparison]:
        """The worst first."""
        worse = (one for one in self.comparisons if one.verdict != Verdict.AHEAD)
        return sorted(worse, key=lambda one: one.beside_rival)

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
        rivals = {one.name: one.times_as_fast or 1 for one in others if not is_ours(one, results)}
        rivals[row.baseline] = 1.0
        rival = max(rivals, key=lambda name: rivals[name])
        yield Comparison(row, row.baseline, row.times_as_fast, rival, row.times_as_fast / rivals[rival])


def is_ours(row: Row, results: Results) -> bool:
    """Where rows are called "ours ...", only these; elsewhere all that are not a baseline."""
    if any(one.name.startswith(OURS) for one in results.rows):
        return row.name.startswith(OURS)
    return row.name not in {one.baseline for one in results.rows}


def verdict(row: Row) -> Verdict | None:
    """For a row's ratio; None where it has none."""
    if row.times_as_fast is None or row.baseline in (None, row.name):
        return None
    return Verdict.of(row.times_as_fast - 1, LEVEL)


def worst_and_best(summaries: list[Summary]) -> tuple[Comparison, Comparison] | None:
    """By their ratio to the fastest of the others; None where nothing is compared."""
    every = sorted((each for one in summaries for each in one.comparisons), key=lambda one: one.beside_rival)
    return (every[0], every[-1]) if every else None
