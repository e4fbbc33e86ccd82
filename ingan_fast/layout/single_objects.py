"""Single objects: the few parts of a picture that stand apart from its background."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ingan_fast.layout.pictures import Floats, Mask, seen, shrunk, widened
from ingan_fast.layout.saliency import Saliency
from ingan_fast.layout.things import components, find
from ingan_fast.layout.versions import shrinking, size_of

PIXELS = 12_000  # size of the version in which single objects are searched
AROUND = 2  # px around objects there that are spared, too
LEVELS = 64  # number of thresholds of how salient pixels are
# A mask is of single objects if it is this sure; measured on 45 pictures, and looked at on 50 others.
APART = 0.76  # least share of how salient pixels differ that is explained by whether they are in the mask
STRIKING = 30.0  # or least times that its pixels are as salient as all others: small things explain a small share
BACKGROUND = 0.4  # most that its pixels are background
RAGGED = 5.0  # most times its outline is longer than a square's
LARGEST = 0.5  # least share that its largest part has; several of one size are things of a kind
LEAST, MOST = 0.001, 0.6  # fraction of the picture that it has
PART = 0.05  # least size of a part, in largest ones
# What is beside them is part of them, too, if it is as salient as this, in thresholds, and as improbably background.
ALSO, ALSO_BACKGROUND = 0.5, 0.3
MORE = 2.5  # most times objects are as large with what they stand on
BESIDE = 0.05  # fraction of the width by which what they stand on may be wider on either side

# Values of what counts where the width changes alone, of what always counts, and of faces, which count most.
STANDING, WHOLE, FACE = 1, 2, 3


def single_objects(picture: NDArray) -> NDArray[np.uint8]:
    """Where single objects are: [h, w]; nowhere in textures and in pictures of many things of a kind.

    Things on a ground (`things.py`) are single as a whole or not at all. What objects stand on at the lower border, as
    heads on bodies, is part of them where the width changes; it may become higher.

    Args:
        picture: [h, w, channels], as for `pictures.seen`.

    Returns:
        `WHOLE`, `STANDING` or 0.
    """
    height, width = picture.shape[:2]
    factor = max(1.0, (height * width / PIXELS) ** 0.5)
    saliency = Saliency(seen(shrunk(picture, (max(1, round(width / factor)), max(1, round(height / factor))))))
    salient, background = saliency.maps()
    threshold, apart = _divided(salient)
    objects = salient > threshold
    if not objects.any() or (apart < APART and salient[objects].mean() < STRIKING * salient[~objects].mean()):
        return np.zeros((height, width), np.uint8)
    if background[objects].mean() > BACKGROUND or _outline(objects) > RAGGED:
        return np.zeros((height, width), np.uint8)
    parts, sizes = _parts(objects)
    largest = sizes[parts[objects]].max()
    if largest < LARGEST * objects.sum() or not LEAST <= objects.mean() <= MOST:
        return np.zeros((height, width), np.uint8)
    objects = _completed(objects & (sizes >= PART * largest)[parts], salient, background)
    larger = size_of(picture, shrinking((width, height)))
    things = find(seen(shrunk(picture, larger)))
    if things is not None:
        objects = things.whole(np.asarray(Image.fromarray(objects).resize(larger, Image.Resampling.NEAREST)))
        spared = objects * np.uint8(WHOLE)
    else:
        below = widened(np.logical_or.accumulate(objects), max(1, round(BESIDE * objects.shape[1])))
        standing = _completed(objects, *saliency.maps(standing=True), below)
        if standing.sum() > MORE * objects.sum():  # a ground
            standing = objects
        spared = np.where(widened(objects, AROUND), WHOLE, widened(standing, AROUND) * STANDING).astype(np.uint8)
    return np.asarray(Image.fromarray(spared).resize((width, height), Image.Resampling.NEAREST))


def _divided(values: Floats) -> tuple[float, float]:
    """The threshold that divides values in [0, 1] best, and the share of their variance that it explains.

    After Otsu, "A Threshold Selection Method from Gray-Level Histograms", 1979.
    """
    counts, edges = np.histogram(values, LEVELS, (0, 1))
    shares, levels = counts / values.size, (edges[1:] + edges[:-1]) / 2
    below, sums = np.cumsum(shares), np.cumsum(shares * levels)
    between = np.square(sums[-1] * below - sums) / np.maximum(below * (1 - below), 1e-9)
    best = int(between.argmax())
    variance = float(shares @ np.square(levels - sums[-1]))
    return float(edges[best + 1]), float(between[best]) / max(variance, 1e-9)


def _completed(objects: Mask, salient: Floats, background: Floats, within: Mask | None = None) -> Mask:
    """Objects and what is beside them, like them and within a mask, without holes."""
    also = (salient > ALSO * _divided(salient)[0]) & (background < ALSO_BACKGROUND)
    return _filled(_reached(objects, objects | (also if within is None else also & within)))


def _outline(mask: Mask) -> float:
    """The length of a mask's outline, in those of a square of its size."""
    length = np.count_nonzero(mask[:, 1:] != mask[:, :-1]) + np.count_nonzero(mask[1:] != mask[:-1])
    return float(length / (4 * max(int(mask.sum()), 1) ** 0.5))


def _parts(mask: Mask) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return components(mask[:, 1:] & mask[:, :-1], mask[1:] & mask[:-1])


def _reached(seeds: Mask, mask: Mask) -> Mask:
    """The parts of a mask that contain any of some pixels of it."""
    parts, sizes = _parts(mask)
    reached = np.zeros(sizes.size, bool)
    reached[parts[seeds]] = True
    return np.asarray(mask & reached[parts])


def _filled(mask: Mask) -> Mask:
    """A mask and its holes."""
    outside = np.pad(~mask, 1, constant_values=True)
    parts, _ = _parts(outside)
    return np.asarray((~outside | (parts != parts[0, 0]))[1:-1, 1:-1])
