"""Presentation of the measures of `ingan_fast.quality.metrics`; there is no single number for a retargeting."""

from dataclasses import dataclass

from report_page.verdicts import Verdict

LEVEL = 0.02  # coherence etc. are within 2 % of those over all patches; 0.02 of a kept size is as little


@dataclass(frozen=True)
class Measure:
    """A measure of an output.

    Attributes:
        scale: factor for display.
        best: the best value.
    """

    label: str
    meaning: str
    scale: float = 1.0
    best: float = 0.0

    def cost(self, value: float) -> float:
        """Smaller is better, 0 is best."""
        return abs(value - self.best)

    def verdict(self, ours: float, theirs: float) -> Verdict:
        """Ahead, level or behind; a distance, which is best at 0, is level relative to theirs."""
        return Verdict.of(self.cost(theirs) - self.cost(ours), LEVEL * (self.best or theirs))

    def text(self, value: float) -> str:
        return f"{value * self.scale:.2f}"


KEPT_SIDES = ("kept_width", "kept_height")  # an output has at most one of them
MEASURES: dict[str, Measure] = {
    "size_kept": Measure(
        "size kept",
        "do the elements keep their size, where one side of a rectangle is changed? 1: all do; 0: a plain resize; best "
        "is closest to 1",
        best=1.0,
    ),
    "coherence": Measure("coherence ·10³", "how far the output's patches are from the source's; lower is better", 1e3),
    "completeness": Measure("completeness ·10³", "how much of the source is missing; lower is better", 1e3),
    "swd": Measure("patch SWD ·10³", "how far the patches' distributions are apart; lower is better", 1e3),
}


def with_one_kept(measures: dict[str, float | None]) -> dict[str, float | None]:
    """A file's measures, with the kept size of the changed side as size_kept."""
    kept = [value for side in KEPT_SIDES if (value := measures.get(side)) is not None]
    others = {key: value for key, value in measures.items() if key not in KEPT_SIDES}
    return {"size_kept": kept[0] if kept else None} | others
