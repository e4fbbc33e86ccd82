"""Random transforms for training, from none to the full range (InGAN §2.4).

The range grows with training: a generator that can't yet copy the picture has nothing to gain from an extreme
shape.
"""

import math

import numpy as np

from ingan_fast.errors import UserError
from ingan_fast.geometry import FRAME, Size, Transform

# With buckets, sizes come from a fixed set. The range grows in so many steps; before the last, a third as many do.
RAMP_STEPS = 3
GOLDEN_RATIO = 0.6180339887498949  # its multiples, modulo 1, are spread evenly, however many there are

# Smallest over largest w in the output frame: a training crop has too few pixels to come back from a layout
# whose scale differs by more than tenfold from one side to the other.
MIN_W_RATIO = 0.1


def curriculum_progress(iteration: float, ramp_iterations: int) -> float:
    """How far the range has grown: from 0 at the first iteration to 1 at `ramp_iterations`, then 1.

    A ramp of 0 iterations is the full range from the start.
    """
    if ramp_iterations <= 0:
        return 1.0
    return min(max(iteration / ramp_iterations, 0.0), 1.0)


def random_transform(
    rng: np.random.Generator,
    source_size: Size,
    progress: float,
    *,
    min_scale: float = 0.15,
    max_scale: float = 2.25,
    max_corner_shift: float = 0.25,
    min_size: int = 16,
    size_multiple: int = 8,
    buckets: int = 0,
    resize_probability: float = 0.5,
) -> Transform:
    """Draw a transform for one training iteration.

    Args:
        rng: the run's generator: the same state gives the same transform.
        source_size: (width, height) of the training crop, in pixels.
        progress: in [0, 1], how far the range has grown. At 0 the size is the source's (to the nearest
            multiple) and no corner moves; at 1 the range is full.
        min_scale, max_scale: bounds of each axis' scale, which are independent; min_scale ≤ 1 ≤ max_scale.
        max_corner_shift: how far a corner may move along each axis, as a part of the output's side.
        min_size: the output's smallest side, in pixels (rounded up to a multiple).
        size_multiple: the output's sides are multiples of this, the longer ones (over four of it) of twice that.
        buckets: how many output sizes there are, evenly spread over the range; 0: as many as there are multiples.
        resize_probability: how often the corners stay at the frame's corners: a plain resize.

    Raises:
        ValueError: `progress` or one of the bounds is outside its range.
    """
    if not 0 <= progress <= 1:
        raise ValueError(f"progress is {progress}; it must lie in [0, 1]")
    if not 0 < min_scale <= 1 <= max_scale:
        raise ValueError(f"scales are {min_scale} to {max_scale}; needed is 0 < min_scale <= 1 <= max_scale")
    if not 0 <= max_corner_shift <= 1:
        raise ValueError(f"max_corner_shift is {max_corner_shift}; it must lie in [0, 1]")
    grown = math.ceil(progress * RAMP_STEPS) / RAMP_STEPS if buckets else progress
    low, high = 1 - grown * (1 - min_scale), 1 + grown * (max_scale - 1)
    places = _bucket(rng, buckets if grown == 1 else math.ceil(buckets / 3)) if buckets else rng.random(2)
    width, height = (
        _round_side(side * _scale(place, low, high), min_size, size_multiple)
        for side, place in zip(source_size, places, strict=True)
    )
    if rng.random() < resize_probability:
        return Transform.resize((width, height))
    return _random_quadrilateral(rng, (width, height), max_corner_shift * progress)


def _bucket(rng: np.random.Generator, count: int) -> tuple[float, float]:
    """One of `count` points that fill the unit square evenly."""
    index = int(rng.integers(count))
    return (index + 0.5) / count, (0.5 + index * GOLDEN_RATIO) % 1


def _scale(place: float, low: float, high: float) -> float:
    """The scale below which a part `place` of all lies."""
    # Scales are ratios: log-uniform makes twice and half the size alike, where uniform over 0.15..2.25 would
    # nearly always grow. The range isn't symmetric in the logarithm either (0.15 is 1 / 6.7), so half of them shrink
    # and half of them grow.
    return low ** (1 - 2 * place) if place < 0.5 else high ** (2 * place - 1)


def _round_side(length: float, min_size: int, multiple: int) -> int:
    if length > 4 * multiple:  # where a side is long, a coarser raster is as fine in scales, and means fewer shapes
        multiple *= 2
    return max(round(length / multiple), math.ceil(min_size / multiple)) * multiple


def _random_quadrilateral(rng: np.random.Generator, size: Size, shift: float) -> Transform:
    """Corners of the frame, each moved freely by up to `shift` sides; drawn again until it is valid."""
    frame = (FRAME[:, :2] + 1) / 2  # [4, 2], in sides
    while True:
        corners = frame + rng.uniform(-shift, shift, size=(4, 2))
        try:
            transform = Transform.from_corners(corners * size, size)
        except UserError:
            transform = None  # not convex, or with a horizon
        if transform is not None and _w_ratio(transform) >= MIN_W_RATIO:
            return transform
        shift *= 0.9  # ends: small shifts are always convex, with a far horizon


def _w_ratio(transform: Transform) -> float:
    w = FRAME @ transform.sampling_matrix()[2]
    return float(w.min() / w.max())
