"""Outputs that begin or end inside of the picture: smaller ones, and where something at its border has to go.

Such a crop is written as a jump, too: one from place 0 on, or one to the column after the last. The piece before it, or
after it, is empty. So it is a straight seam that shows nothing.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingan_fast.layout.seam_costs import Floats

CROP = 0.05  # fixed cost of a crop: hardly more than a jump that shows nothing
# Additional cost times the fraction of the picture that is cut off, so that outputs are not mere crops.
CROP_LENGTH = 1.0
HEADS = 8.0  # times that crops at the top cost more for what is held: heads and roofs are missed more than feet


@dataclass(frozen=True)
class Ends:
    """Where an output may begin and end.

    Attributes:
        begin: [w + 1], what it costs to begin with each column; inf: never.
        end: [w + 1], what it costs to end before each column.
    """

    begin: Floats
    end: Floats

    def cost(self, place: int, length: int) -> float:
        """What a crop costs."""
        return float(self.begin[length] if place == 0 else self.end[place])


def at_borders(width: int) -> Ends:
    """The whole picture is shown from its first column to its last one."""
    begin = np.full(width + 1, np.inf, np.float32)
    begin[0] = 0
    return Ends(begin, begin[::-1].copy())


def anywhere(held: Floats, cut: Floats | None = None, upright: bool = False) -> Ends:
    """A crop anywhere.

    Args:
        held: [h, w], what it costs, a row, to leave out anything there.
        cut: [w + 1], what it costs to begin or to end before each column.
        upright: whether the first column is the top of the picture.
    """
    length = np.linspace(0, CROP_LENGTH, held.shape[1] + 1, dtype=np.float32)[1:] + np.float32(CROP)
    heads = np.where(held[:, :1] > 0, 1, HEADS) if upright else 1  # what the border cuts has none
    begin, end = (
        np.pad(length + np.maximum.accumulate(each, axis=1).mean(axis=0, dtype=np.float32), (1, 0))
        for each in (held * np.float32(heads), held[:, ::-1])
    )
    end = end[::-1].copy()
    return Ends(begin, end) if cut is None else Ends(begin + cut, end + cut)


def are_crops(places: NDArray[np.intp], lengths: NDArray[np.intp], width: int) -> NDArray[np.bool_]:
    """Which of some seams, with places [n, h] and lengths [n], have nothing before them or nothing after them: [n]."""
    return np.asarray((places == 0).all(axis=1) | (places + lengths[:, None] == width).all(axis=1))
