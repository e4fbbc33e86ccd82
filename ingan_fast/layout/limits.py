"""How large a layout may be."""

from ingan_fast.errors import UserError
from ingan_fast.geometry import MIN_SIZE, Size, check_size

MAX_PIXELS = 400_000_000  # of an output: 1.2 GB of colours with 8 bits
MAX_TILE = 4  # times the picture's side; more of it comes from repeating the tile


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


def check_tile(tile: str, size: Size, given: Size) -> None:
    """Hold a tileable output to what is more than repetition.

    Args:
        tile: "", "x", "y" or "xy": the sides along which the output continues itself.
        size: of the output, (width, height).
        given: the picture's.

    Raises:
        UserError: such a side is more than 4 times the picture's.
    """
    for axis, name, wanted, side in zip("xy", ("wide", "high"), size, given, strict=True):
        if axis in tile and wanted > MAX_TILE * side:
            raise UserError(
                f"a tile {wanted} px {name} would repeat the picture of {side} px within itself; at most "
                f"{MAX_TILE * side} px are allowed, give a smaller one and repeat it"
            )
