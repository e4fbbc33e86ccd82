"""Quality: each of our outputs compared with the best baseline, and with each baseline, on each measure."""

from collections.abc import Iterable
from dataclasses import dataclass

from ingan_fast.bench.figure_file import FigureRow
from report_page.figure_file import Figure
from report_page.measures import MEASURES
from report_page.verdicts import Tally, Verdict


@dataclass(frozen=True)
class Comparison:
    """One measure of one of our outputs and of another method's."""

    ours: FigureRow
    theirs: FigureRow
    key: str  # of MEASURES

    @property
    def same(self) -> tuple[object, ...]:
        """Identity; equal if another figure shows the same output."""
        return (self.ours.picture, self.ours.output, self.ours.method, self.theirs.method, self.key, self.values)

    @property
    def values(self) -> tuple[float, float]:
        first, second = self.ours.measures[self.key], self.theirs.measures[self.key]
        assert first is not None
        assert second is not None
        return first, second

    @property
    def verdict(self) -> Verdict:
        return MEASURES[self.key].verdict(*self.values)


@dataclass(frozen=True)
class Quality:
    """Quality over all figures except the failure; outputs that two figures share count once."""

    against_each: list[Comparison]  # with every baseline
    against_best: list[Comparison]  # with the best baseline of each output and measure

    @property
    def tally(self) -> Tally:
        """Tally against the best baseline of each measure."""
        return _tally(self.against_best)

    @property
    def all_tally(self) -> Tally:
        """Tally against every baseline."""
        return _tally(self.against_each)

    @property
    def baselines(self) -> list[str]:
        return list(dict.fromkeys(one.theirs.method for one in self.against_each))

    def beside(self, method: str, key: str | None = None) -> Tally:
        """Tally against one baseline, on one measure or all."""
        return _tally(one for one in self.against_each if one.theirs.method == method and key in (None, one.key))

    @property
    def keys(self) -> list[str]:
        """The measures with any comparison."""
        used = {one.key for one in self.against_each}
        return [key for key in MEASURES if key in used]


def compare(figures: list[Figure]) -> Quality:
    each: list[Comparison] = []
    best: list[Comparison] = []
    for figure in (one for one in figures if one.is_counted):
        for _, _, rows in figure.outputs():
            baselines = [row for row in rows if figure.is_baseline(row.method)]
            for ours in (row for row in rows if figure.is_ours(row.method)):
                for key in MEASURES:
                    beside = list(_beside(ours, baselines, key))
                    each += beside
                    if beside:
                        best.append(min(beside, key=lambda one: MEASURES[one.key].cost(one.values[1])))
    return Quality(each, best)


def best_of(rows: list[FigureRow], key: str) -> float | None:
    """The smallest cost of an output's methods on a measure; None if fewer than two are measured."""
    values = [value for row in rows if (value := row.measures.get(key)) is not None]
    return min(map(MEASURES[key].cost, values)) if len(values) > 1 else None


def _tally(comparisons: Iterable[Comparison]) -> Tally:
    return Tally.of({one.same: one.verdict for one in comparisons}.values())


def _beside(ours: FigureRow, others: list[FigureRow], key: str) -> Iterable[Comparison]:
    for theirs in others:
        if ours.measures.get(key) is not None and theirs.measures.get(key) is not None:
            yield Comparison(ours, theirs, key)
