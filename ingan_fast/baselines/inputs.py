"""Input checks of the baselines."""

from typing import Any

import numpy as np

from ingan_fast.callbacks import Progress
from ingan_fast.errors import UserError
from ingan_fast.geometry import MIN_SIZE, Size, check_size
from ingan_fast.pictures import Pixels
from ingan_fast.quality.resampling import check_picture

# Patches take 600 bytes per pixel, and slow methods would take hours.
MAX_PIXELS = 1 << 22


def check_task(source: Any, size: Any) -> tuple[Pixels, Size]:
    """Check the inputs that all methods have; `progress`, where there is one, is called with the fraction done.

    Args:
        source: the picture, uint8 [h, w, 3].
        size: (width, height) of the output; a method returns uint8 [height, width, 3].

    Returns:
        A copy of the picture, and the size.

    Raises:
        UserError: not such a picture, a side under 16 px, or more than 4 megapixels.
    """
    picture = check_picture(source)
    if picture.dtype != np.uint8:
        raise UserError(f"the picture has type {picture.dtype}; give uint8")
    size = check_size(size, "output size", MIN_SIZE)
    own = check_size((picture.shape[1], picture.shape[0]), "picture's size", MIN_SIZE)
    for name, (width, height) in (("output size", size), ("picture's size", own)):
        if width * height > MAX_PIXELS:
            raise UserError(
                f"{name} {width}x{height} is too large; this method allows at most {MAX_PIXELS / 1e6:.1f} megapixels; "
                "make it smaller"
            )
    return picture.copy(), size  # a copy, because torch needs writable arrays


def report(progress: Progress | None, done: int, total: int) -> None:
    if progress:
        progress(done / total)
