"""Pictures: reading and writing files, and sheets of several pictures."""

from pathlib import Path

from ingan_fast.pictures.arrays import Pixels, fit_within, has_opacity, is_grey, with_opacity
from ingan_fast.pictures.formats import MAX_PIXELS
from ingan_fast.pictures.metadata import Metadata
from ingan_fast.pictures.reading import Photo, load_image, load_photo, srgb
from ingan_fast.pictures.writing import check_output_path, save_image, save_photo

MARKET = Path(__file__).parent / "assets" / "market.png"  # picture of the demo, the benchmarks and the tests

__all__ = [
    "MARKET",
    "MAX_PIXELS",
    "Metadata",
    "Photo",
    "Pixels",
    "check_output_path",
    "fit_within",
    "has_opacity",
    "is_grey",
    "load_image",
    "load_photo",
    "save_image",
    "save_photo",
    "srgb",
    "with_opacity",
]
