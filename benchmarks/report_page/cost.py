"""Total cost of outputs: training once and little per output, or no training and much per output."""

import math
import statistics
from dataclasses import dataclass

from ingan_fast.bench.figure_file import FigureRow
from report_page.figure_file import Figure
from report_page.verdicts import Verdict

Output = tuple[str, str]  # picture, output


@dataclass(frozen=True)
class Offer:
    """One method for one picture."""

    training: float  # seconds, once
    output: float  # seconds, each


@dataclass(frozen=True)
class Pair:
    """Our offer and a baseline's for one picture."""

    picture: str
    ours: Offer
    theirs: Offer

    @property
    def first(self) -> int | None:
        """The smallest number of outputs for which our total cost is lower; None if there is none."""
        training, output = self.ours.training - self.theirs.training, self.theirs.output - self.ours.output
        if training + self.ours.output < self.theirs.output:
            return 1
        return math.floor(training / output) + 1 if output > 0 else None


@dataclass(frozen=True)
class Cost:
    """All pictures, compared with one baseline."""

    baseline: str
    pairs: list[Pair]

    @property
    def training(self) -> float:
        return statistics.median(pair.ours.training for pair in self.pairs)

    @property
    def output(self) -> float:
        return statistics.median(pair.ours.output for pair in self.pairs)

    @property
    def theirs(self) -> Offer:
        return Offer(
            statistics.median(pair.theirs.training for pair in self.pairs),
            statistics.median(pair.theirs.output for pair in self.pairs),
        )

    @property
    def reached(self) -> list[int]:
        """Break-even numbers of the pictures that have one."""
        return sorted(pair.first for pair in self.pairs if pair.first is not None)

    @property
    def never(self) -> int:
        """Number of pictures for which we are never cheaper."""
        return len(self.pairs) - len(self.reached)

    @property
    def verdict(self) -> Verdict | None:
        """Ahead if we are cheaper from the first output of each picture, behind if for most we never are.

        Otherwise it depends on the number of outputs: None.
        """
        if self.never * 2 > len(self.pairs):
            return Verdict.BEHIND
        return Verdict.AHEAD if self.reached[-1] == 1 and not self.never else None

    @property
    def break_even(self) -> str:
        if not self.reached:
            return "never"
        low, middle, high = self.reached[0], math.ceil(statistics.median(self.reached)), self.reached[-1]
        span = f"{middle}" if low == high else f"{middle} ({low} to {high})"
        never = f"; never for {self.never} of {len(self.pairs)}" if self.never else ""
        return f"from output {span}{never}"


def compare(figures: list[Figure]) -> list[Cost]:
    """A row per baseline. Outputs without seconds (ours: also without a training), and the failure, don't count."""
    ours: dict[Output, FigureRow] = {}
    theirs: dict[str, dict[Output, FigureRow]] = {}
    for figure in (one for one in figures if one.is_counted):
        for row in (row for row in figure.rows if row.seconds is not None):
            output = row.picture, row.output
            if figure.is_baseline(row.method):
                theirs.setdefault(row.method, {}).setdefault(output, row)
            elif figure.is_ours(row.method) and row.training_seconds is not None:
                ours.setdefault(output, row)
    costs = [Cost(method, _pairs(ours, made)) for method, made in theirs.items()]
    return [cost for cost in costs if cost.pairs]


def _pairs(ours: dict[Output, FigureRow], theirs: dict[Output, FigureRow]) -> list[Pair]:
    """A pair per picture, over the outputs that both have."""
    common = [output for output in ours if output in theirs]
    pairs = []
    for picture in dict.fromkeys(output[0] for output in common):
        own = [output for output in common if output[0] == picture]
        pairs.append(Pair(picture, _offer([ours[one] for one in own]), _offer([theirs[one] for one in own])))
    return pairs


def _offer(rows: list[FigureRow]) -> Offer:
    training = max((row.training_seconds for row in rows if row.training_seconds is not None), default=0.0)
    return Offer(training, statistics.fmean(row.seconds for row in rows if row.seconds is not None))
