"""How large a layout may be."""

from ingan_fast.errors import UserError
from ingan_fast.geometry import MIN_SIZE, Size, check_size

MAX_PIXELS = 400_000_000  # of an output: 1.2 GB of colours with 8 bits


def check_layout_size(size: Size) -> Size:
    """Hold an output (width, height) to what can be laid out; returns it.

    Raises:
        UserError: a side below 16 pixels, or more than 400 million pixels in all.
    """
    width, height = check_size(size, "output size", MIN_SIZE)
    if width * height > MAX_PIXELS:
        raise UserError(
            f"output size {width}x{height} has {width * height / 1e6:.0f} megapixels; at most {MAX_PIXELS / 1e6:.0f} "
            "are allowed, give a smaller size"
        )
    return size
