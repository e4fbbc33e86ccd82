"""The one thing of a picture that stands apart from what is around it, wherever it is looked at by a threshold.

After Zhang & Sclaroff, "Saliency Detection: A Boolean Map Approach", ICCV 2013: what thresholds of colours cut out, and
what does not reach the picture's border.
"""

import numpy as np
from numpy.typing import NDArray

from ingan_fast.layout.seam_costs import Floats

Mask = NDArray[np.bool_]

THRESHOLDS = 24  # number of thresholds of each colour
APART = 0.5  # of the most that any pixel is surrounded; where it is more, there is something
LEAST, MOST = 0.015, 0.3  # fraction of the picture that the largest such thing may have
ALONE = 0.8  # fraction of all such things that the largest one has to have
SURE = 0.3  # mean of how much of the colours' range it has to be surrounded in


def surrounded(picture: Floats) -> Mask:
    """The pixels of the one thing [h, w]; none where there is no such thing, or more than one.

    Args:
        picture: [h, w, channels], small, as from `pictures.seen`.
    """
    values = _opponents(picture)
    low, high = np.quantile(values.reshape(-1, values.shape[2]), (0.01, 0.99), axis=0)
    steps = (np.arange(THRESHOLDS) + 0.5) / THRESHOLDS
    thresholds = low[:, None] + (high - low)[:, None] * steps
    # How many thresholds a pixel is above, and how many it is below: [2, colours, h, w].
    above = (values.transpose(2, 0, 1)[:, None] > thresholds[..., None, None]).sum(axis=1, dtype=np.uint8)
    counts = np.stack([above, THRESHOLDS - above])
    frame = np.ones(picture.shape[:2], bool)
    frame[1:-1, 1:-1] = False
    inside = (counts - _reached(np.where(frame, counts, 0), counts)).sum(axis=0) / THRESHOLDS
    parts = np.tensordot((high - low) / max(float((high - low).sum()), 1e-6), inside, axes=1)
    apart = parts > APART * parts.max()
    largest, left = np.zeros_like(apart), apart.copy()
    while left.sum() > largest.sum():  # what is left may hold a larger one
        seed = np.zeros_like(apart)
        seed.flat[left.argmax()] = True
        one = _reached(seed, left)
        left &= ~one
        largest = one if one.sum() > largest.sum() else largest
    sure = LEAST <= largest.mean() <= MOST and parts[largest].mean() >= SURE
    return largest if sure and largest.sum() >= ALONE * apart.sum() else np.zeros_like(largest)


def _opponents(picture: Floats) -> Floats:
    """Brightness, red less green, yellow less blue; of other pictures their channels."""
    if picture.shape[2] < 3:
        return picture
    red, green, blue = picture[..., :3].transpose(2, 0, 1)
    return np.stack([(red + green + blue) / 3, red - green, (red + green) / 2 - blue], axis=2)


def _reached(seeds: NDArray, most: NDArray) -> NDArray:
    """The largest that seeds [.., h, w] grow to, from pixel to pixel beside it, where none exceeds `most`."""
    reached, before = np.minimum(seeds, most), np.zeros_like(most)
    while (reached != before).any():
        before, grown = reached, reached.copy()
        for axis in (-2, -1):
            here, there = np.moveaxis(grown, axis, 0), np.moveaxis(before, axis, 0)
            np.maximum(here[1:], there[:-1], out=here[1:])
            np.maximum(here[:-1], there[1:], out=here[:-1])
        reached = np.minimum(grown, most)
    return reached
