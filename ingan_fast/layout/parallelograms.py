"""Parallelograms: bands of a picture, each moved along the shape's straight sides, so that upright things stay upright.

A homography to a parallelogram shears every element. Here the picture is laid out as a rectangle, cut into a few bands
between its straight sides, and each band is moved as a whole. The cuts bend, and how far each band moves is chosen so
that the cuts show little: by a period where there is one. The shape's slanting sides cut off what is too much. Where
cuts would break something that is spared, the picture is one band, in which that stands whole between these sides.
"""

import numpy as np
from numpy.typing import NDArray

from ingan_fast.callbacks import Progress
from ingan_fast.errors import UserError
from ingan_fast.geometry import Size, Transform
from ingan_fast.layout.band_search import Search
from ingan_fast.layout.bands import Bands, Parallelogram
from ingan_fast.layout.layouts import Layout, Layouts
from ingan_fast.layout.pictures import Mask, shrunk, shrunk_mask
from ingan_fast.layout.refining import STEP
from ingan_fast.layout.versions import SOLVED_PIXELS

# Distance between bands, as a fraction of the straight side. Less needs more cuts, more cuts off more of the picture.
WIDTHS = 0.14
# Fraction of the straight side; flatter shapes, which would need bands farther apart, are sheared instead.
FARTHEST = 0.3
FARTHEST_WHOLE = 0.5  # the same for a single band that spares what several would cut
LEAST_SHOWN = 0.95  # fraction of single objects, which are found roughly, that the shape's sides must leave
LEAST = 20  # px; minimum height of a band in the version in which bands are found
SLACK = 0.25  # fraction of their distance by which a band may start earlier or later

Spared = tuple[Mask, float]  # what must not be cut, and which fraction of it must be shown


def lay_out(
    layouts: Layouts, transform: Transform, progress: Progress = lambda part: None
) -> tuple[Layout, Bands] | None:
    """A rectangle's layout, and bands of it; None for other shapes, and where bands would cut what is spared."""
    shape = Parallelogram.of(transform)
    if shape is None or layouts.options.tile:
        return None
    most = int(shape.height / _factor(transform.size) / LEAST)
    count = max(1, min(round(abs(shape.slant) / (WIDTHS * shape.width)), most))
    if abs(shape.slant) > FARTHEST * shape.width * count:
        return None
    spared = _spared(layouts)
    found = _in_bands(layouts, transform, shape, count, spared, progress)
    if found is None and count > 1 and abs(shape.slant) <= FARTHEST_WHOLE * shape.width:
        return _in_bands(layouts, transform, shape, 1, spared, progress)
    return found


def _in_bands(
    layouts: Layouts, transform: Transform, shape: Parallelogram, count: int, spared: list[Spared], progress: Progress
) -> tuple[Layout, Bands] | None:
    """The same with so many bands."""
    apart = shape.slant / count
    slack = SLACK * abs(apart) if count > 1 or spared else 0.0
    # Where seams have to go around something, bands are seen farther from their places.
    margin = int(np.ceil(abs(apart) * (1.0 if spared and count > 1 else 0.5) + slack))
    along, across = max(4, round(shape.width)) + 2 * margin, max(4, round(shape.height))
    try:
        layout = layouts.lay_out((across, along) if shape.axis else (along, across), progress)
    except UserError:  # what is kept leaves room for the shape, perhaps, and not for what it cuts off
        return None
    mask = layout.copy(np.logical_or.reduce([mask for mask, _ in spared])) if spared else None
    starts = np.asarray(shape.starts[0] + apart * (np.arange(count) + 0.5) - margin, np.float64)
    bands = _found(layout.draw(layouts.picture), mask, shape, transform.size, starts, slack)
    whole = all(bands.spare(layout.copy(mask), transform, least) for mask, least in spared)
    return (layout, bands) if whole else None


def _spared(layouts: Layouts) -> list[Spared]:
    options = layouts.options
    masks = [(options.keep, 1.0), (layouts.objects() if options.keep_objects else None, LEAST_SHOWN)]
    return [(mask, least) for mask, least in masks if mask is not None and mask.any()]


def _found(
    picture: NDArray, spared: Mask | None, shape: Parallelogram, size: Size, starts: NDArray[np.float64], slack: float
) -> Bands:
    """The bands whose seams show least: found in a small version, then refined.

    Args:
        picture: [h, w, channels], laid out as a rectangle.
        spared: [h, w], what must not be cut.
        shape: where it goes.
        size: of the output.
        starts: [n], where the picture begins in each band by the homography, px along the straight sides.
        slack: px that it can begin before or after that.
    """
    own_size = picture.shape[1], picture.shape[0]
    factor = _factor(size)
    small = _shrunk(own_size, factor)
    mask = None if spared is None else shrunk_mask(spared, small)
    search = Search(shrunk(picture, small), mask, shape.scaled(1 / factor), _shrunk(size, factor))
    bands = search.bands(starts / factor, slack / factor)
    while factor > 1:
        smaller, factor = factor, max(1.0, factor / STEP)
        bands = bands.larger(shrunk(picture, _shrunk(own_size, factor)), _shrunk(size, factor), smaller / factor)
    return bands


def _factor(size: Size) -> float:
    """How many times as large an output is as the version of it in which bands are found."""
    return max(1.0, (size[0] * size[1] / SOLVED_PIXELS) ** 0.5)


def _shrunk(size: Size, factor: float) -> Size:
    return max(1, round(size[0] / factor)), max(1, round(size[1] / factor))
