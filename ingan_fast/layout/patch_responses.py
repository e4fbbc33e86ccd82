"""What a picture's patches are like: their products with a few fixed directions by chance."""

import numpy as np

from ingan_fast.layout.seam_costs import Floats

PATCH = 7  # px a side
DIRECTIONS = 8  # of patches


def patch_responses(picture: Floats, seed: int = 0) -> Floats:
    """The product of each patch with each direction: [h - 6, w - 6, directions], by the patches' top left corners.

    The distances between two pictures' distributions of these are what the sliced Wasserstein distance of their patches
    is the mean of. After Elnekave & Weiss, ECCV 2022.

    Args:
        picture: [h, w, channels], at least a patch.
        seed: of the directions.
    """
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(picture.shape[2], PATCH, PATCH, DIRECTIONS)).astype(np.float32)
    directions /= np.linalg.norm(directions.reshape(-1, DIRECTIONS), axis=0)
    patches = np.lib.stride_tricks.sliding_window_view(picture, (PATCH, PATCH), axis=(0, 1))
    return np.asarray(np.tensordot(patches, directions, axes=3), np.float32)
