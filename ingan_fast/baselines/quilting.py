"""Image quilting: Efros & Freeman, "Image Quilting for Texture Synthesis and Transfer", SIGGRAPH 2001.

Blocks of the source are placed in raster order, overlapping by a sixth of their side. Each is chosen at random among
those whose error in the overlap is at most a tenth above the best one's, and cut along the path of least difference.
"""

from functools import partial
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ingan_fast.baselines.inputs import check_task, report
from ingan_fast.callbacks import Progress
from ingan_fast.errors import UserError
from ingan_fast.geometry import MIN_SIZE, Size
from ingan_fast.pictures import Pixels

Array = NDArray[np.float64]

TOLERANCE = 0.1
ROUNDING = 1e-6  # rounding error of a sum of squares of values in [0, 1]


def quilt(
    source: NDArray[Any],
    size: Size,
    *,
    block: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Pixels:
    """Synthesise a texture at a size by image quilting (Efros & Freeman, SIGGRAPH 2001).

    Args:
        source, size, progress: see `inputs.check_task`, also for what is returned and raised.
        block: px a side, larger than the texture's elements; None: a quarter of the source's shorter side.
        seed: seed of the choice of blocks.

    Returns:
        uint8 [height, width, 3]; every pixel is copied from the source.

    Raises:
        UserError: not such a picture, a side under 16 px, more than 4 megapixels, or a block under 6 px or larger
            than the source.
    """
    source, (width, height) = check_task(source, size)
    shorter = min(source.shape[:2])
    if block is None:
        block = max(shorter // 4, MIN_SIZE // 2)
    if not 6 <= block <= shorter:
        raise UserError(f"blocks of {block} px can't be cut from this picture; give 6 to {shorter}")
    rng = np.random.default_rng(seed)
    overlap = block // 6
    given = source.astype(np.float64) / 255
    tops, lefts = (range(0, side - overlap, block - overlap) for side in (height, width))
    page = np.zeros((tops[-1] + block, lefts[-1] + block, 3))
    for row, top in enumerate(tops):
        for left in lefts:
            place = page[top : top + block, left : left + block]
            known = np.zeros((block, block), bool)  # pixels that are already filled
            known[: overlap * (top > 0)] = True
            known[:, : overlap * (left > 0)] = True
            chosen = _choose(given, place, known, rng)
            place[:] = np.where(_keep(place, chosen, overlap, top > 0, left > 0)[..., None], place, chosen)
        report(progress, row + 1, len(tops))
    return (page[:height, :width] * 255).round().astype(np.uint8)


def _choose(source: Array, place: Array, known: NDArray[np.bool_], rng: np.random.Generator) -> Array:
    """A block of the source that fits the known pixels of a place [block, block, 3]."""
    block = len(place)
    errors = _errors(source, place, known)
    row, column = rng.choice(np.argwhere(errors <= errors.min() * (1 + TOLERANCE) + ROUNDING))
    return source[row : row + block, column : column + block]


def _errors(source: Array, place: Array, known: NDArray[np.bool_]) -> Array:
    """Sum of squared differences over the known pixels, for each block of the source: [h - block + 1, ...].

    Computed by FFT: |a - b|² = |a|² + |b|² - 2 a·b, each a correlation.
    """
    height, width, _ = source.shape
    block = len(place)
    spectrum = partial(np.fft.rfft2, s=(height, width), axes=(0, 1))
    squares = spectrum(np.square(source).sum(2)) * np.conj(spectrum(known))
    products = (spectrum(source) * np.conj(spectrum(place * known[..., None]))).sum(2)
    errors = np.fft.irfft2(squares - 2 * products, (height, width), axes=(0, 1))
    errors = errors[: height - block + 1, : width - block + 1] + np.square(place[known]).sum()
    return errors.clip(0)  # rounding can make them negative


def _keep(place: Array, chosen: Array, overlap: int, above: bool, left: bool) -> NDArray[np.bool_]:
    """Mask of the pixels of a place to keep, beyond the cheapest cuts through its overlaps: [block, block]."""
    difference = np.square(place - chosen).sum(2)
    keep = np.zeros(difference.shape, bool)
    if left:
        keep[:, :overlap] |= np.arange(overlap) < cheapest_cut(difference[:, :overlap])[:, None]
    if above:
        keep[:overlap] |= np.arange(overlap)[:, None] < cheapest_cut(difference[:overlap].T)
    return keep


def cheapest_cut(cost: Array) -> NDArray[np.int64]:
    """The cheapest path from the first row to the last, moving at most one column per row: int64 [rows]."""
    total = cost.copy()
    for row in range(1, len(total)):
        padded = np.pad(total[row - 1], 1, constant_values=np.inf)
        total[row] += sliding_window_view(padded, 3).min(1)
    path = np.empty(len(total), np.int64)
    path[-1] = total[-1].argmin()
    for row in range(len(total) - 2, -1, -1):
        first = max(path[row + 1] - 1, 0)
        path[row] = first + total[row, first : path[row + 1] + 2].argmin()
    return path
