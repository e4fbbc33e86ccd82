"""Curriculum: random transforms for training, from identity to the full range (InGAN §2.4).

The range grows during training: a generator that can't yet copy the picture learns nothing from extreme shapes.
"""

import math

import numpy as np

from ingan_fast.errors import UserError
from ingan_fast.geometry import FRAME, Size, Transform

# With buckets, sizes come from a fixed set; the range grows in this many steps, of which all but the last use a third
# of the set.
RAMP_STEPS = 3
GOLDEN_RATIO = 0.6180339887498949  # multiples modulo 1 are evenly spread, for any count

# Lower bound of min(w) / max(w) over the output frame: beyond a tenfold difference in scale across the output, a
# training crop has too few pixels to be reconstructed.
MIN_W_RATIO = 0.1


def curriculum_progress(iteration: float, ramp_iterations: int) -> float:
    """Progress of the range: 0 at the first iteration, rising linearly to 1 at `ramp_iterations`, then 1.

    With `ramp_iterations` 0 the range is full from the start.
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
        rng: the run's random generator; the same state gives the same transform.
        source_size: (width, height) of the training crop, in pixels.
        progress: in [0, 1], how far the range has grown. At 0 the output has the source's size (to the nearest
            multiple) and no corner moves; at 1 the range is full.
        min_scale, max_scale: bounds of each axis' scale (drawn independently); min_scale ≤ 1 ≤ max_scale.
        max_corner_shift: largest shift of a corner along each axis, as a fraction of the output's side.
        min_size: smallest output side, in pixels (rounded up to a multiple).
        size_multiple: output sides are multiples of this; sides longer than four times this, of twice this.
        buckets: number of output sizes, evenly spread over the range; 0: no restriction.
        resize_probability: probability of a plain resize, with the corners at the frame's corners.

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
    """One of `count` points evenly spread over the unit square."""
    index = int(rng.integers(count))
    return (index + 0.5) / count, (0.5 + index * GOLDEN_RATIO) % 1


def _scale(place: float, low: float, high: float) -> float:
    """The quantile function of the scale distribution, at quantile `place`."""
    # Scales are ratios, so the distribution is log-uniform: uniform over 0.15..2.25 would nearly always enlarge. The
    # range is not symmetric in the logarithm either (0.15 is 1 / 6.7), so each half is mapped separately: half of
    # the draws shrink, half enlarge.
    return low ** (1 - 2 * place) if place < 0.5 else high ** (2 * place - 1)


def _round_side(length: float, min_size: int, multiple: int) -> int:
    if length > 4 * multiple:  # for long sides a coarser raster has the same relative step, and gives fewer shapes
        multiple *= 2
    return max(round(length / multiple), math.ceil(min_size / multiple)) * multiple


def _random_quadrilateral(rng: np.random.Generator, size: Size, shift: float) -> Transform:
    """The frame's corners, each shifted uniformly by up to `shift` sides; redrawn until the result is valid."""
    frame = (FRAME[:, :2] + 1) / 2  # [4, 2], as fractions of the sides
    while True:
        corners = frame + rng.uniform(-shift, shift, size=(4, 2))
        try:
            transform = Transform.from_corners(corners * size, size)
        except UserError:
            transform = None  # not convex, or a horizon crosses the frame
        if transform is not None and _w_ratio(transform) >= MIN_W_RATIO:
            return transform
        shift *= 0.9  # terminates: small shifts are always convex, with a distant horizon


def _w_ratio(transform: Transform) -> float:
    w = FRAME @ transform.sampling_matrix()[2]
    return float(w.min() / w.max())
