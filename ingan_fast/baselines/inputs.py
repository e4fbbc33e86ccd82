"""What the baselines ask of a picture and a size."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ingan_fast.errors import UserError
from ingan_fast.geometry import MIN_SIZE, Size, check_size
from ingan_fast.pictures import Pixels
from ingan_fast.quality.resampling import check_picture

Progress = Callable[[float], None]  # is told the part that is done, above 0 to 1

# A picture's patches take 600 bytes a pixel, and the slow methods would take hours.
MAX_PIXELS = 1 << 22


def check_task(source: Any, size: Any) -> tuple[Pixels, Size]:
    """The uint8 [h, w, 3] picture and the size (width, height) that a published method works on.

    Raises:
        UserError: an array that is no such picture, a side under 16 px, more than 4 megapixels.
    """
    picture = check_picture(source)
    if picture.dtype != np.uint8:
        raise UserError(f"the picture has type {picture.dtype}; give uint8")
    size = check_size(size, "output size", MIN_SIZE)
    own = check_size((picture.shape[1], picture.shape[0]), "picture's size", MIN_SIZE)
    for name, (width, height) in (("output size", size), ("picture's size", own)):
        if width * height > MAX_PIXELS:
            raise UserError(
                f"{name} {width}x{height} is too large for this method; at most {MAX_PIXELS / 1e6:.1f} megapixels "
                "are allowed, make it smaller"
            )
    return picture.copy(), size  # its own, since torch wants arrays that can be written to


def report(progress: Progress | None, done: int, total: int) -> None:
    if progress:
        progress(done / total)
