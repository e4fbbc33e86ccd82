"""Parallelograms: bands of a picture, each moved along the shape's straight sides, so that upright things stay upright.

A homography to a parallelogram shears every element. Here the picture is laid out as a rectangle, cut into a few bands
between its straight sides, and each band is moved as a whole. The cuts bend, and how far each band moves is chosen so
that the cuts show little: by a period where there is one. The shape's slanting sides cut off what is too much.
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
LEAST = 20  # px; minimum height of a band in the version in which bands are found
SLACK = 0.25  # fraction of their distance by which a band may start earlier or later


def lay_out(
    layouts: Layouts, transform: Transform, progress: Progress = lambda part: None
) -> tuple[Layout, Bands] | None:
    """A rectangle's layout, and bands of it; None for other shapes, and where bands would cut what is spared."""
    shape = Parallelogram.of(transform)
    if shape is None or layouts.options.tile:
        return None
    factor = _factor(transform.size)
    count = max(1, min(round(abs(shape.slant) / (WIDTHS * shape.width)), int(shape.height / factor / LEAST)))
    apart = shape.slant / count
    if abs(apart) > FARTHEST * shape.width:
        return None
    slack = SLACK * abs(apart) if count > 1 else 0.0
    masks = _spared(layouts)
    # Where seams have to go around something, bands are seen farther from their places.
    margin = int(np.ceil(abs(apart) * (1.0 if masks else 0.5) + slack))
    along, across = max(4, round(shape.width)) + 2 * margin, max(4, round(shape.height))
    try:
        layout = layouts.lay_out((across, along) if shape.axis else (along, across), progress)
    except UserError:  # what is kept leaves room for the shape, perhaps, and not for what it cuts off
        return None
    spared = layout.copy(np.logical_or.reduce(masks)) if masks else None
    starts = np.asarray(shape.starts[0] + apart * (np.arange(count) + 0.5) - margin, np.float64)
    bands = _found(layout.draw(layouts.picture), spared, shape, transform.size, starts, slack)
    return (layout, bands) if spared is None or bands.spare(spared, transform) else None


def _spared(layouts: Layouts) -> list[Mask]:
    """What must not be cut."""
    options = layouts.options
    masks = [options.keep, layouts.objects() if options.keep_objects else None]
    return [mask for mask in masks if mask is not None and mask.any()]


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
