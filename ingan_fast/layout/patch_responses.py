"""What a picture's patches are like: their products with a few fixed directions by chance."""

import numpy as np
from PIL import Image

from ingan_fast.layout.seam_costs import Floats

PATCH = 7  # px a side
SCALES = (1, 2, 4)  # patches are those of versions of the picture as many times smaller
DIRECTIONS = 4  # of patches, for each scale


def patch_responses(picture: Floats) -> Floats:
    """The product of the patch around each pixel with each direction: [h, w, responses].

    The distances between two pictures' distributions of these are what the sliced Wasserstein distance of their patches
    is the mean of. After Elnekave & Weiss, ECCV 2022.

    Args:
        picture: [h, w, channels].
    """
    height, width, channels = picture.shape
    rng = np.random.default_rng(0)
    responses = []
    for scale in SCALES:
        size = max(1, width // scale), max(1, height // scale)
        directions = rng.normal(size=(channels, PATCH, PATCH, DIRECTIONS)).astype(np.float32)
        directions /= np.linalg.norm(directions.reshape(-1, DIRECTIONS), axis=0)
        small = np.stack([_resized(plane, size, Image.Resampling.BOX) for plane in picture.transpose(2, 0, 1)], axis=2)
        edge = PATCH // 2
        padded = np.pad(small, ((edge, edge), (edge, edge), (0, 0)), mode="edge")
        patches = np.lib.stride_tricks.sliding_window_view(padded, (PATCH, PATCH), axis=(0, 1))
        products = np.tensordot(patches, directions, axes=3)
        responses += [
            _resized(plane, (width, height), Image.Resampling.NEAREST) for plane in products.transpose(2, 0, 1)
        ]
    return np.stack(responses, axis=2)


def _resized(plane: Floats, size: tuple[int, int], resampling: Image.Resampling) -> Floats:
    return np.asarray(Image.fromarray(np.ascontiguousarray(plane)).resize(size, resampling))
