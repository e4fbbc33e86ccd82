"""Presentation of the measures of `ingan_fast.quality.metrics`; there is no single number for a retargeting."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from report_page.verdicts import Verdict

LEVEL = 0.02  # coherence etc. are within 2 % of those over all patches; 0.02 of a kept size is as little


@dataclass(frozen=True)
class Measure(ABC):
    """A measure of an output."""

    label: str
    meaning: str
    scale: float = 1.0  # factor for display

    @abstractmethod
    def cost(self, value: float) -> float:
        """Smaller is better, 0 is best."""

    @abstractmethod
    def verdict(self, ours: float, theirs: float) -> Verdict:
        """Ahead, level or behind."""

    @abstractmethod
    def gap(self, ours: float, theirs: float) -> str:
        """The difference, as words that follow a verdict."""

    def text(self, value: float) -> str:
        return f"{value * self.scale:.2f}"


class Kept(Measure):
    """Best at 1; 0 is a plain resize."""

    def cost(self, value: float) -> float:
        return abs(1 - value)

    def verdict(self, ours: float, theirs: float) -> Verdict:
        return Verdict.of(self.cost(theirs) - self.cost(ours), LEVEL)

    def gap(self, ours: float, theirs: float) -> str:
        return f"by {abs(self.cost(theirs) - self.cost(ours)):.2f}"


class Distance(Measure):
    """Best at 0."""

    def cost(self, value: float) -> float:
        return value

    def verdict(self, ours: float, theirs: float) -> Verdict:
        return Verdict.of(theirs - ours, LEVEL * theirs)

    def gap(self, ours: float, theirs: float) -> str:
        if theirs == 0:
            return f"by {self.text(ours)}"
        return f"{abs(ours / theirs - 1):.0%} {'lower' if ours <= theirs else 'higher'}"


KEPT_SIDES = ("kept_width", "kept_height")  # an output has at most one of them
MEASURES: dict[str, Measure] = {
    "size_kept": Kept(
        "size kept",
        "do the elements keep their size, where one side of a rectangle is changed? 1: all do; 0: a plain resize; best "
        "is closest to 1",
    ),
    "coherence": Distance("coherence ·10³", "how far the output's patches are from the source's; lower is better", 1e3),
    "completeness": Distance("completeness ·10³", "how much of the source is missing; lower is better", 1e3),
    "swd": Distance("patch SWD ·10³", "how far the patches' distributions are apart; lower is better", 1e3),
}


def with_one_kept(measures: dict[str, float | None]) -> dict[str, float | None]:
    """A file's measures, with the kept size of the changed side as size_kept."""
    kept = [value for side in KEPT_SIDES if (value := measures.get(side)) is not None]
    others = {key: value for key, value in measures.items() if key not in KEPT_SIDES}
    return {"size_kept": kept[0] if kept else None} | others
