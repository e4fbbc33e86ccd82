"""What a picture's patches are like: their products with a few fixed directions by chance."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from ingan_fast.layout.seam_costs import Floats

PATCH = 7  # px a side
DIRECTIONS = 16  # of patches
ROWS = 8  # of patches at a time: all of them at once fill no cache


def patch_responses(picture: Floats, seed: int = 0, asked: NDArray[np.bool_] | None = None) -> Floats:
    """The product of each patch with each direction: [h - 6, w - 6, directions], by the patches' top left corners.

    The distances between two pictures' distributions of these are what the sliced Wasserstein distance of their patches
    is the mean of. After Elnekave & Weiss, ECCV 2022.

    Args:
        picture: [h, w, channels], at least a patch.
        seed: of the directions.
        asked: [h - 6, w - 6], of which patches alone: [n, directions].
    """
    patches = np.lib.stride_tricks.sliding_window_view(picture, (PATCH, PATCH), axis=(0, 1))
    directions = _directions(picture.shape[2], seed)
    if asked is not None:
        return np.asarray(np.tensordot(patches[asked], directions, axes=3), np.float32)
    parts = (patches[first : first + ROWS] for first in range(0, len(patches), ROWS))
    return np.concatenate([np.asarray(np.tensordot(part, directions, axes=3), np.float32) for part in parts])


@cache
def _directions(channels: int, seed: int) -> Floats:
    """Directions of unit length by chance: [channels, 7, 7, directions]."""
    directions = np.random.default_rng(seed).normal(size=(channels, PATCH, PATCH, DIRECTIONS)).astype(np.float32)
    return np.asarray(directions / np.linalg.norm(directions.reshape(-1, DIRECTIONS), axis=0))
