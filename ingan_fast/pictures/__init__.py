"""Pictures: read from files, written to files, and put on sheets."""

from pathlib import Path

from ingan_fast.pictures.photos import Photo, load_photo, save_photo, with_opacity
from ingan_fast.pictures.reading import MAX_PIXELS, Pixels, fit_within, load_image
from ingan_fast.pictures.writing import check_output_path, save_image

MARKET = Path(__file__).parent / "assets" / "market.png"  # the picture of the demo, the benchmarks and the tests

__all__ = [
    "MARKET",
    "MAX_PIXELS",
    "Photo",
    "Pixels",
    "check_output_path",
    "fit_within",
    "load_image",
    "load_photo",
    "save_image",
    "save_photo",
    "with_opacity",
]
