"""How much of an output comes again at one distance: what shows as a period of a texture."""

import numpy as np

from ingan_fast.layout.jumps import Jump, shown_columns

NEAR = 2  # px; distances that differ by no more are one


def most_repeated(jumps: list[Jump], width: int, count: int) -> float:
    """The part of an output's columns that its columns at one distance show again, at the worst distance.

    Distances of more than about half the output do not count: few columns have another one there.

    Args:
        jumps: of the output.
        width: columns of the picture.
        count: columns of the output.
    """
    shown = shown_columns(jumps, width)
    order = np.argsort(shown, kind="stable")
    same = np.zeros(count, np.intp)
    for apart in range(1, count):  # the next column that shows the same, the one after it, and so on
        again = shown[order[apart:]] == shown[order[:-apart]]
        if not again.any():
            break
        distances = (order[apart:] - order[:-apart])[again]
        same += np.bincount(distances, minlength=count)
    together = np.convolve(same, np.ones(2 * NEAR + 1), mode="same")[: count // 2]
    return float((together / (count - np.arange(len(together)))).max(initial=0.0))
