"""Embeds pictures in the page as WebP, reduced until they fit."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from ingan_fast.callbacks import Advance
from ingan_fast.errors import UserError

# (width in px, WebP quality), best first.
STEPS = ((1800, 88), (1600, 82), (1500, 75), (1400, 68), (1200, 62), (1000, 55), (800, 45), (640, 35))
TRIES = len(STEPS).bit_length()  # of a binary search
MOST_SIDE = 8000  # px; WebP's limit is 16383


@dataclass(frozen=True)
class Embedded:
    """A picture for an `img` element."""

    uri: str
    width: int
    height: int


def load(path: Path) -> Image.Image:
    """Load a picture, with white behind transparent parts.

    Raises:
        UserError: not a picture.
    """
    if not path.is_file():
        raise UserError(f"{path} does not exist; make the figure again")
    try:
        with Image.open(path) as image:
            picture = image.convert("RGBA")
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise UserError(f"{path} can't be read as a picture: {error}; make the figure again") from None
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture).convert("RGB")


def embed(
    pictures: dict[str, Image.Image], room: int, advance: Advance = lambda: None
) -> tuple[dict[str, Embedded], bool]:
    """Encode all pictures with the best of STEPS that fits into `room` bytes in total; returns whether it does.

    `advance` is called up to TRIES times per picture.
    """

    def by(step: int) -> dict[str, Embedded]:
        embedded = {}
        for name, picture in pictures.items():
            embedded[name] = _embed(picture, *STEPS[step])
            advance()
        return embedded

    best, last = 0, len(STEPS) - 1
    made: dict[int, dict[str, Embedded]] = {}
    while best < last:  # later steps need less room
        middle = (best + last) // 2
        made[middle] = by(middle)
        best, last = (best, middle) if _bytes(made[middle]) <= room else (middle + 1, last)
    chosen = made.get(best) or by(best)
    return chosen, _bytes(chosen) <= room


def _bytes(embedded: dict[str, Embedded]) -> int:
    return sum(len(one.uri) for one in embedded.values())


def _embed(picture: Image.Image, width: int, quality: int) -> Embedded:
    factor = min(width / picture.width, MOST_SIDE / picture.height, 1.0)
    size = max(round(picture.width * factor), 1), max(round(picture.height * factor), 1)
    smaller = picture if factor == 1 else picture.resize(size, Image.Resampling.LANCZOS)
    data = io.BytesIO()
    smaller.save(data, "WEBP", quality=quality, method=4)
    return Embedded(f"data:image/webp;base64,{base64.b64encode(data.getvalue()).decode()}", *size)
