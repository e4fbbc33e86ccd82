"""How far a unit-scale layout should jump in a picture: as far as its elements come again, or further than they reach.

Where a layout goes on elsewhere in the source, both places are cut along a seam (kernels/unit_scale.py). A jump is good
if such seams cost little wherever one is needed: at a multiple of the pitch of windows or bricks, or longer than
a coin, so that the seam can run through the ground between coins. So each length is tried, and the cheapest seams
(by dynamic programming, as in image quilting, Efros & Freeman, SIGGRAPH 2001) in windows all over the picture priced.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ingan_fast.config import Settings
from ingan_fast.images import Pixels

SHORTEST = 24  # px; shorter jumps mean more seams than a network can hide
WINDOW = 1.5  # in jumps: the strip within which a seam can be placed when the picture is made 0.6 times as wide
TOLERANCE = 1.05  # of the cheapest cost: the shortest jump that is as good, since things stay closer to their places


def with_jumps(settings: Settings, sources: Sequence[Pixels]) -> Settings:
    """`settings` with the jumps that are to be measured (0) measured on the pictures, uint8 [H, W, 3] each."""
    if not settings.unit_scale:
        return settings
    longest = settings.crop // 2  # a training crop has to show both sides of a jump
    jump_x = settings.jump_x or measure_jump(sources, longest)
    jump_y = settings.jump_y or measure_jump([source.transpose(1, 0, 2) for source in sources], longest)
    return replace(settings, jump_x=jump_x, jump_y=jump_y)


def measure_jump(sources: Sequence[Pixels], longest: int) -> int:
    """The best length (px) of a jump across, at most `longest`."""
    longest = min(longest, *(source.shape[1] // 2 for source in sources))
    lengths = np.arange(min(SHORTEST, longest), longest + 1)
    pictures = [source.astype(np.float32) / 255 for source in sources]
    costs = np.array([np.mean([seam_cost(picture, int(length)) for picture in pictures]) for length in lengths])
    return int(lengths[np.argmax(costs <= TOLERANCE * costs.min())])


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
