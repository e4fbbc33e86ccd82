"""Speed: measured ratios to the baselines."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from ingan_fast.bench.results import Results, Row
from report_page.verdicts import Verdict

LEVEL = 0.05  # minimum difference of a ratio from 1 that counts: runs of the same code differ by as much
NOISE = "times_as_fast_noise"  # in a row's details: relative uncertainty of its ratio
OURS = "ours"
# Benchmarks whose baselines can't be beaten (a bare Python, a pipeline's slowest stage), or are ours as well.
WITHOUT_RIVALS = ("cold-start", "video", "scaling", "layout")


@dataclass(frozen=True)
class Comparison:
    """One of our rows and the baseline that was measured in turns with it."""

    row: Row
    rival: str  # the fastest other contender of the case: the baseline, or a faster one
    beside_rival: float  # ratio to the rival; above 1 we are faster
    noise: float  # relative uncertainty of `beside_rival`

    @property
    def verdict(self) -> Verdict:
        """Verdict against the fastest other contender."""
        return _verdict(self.beside_rival, self.noise)


def rivalled(found: Iterable[Results]) -> list[Comparison]:
    """All of our rows beside baselines that are rivals, worst first."""
    every = [one for results in found if results.benchmark not in WITHOUT_RIVALS for one in comparisons(results)]
    return sorted(every, key=lambda one: one.beside_rival)


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
        yield Comparison(row, rival, row.times_as_fast / ratio, both)


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


def _verdict(ratio: float, noise: float) -> Verdict:
    return Verdict.of(math.log(ratio), max(noise, math.log1p(LEVEL))) if ratio > 0 else Verdict.BEHIND


def _noise(row: Row) -> float:
    found = row.details.get(NOISE)
    return found if isinstance(found, int | float) else 0.0
