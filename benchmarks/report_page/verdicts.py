"""Ahead, level or behind, and counts of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """Values are names of CSS classes, and are shown with a symbol, never by colour alone."""

    AHEAD = "ahead"
    LEVEL = "level"
    BEHIND = "behind"

    @property
    def symbol(self) -> str:
        return {"ahead": "▲", "level": "≈", "behind": "▼"}[self.value]

    @classmethod
    def of(cls, advantage: float, level: float) -> "Verdict":
        """`advantage` is positive if we are better; up to `level` either way counts as level."""
        if abs(advantage) <= level:
            return cls.LEVEL
        return cls.AHEAD if advantage > 0 else cls.BEHIND


@dataclass(frozen=True)
class Tally:
    """Counts of verdicts."""

    ahead: int = 0
    level: int = 0
    behind: int = 0

    @classmethod
    def of(cls, verdicts: Iterable[Verdict]) -> "Tally":
        found = list(verdicts)
        return cls(*(found.count(verdict) for verdict in (Verdict.AHEAD, Verdict.LEVEL, Verdict.BEHIND)))

    @property
    def total(self) -> int:
        return self.ahead + self.level + self.behind

    @property
    def verdict(self) -> Verdict:
        """Overall verdict: ahead or behind by majority."""
        return Verdict.of(self.ahead - self.behind, 0)

    @property
    def parts(self) -> list[tuple[Verdict, int]]:
        """The non-zero counts."""
        counts = ((Verdict.AHEAD, self.ahead), (Verdict.LEVEL, self.level), (Verdict.BEHIND, self.behind))
        return [(verdict, count) for verdict, count in counts if count]
