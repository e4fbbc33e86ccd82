"""What of a unit-scale layout can't change gradually: how many jumps there are, and where they are cut.

All else follows a transformation by fractions of a pixel. A video therefore has to know what this is for each frame,
and to be able to lay one frame out by what belongs to another one (video/fades.py).
"""

from dataclasses import dataclass

import numpy as np

from ingan_fast.runtime.cuts import Floats

UNSEEN = 3.0  # px by which a cut may move from one frame to the next
NO_JUMP = 1.0  # px of room: below it, what lies on both sides of a cut goes on there


@dataclass(frozen=True, eq=False)
class Cuts:
    """Along one axis.

    Attributes:
        last: number of the last anchor, that is, of jumps.
        room: px more or less than at scale one.
        shown: float32 [K, blocks], where the source is left for the next part, px; None: halfway between anchors.
    """

    last: int
    room: float
    shown: Floats | None

    def resembles(self, other: "Cuts") -> bool:
        if max(self.room, other.room) < NO_JUMP:
            return True
        if self.last != other.last or self.shown is None or other.shown is None:
            return self.last == other.last and self.shown is other.shown
        return bool(np.abs(self.shown - other.shown).max() <= UNSEEN)


@dataclass(frozen=True, eq=False)
class Arrangement:
    """Of a whole frame."""

    across: Cuts
    down: Cuts
    scattered: bool

    def resembles(self, other: "Arrangement") -> bool:
        """Whether nobody sees the one after the other."""
        if self.scattered != other.scattered:
            return False
        return self.across.resembles(other.across) and self.down.resembles(other.down)
