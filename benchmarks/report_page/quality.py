"""Quality: each of our outputs compared with the best baseline, and with each baseline, on each measure."""

from collections.abc import Iterable
from dataclasses import dataclass

from ingan_fast.bench.figure_file import FigureRow
from report_page.figure_file import SEED, Figure
from report_page.measures import MEASURES, Measure
from report_page.verdicts import Tally, Verdict


@dataclass(frozen=True)
class Comparison:
    """One measure of one of our outputs and of another method's."""

    figure: Figure
    ours: FigureRow
    theirs: FigureRow
    key: str  # of MEASURES

    @property
    def same(self) -> tuple[object, ...]:
        """Identity; equal if another figure shows the same output."""
        return (self.ours.picture, self.ours.output, self.ours.method, self.theirs.method, self.key, self.values)

    @property
    def measure(self) -> Measure:
        return MEASURES[self.key]

    @property
    def values(self) -> tuple[float, float]:
        first, second = self.ours.measures[self.key], self.theirs.measures[self.key]
        assert first is not None
        assert second is not None
        return first, second

    @property
    def verdict(self) -> Verdict:
        return self.measure.verdict(*self.values)

    @property
    def gap(self) -> str:
        return self.measure.gap(*self.values)

    @property
    def shown(self) -> tuple[str, str]:
        ours, theirs = self.values
        return self.measure.text(ours), self.measure.text(theirs)


@dataclass(frozen=True)
class Line:
    """One of our outputs compared with the best baseline on each measure; None if there is nothing to compare."""

    ours: FigureRow
    cells: dict[str, Comparison | None]  # by measure


@dataclass(frozen=True)
class Quality:
    """Quality over all figures except the failure; outputs that two figures share count once."""

    against_each: list[Comparison]  # with every baseline
    against_ablations: list[Comparison]
    best: list[tuple[Figure, list[Line]]]  # figures that have anything to compare

    @property
    def tally(self) -> Tally:
        """Tally against the best baseline of each measure."""
        return _tally(cell for _, lines in self.best for line in lines for cell in line.cells.values() if cell)

    @property
    def all_tally(self) -> Tally:
        """Tally against every baseline."""
        return _tally(self.against_each)

    @property
    def baselines(self) -> list[str]:
        return list(dict.fromkeys(one.theirs.method for one in self.against_each))

    @property
    def ablations(self) -> list[str]:
        return list(dict.fromkeys(one.theirs.method.partition(SEED)[0] for one in self.against_ablations))

    def beside(self, method: str, key: str | None = None) -> Tally:
        """Tally against one baseline, on one measure or all."""
        return _tally(one for one in self.against_each if one.theirs.method == method and key in (None, one.key))

    def beside_ablation(self, variant: str, key: str | None = None) -> Tally:
        """Tally against all seeds of a variant."""
        found = [one for one in self.against_ablations if one.theirs.method.partition(SEED)[0] == variant]
        return _tally(one for one in found if key in (None, one.key))

    @property
    def keys(self) -> list[str]:
        """The measures with any comparison."""
        used = {one.key for one in (*self.against_each, *self.against_ablations)}
        return [key for key in MEASURES if key in used]


def compare(figures: list[Figure]) -> Quality:
    each: list[Comparison] = []
    ablations: list[Comparison] = []
    best: list[tuple[Figure, list[Line]]] = []
    for figure in (one for one in figures if one.is_counted):
        lines = []
        for _, _, rows in figure.outputs():
            baselines = [row for row in rows if figure.is_baseline(row.method)]
            for ours in (row for row in rows if figure.is_ours(row.method)):
                beside = list(_beside(figure, ours, baselines))
                each += beside
                if beside:
                    lines.append(Line(ours, {key: _best(beside, key) for key in MEASURES}))
            for whole in (row for row in rows if figure.is_whole(row.method)):
                ablations += _beside(
                    figure, whole, [row for row in rows if figure.is_ablation(row.method, whole.method)]
                )
        if lines:
            best.append((figure, lines))
    return Quality(each, ablations, best)


def best_of(rows: list[FigureRow], key: str) -> float | None:
    """The smallest cost of an output's methods on a measure; None if fewer than two are measured."""
    values = [value for row in rows if (value := row.measures.get(key)) is not None]
    return min(map(MEASURES[key].cost, values)) if len(values) > 1 else None


def _tally(comparisons: Iterable[Comparison]) -> Tally:
    return Tally.of({one.same: one.verdict for one in comparisons}.values())


def _beside(figure: Figure, ours: FigureRow, others: list[FigureRow]) -> Iterable[Comparison]:
    for theirs in others:
        for key in MEASURES:
            if ours.measures.get(key) is not None and theirs.measures.get(key) is not None:
                yield Comparison(figure, ours, theirs, key)


def _best(beside: list[Comparison], key: str) -> Comparison | None:
    found = [one for one in beside if one.key == key]
    return min(found, key=lambda one: one.measure.cost(one.values[1])) if found else None
