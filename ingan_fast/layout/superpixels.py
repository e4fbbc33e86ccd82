"""Superpixels: small parts of a picture that have one colour each.

After Achanta et al., "SLIC Superpixels Compared to State-of-the-Art Superpixel Methods", TPAMI 2012.
"""

import numpy as np
from numpy.typing import NDArray

from ingan_fast.layout.pictures import Floats

ROUNDS = 6  # number of times that centres are moved to the means of their pixels
COMPACT = 12.0  # distance between colours that counts as much as one between places of a superpixel's width

Labels = NDArray[np.intp]


def superpixels(colours: Floats, count: int) -> Labels:
    """Which superpixel each pixel is part of: [h, w], numbers from 0 on, all of which occur.

    Args:
        colours: [h, w, channels], in a space where distances are as they are seen.
        count: of superpixels, about.
    """
    height, width = colours.shape[:2]
    side = (height * width / count) ** 0.5
    rows, columns = max(1, round(height / side)), max(1, round(width / side))
    y, x = np.indices((height, width))
    values = np.concatenate([colours, np.stack([y, x], axis=2) * (COMPACT / side)], axis=2)
    values = np.ascontiguousarray(values.reshape(height * width, -1).T, np.float32)
    row, column = (y * rows // height).ravel(), (x * columns // width).ravel()
    # Each pixel is compared with the centres of its cell of a grid and of those around it.
    nearby = [
        np.clip(row + down, 0, rows - 1) * columns + np.clip(column + across, 0, columns - 1)
        for down in (-1, 0, 1)
        for across in (-1, 0, 1)
    ]
    labels = row * columns + column
    for _ in range(ROUNDS):
        centres = means(values, labels, rows * columns)
        least = np.full(height * width, np.inf, np.float32)
        for other in nearby:
            distance = np.zeros(height * width, np.float32)
            for value, centre in zip(values, centres, strict=True):
                distance += np.square(value - centre[other])
            nearer = distance < least
            least[nearer], labels[nearer] = distance[nearer], other[nearer]
    return np.unique(labels, return_inverse=True)[1].reshape(height, width)


def means(values: NDArray, labels: Labels, count: int) -> Floats:
    """The mean of each superpixel's values: [channels, count]; infinite where a number does not occur.

    Args:
        values: [channels, pixels].
        labels: [pixels].
        count: of numbers.
    """
    sizes = np.bincount(labels, minlength=count)
    sums = np.stack([np.bincount(labels, value, count) for value in values])
    return np.where(sizes > 0, sums / np.maximum(sizes, 1), np.inf).astype(np.float32)
