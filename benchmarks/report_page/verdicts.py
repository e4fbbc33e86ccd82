"""Ahead, level or behind, and counts of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """The values are names of CSS classes and are shown with a symbol: never by a colour alone."""

    AHEAD = "ahead"
    LEVEL = "level"
    BEHIND = "behind"

    @property
    def symbol(self) -> str:
        return {"ahead": "▲", "level": "≈", "behind": "▼"}[self.value]

    @classmethod
    def of(cls, advantage: float, level: float) -> "Verdict":
        """`advantage` is positive where we are better; up to `level` either way is no difference."""
        if abs(advantage) <= level:
            return cls.LEVEL
        return cls.AHEAD if advantage > 0 else cls.BEHIND


@dataclass(frozen=True)
class Tally:
    """How many are what."""

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
        """Of the whole: ahead or behind where more are so than not."""
        return Verdict.of(self.ahead - self.behind, 0)

    @property
    def parts(self) -> list[tuple[Verdict, int]]:
        """What there is any of."""
        counts = ((Verdict.AHEAD, self.ahead), (Verdict.LEVEL, self.level), (Verdict.BEHIND, self.behind))
        return [(verdict, count) for verdict, count in counts if count]
