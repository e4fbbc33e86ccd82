"""Pictures in the page itself: WebP, smaller and coarser until they fit."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from ingan_fast.errors import UserError

# (width in px, WebP's quality), the best first.
STEPS = ((1800, 88), (1600, 82), (1500, 75), (1400, 68), (1200, 62), (1000, 55), (800, 45), (640, 35))
MOST_SIDE = 8000  # px; WebP has no more than 16383


@dataclass(frozen=True)
class Embedded:
    """A picture as an `img` takes it."""

    uri: str
    width: int
    height: int


def load(path: Path) -> Image.Image:
    """On white where it is transparent.

    Raises:
        UserError: no picture.
    """
    try:
        with Image.open(path) as image:
            picture = image.convert("RGBA")
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise UserError(f"{path} is no picture that can be read: {error}; make the figure again") from None
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture).convert("RGB")


def embed(pictures: dict[str, Image.Image], room: int) -> tuple[dict[str, Embedded], bool]:
    """All of them by one of STEPS, the best that fits into `room` bytes together; whether it does."""
    embedded: dict[str, Embedded] = {}
    for width, quality in STEPS:
        embedded = {name: _embed(picture, width, quality) for name, picture in pictures.items()}
        if sum(len(one.uri) for one in embedded.values()) <= room:
            return embedded, True
    return embedded, False


def _embed(picture: Image.Image, width: int, quality: int) -> Embedded:
    factor = min(width / picture.width, MOST_SIDE / picture.height, 1.0)
    size = max(round(picture.width * factor), 1), max(round(picture.height * factor), 1)
    smaller = picture if factor == 1 else picture.resize(size, Image.Resampling.LANCZOS)
    data = io.BytesIO()
    smaller.save(data, "WEBP", quality=quality, method=4)
    return Embedded(f"data:image/webp;base64,{base64.b64encode(data.getvalue()).decode()}", *size)
