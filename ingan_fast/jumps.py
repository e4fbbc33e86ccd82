"""How far a unit-scale layout should jump in a picture: as far as its elements come again, or further than they reach.

Where a layout goes on elsewhere in the source, both places are cut along a seam (kernels/unit_scale.py). A jump is good
if such seams cost little wherever one is needed: at a multiple of the pitch of windows or bricks, or longer than
a coin, so that the seam can run through the ground between coins. So each length is tried, and the cheapest seams
(by dynamic programming, as in image quilting, Efros & Freeman, SIGGRAPH 2001) in windows all over the picture priced.

Where no length is better than another, and the picture is the same all over, it is a texture, that is laid out in any
order where it is made much larger.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ingan_fast.config import Settings
from ingan_fast.pictures import Pixels

SHORTEST = 24  # px; shorter jumps mean more seams than a network can hide
WINDOW = 1.5  # in jumps: the strip within which a seam can be placed when the picture is made 0.6 times as wide
LONGEST = 0.5  # of a training crop, which has to show both sides of a jump

ALIKE = 0.75  # cheapest cost in medians: above it no length is better than another
# How far the mean colours of a picture's sixteenths differ, in standard deviations of its pixels, times the side of a
# sixteenth (px): for grains without order about their size, whatever the picture's.
EVEN = 14.0


def with_jumps(settings: Settings, sources: Sequence[Pixels]) -> Settings:
    """`settings` with the jumps that are to be measured (0) measured on the pictures, uint8 [H, W, 3] each.

    Where both are, textures are found out, too (`scatter`).
    """
    if not settings.unit_scale or (settings.jump_x and settings.jump_y):
        return settings
    longest = int(LONGEST * settings.crop)
    pictures = [np.divide(source, 255, dtype=np.float32) for source in sources]
    across = _costs(pictures, longest)
    down = _costs([picture.transpose(1, 0, 2) for picture in pictures], longest)
    texture = not (settings.jump_x or settings.jump_y) and _is_texture(pictures, across, down)
    return replace(
        settings,
        jump_x=settings.jump_x or _best(across),
        jump_y=settings.jump_y or _best(down),
        scatter=settings.scatter or texture,
    )


def _costs(pictures: Sequence[NDArray[np.float32]], longest: int) -> dict[int, float]:
    """What a seam costs by the length of the jump across (px)."""
    longest = min(longest, *(picture.shape[1] // 2 for picture in pictures))
    lengths = range(min(SHORTEST, longest), longest + 1)
    return {length: float(np.mean([seam_cost(picture, length) for picture in pictures])) for length in lengths}


def _best(costs: dict[int, float]) -> int:
    """Longer jumps mean fewer seams, but things go farther from their places: half of each counts."""
    return min(costs, key=lambda length: costs[length] / length**0.5)


def _is_texture(pictures: Sequence[NDArray[np.float32]], *costs: dict[int, float]) -> bool:
    no_period = all(min(each.values()) > ALIKE * np.median(list(each.values())) for each in costs)
    return no_period and all(_unevenness(picture) < EVEN for picture in pictures)


def _unevenness(picture: NDArray[np.float32]) -> float:
    rows, columns = ([part for part in np.array_split(np.arange(side), 4)] for side in picture.shape[:2])
    means = [picture[np.ix_(row, column)].mean(axis=(0, 1)) for row in rows for column in columns]
    deviation = np.sqrt(np.var(means, axis=0).sum() / max(picture.var(axis=(0, 1)).sum(), 1e-9))
    return float(deviation * np.sqrt(len(rows[0]) * len(columns[0])))


def seam_cost(picture: NDArray[np.float32], jump: int) -> float:
    """What a seam costs on average where a picture [H, W, 3] in [0, 1] goes on `jump` px further to the right.

    Mean absolute difference along the cheapest seam from top to bottom, over windows of `WINDOW` jumps, half
    overlapping.
    """
    difference = np.abs(picture[:, jump:] - picture[:, :-jump]).mean(axis=2)  # [H, W - jump]
    room = difference.shape[1]
    window = min(int(WINDOW * jump), room)
    count = max(1, -(-2 * (room - window) // window) + 1)
    starts = np.linspace(0, room - window, count).round().astype(int)
    windows = np.stack([difference[:, start : start + window] for start in starts])  # [n, H, window]
    so_far = windows[:, 0]
    for row in range(1, windows.shape[1]):
        beside = np.pad(so_far, ((0, 0), (1, 1)), constant_values=np.inf)
        cheapest = np.minimum(np.minimum(beside[:, :-2], beside[:, 2:]), so_far)
        so_far = windows[:, row] + cheapest
    return float(so_far.min(axis=1).mean() / windows.shape[1])
