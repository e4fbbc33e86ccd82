"""How much each part of a picture stands apart from its background.

After Zhu et al., "Saliency Optimization from Robust Background Detection", CVPR 2014: what a region has in common with
much of the picture's border is background; objects touch the border little or not at all.
"""

import numpy as np
from numpy.typing import NDArray

from ingan_fast.layout.pictures import Floats, Mask
from ingan_fast.layout.superpixels import Labels, means, superpixels

SUPERPIXELS = 250
SAME_REGION = 7.0  # colour distance (CIELAB) along a way between superpixels of one region; paper: sigma_clr, 10
SAME_COLOUR = 10.0  # the same between neighbours that should be as salient as each other
NEAR = 0.4  # distance, in longer sides, over which colours are compared; paper: sigma_spa, 0.25
CONNECTED = 1.0  # boundary connectivity from which on a region is background; paper: sigma_bndCon, 1
SMOOTH = 0.1  # least weight of neighbours' being as salient as each other; paper: mu, 0.1
BACKGROUND = 5.0  # weight of a background's not being salient

Doubles = NDArray[np.float64]


class Saliency:
    """How much parts of a picture stand apart.

    Args:
        picture: [h, w, channels], small, as from `pictures.seen`.
    """

    def __init__(self, picture: Floats):
        colours = _lab(picture)
        self._labels = superpixels(colours, SUPERPIXELS)
        self._count, (height, width) = int(self._labels.max()) + 1, self._labels.shape
        places = np.indices((height, width)).transpose(1, 2, 0) / max(height, width)
        pixels = np.concatenate([colours, places], axis=2).reshape(height * width, -1).T
        mean = means(pixels, self._labels.ravel(), self._count).T.astype(np.float64)
        self._distances, self._apart = _distances(mean[:, :-2]), _distances(mean[:, -2:])
        self._neighbours = _neighbours(self._labels, self._count)

    def maps(self, standing: bool = False) -> tuple[Floats, Floats]:
        """How salient pixels are, and how probable it is that they are background: [h, w] each, from 0 to 1.

        Args:
            standing: what reaches the picture's lower side alone is not background: objects often stand on it, as
                people do in portraits; but so do grounds.
        """
        sides = [self._labels[0], self._labels[:, 0], self._labels[:, -1]]
        at_border = np.zeros(self._count, bool)
        at_border[np.concatenate(sides if standing else [*sides, self._labels[-1]])] = True
        maps = _of_superpixels(self._distances, self._apart, self._neighbours, at_border)
        # Rounded, so that processors whose sums differ in the last digits agree on what is above a threshold.
        salient, background = (each.round(6)[self._labels].astype(np.float32) for each in maps)
        return salient, background


def _of_superpixels(distances: Doubles, apart: Doubles, neighbours: Mask, at_border: Mask) -> tuple[Doubles, Doubles]:
    """How salient superpixels are, and how probable it is that they are background: [n] each.

    Args:
        distances: [n, n], between their colours.
        apart: [n, n], between their places, in longer sides.
        neighbours: [n, n], which lie beside each other.
        at_border: [n].
    """
    neighbours = neighbours | (at_border[:, None] & at_border)
    np.fill_diagonal(neighbours, False)
    background = _background(distances, neighbours, at_border)
    contrast = _in_unit_range((distances * np.exp(-np.square(apart / NEAR) / 2)) @ background)
    twice = neighbours | ((neighbours.astype(np.float32) @ neighbours) > 0)
    weights = np.where(twice, np.exp(-np.square(distances / SAME_COLOUR) / 2) + SMOOTH, 0)
    np.fill_diagonal(weights, 0)
    # The least of BACKGROUND background s^2 + contrast (s - 1)^2 + the weighted squares of neighbours' differences.
    system = np.diag(BACKGROUND * background + contrast + weights.sum(axis=1) + 1e-9) - weights
    return _in_unit_range(np.linalg.solve(system, contrast)), background


def _background(distances: Doubles, neighbours: Mask, at_border: Mask) -> Doubles:
    """How probable it is that each superpixel is background: [n] (paper: section 3.1 to 3.3)."""
    steps = np.where(neighbours, distances, np.inf)
    least = float(steps.min(axis=1).mean()) if len(steps) > 1 else 0.0  # what differs less does not differ
    ways = np.maximum(steps - least, 0).astype(np.float32)
    np.fill_diagonal(ways, 0)
    for between in range(len(ways)):  # Floyd and Warshall: the shortest ways
        np.minimum(ways, ways[:, between, None] + ways[between], out=ways)
    same = np.exp(-np.square(ways.astype(np.float64) / SAME_REGION) / 2)
    connectivity = same[:, at_border].sum(axis=1) / np.sqrt(same.sum(axis=1))
    return np.asarray(np.maximum(1 - np.exp(-np.square(connectivity / CONNECTED) / 2), 1e-3))


def _neighbours(labels: Labels, count: int) -> Mask:
    """Which superpixels lie beside each other: [n, n]."""
    neighbours = np.zeros((count, count), bool)
    for one, other in ((labels[:, 1:], labels[:, :-1]), (labels[1:], labels[:-1])):
        neighbours[one, other] = neighbours[other, one] = True
    return neighbours


def _distances(points: Doubles) -> Doubles:
    """Between points [n, d]: [n, n]."""
    return np.sqrt(sum(np.square(each[:, None] - each) for each in points.T))


def _in_unit_range(values: Doubles) -> Doubles:
    """Values from their least to their most, as from 0 to 1; 0 where they are all the same."""
    values = values - values.min()
    return values / max(float(values.max()), 1e-9)


def _lab(picture: Floats) -> Floats:
    """CIELAB (D65) of colours, of greys the lightness alone; an opacity is a channel more, from 0 to 100."""
    colours = picture[..., : 1 if picture.shape[2] < 3 else 3].astype(np.float64)
    linear = np.where(colours > 0.04045, ((colours + 0.055) / 1.055) ** 2.4, colours / 12.92)
    if colours.shape[2] == 3:
        to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
        linear = linear @ (to_xyz / to_xyz.sum(axis=1, keepdims=True)).T
    roots = np.where(linear > 0.008856, np.cbrt(linear), 7.787 * linear + 16 / 116)
    lightness = roots[..., roots.shape[2] // 2]
    planes = [116 * lightness - 16]
    if colours.shape[2] == 3:
        planes += [500 * (roots[..., 0] - lightness), 200 * (lightness - roots[..., 2])]
    if picture.shape[2] in (2, 4):
        planes.append(100 * picture[..., -1])
    return np.stack(planes, axis=2).astype(np.float32)
