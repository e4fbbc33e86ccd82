"""Details and coarse shapes: what repeats of a picture's columns show, and what seams break beside its pixels.

Pictures are laid out along their width here, as in `seam_costs.py`.
"""

import numpy as np
from PIL import Image

from ingan_fast.layout.seam_costs import Floats

NEAR = 6  # px to either side that a pixel is compared with
FULL = 0.1  # difference, of values in [0, 1], from which a pixel counts as full of detail
COARSE = 7  # px, the side of the squares whose means are coarse shapes


class Details:
    """The share of a picture's pixels, from column to column, that are details.

    Repeats of a smooth sky are not seen, those of houses are.

    Args:
        picture: float32 [h, w, channels] in [0, 1].
    """

    def __init__(self, picture: Floats):
        columns = np.minimum(_unlike_beside(picture) / FULL, 1).mean(axis=0, dtype=np.float64)
        self._before = np.concatenate([[0.0], np.cumsum(columns)])

    def between(self) -> Floats:
        """The share between any two columns: [w, w], in [0, 1]."""
        column = np.arange(len(self._before) - 1)
        before = self._before[:-1]
        apart = np.maximum(np.abs(column[:, None] - column), 1)
        return np.asarray(np.abs(before[:, None] - before) / apart, np.float32)

    def along(self, place: int, length: int) -> float:
        """The share between a column and the one after a jump from there."""
        return abs(float(self._before[place + length] - self._before[place])) / max(abs(length), 1)


def _unlike_beside(picture: Floats) -> Floats:
    """How far each pixel is from the mean of those on its left and right, root mean square over channels: [h, w].

    Where colours change evenly, as in a sky, it is not.
    """
    near = min(NEAR, (picture.shape[1] - 1) // 2)
    if not near:
        return np.zeros(picture.shape[:2], np.float32)
    means = (picture[:, : -2 * near] + picture[:, 2 * near :]) / 2
    inside = np.sqrt(np.square(picture[:, near:-near] - means).mean(axis=2))
    return np.pad(inside, ((0, 0), (near, near)), mode="edge")


def coarse_shapes(picture: Floats) -> Floats:
    """A picture's means around each pixel [h, w, channels], without its details."""
    height, width = picture.shape[:2]
    size = max(1, round(width / COARSE)), max(1, round(height / COARSE))
    planes = [Image.fromarray(np.ascontiguousarray(plane)) for plane in picture.transpose(2, 0, 1)]
    small = [plane.resize(size, Image.Resampling.BOX) for plane in planes]
    return np.stack([np.asarray(each.resize((width, height), Image.Resampling.BILINEAR)) for each in small], axis=2)
