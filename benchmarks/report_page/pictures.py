"""Embeds pictures in the page as WebP."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from ingan_fast.errors import UserError

WIDTH, QUALITY = 1400, 70  # px at most, and WebP's quality: seven sheets take about 2 MB
MOST_SIDE = 8000  # px; WebP's limit is 16383


@dataclass(frozen=True)
class Embedded:
    """A picture for an `img` element."""

    uri: str
    width: int
    height: int


def embed(path: Path) -> Embedded:
    """Encode a picture, with white behind transparent parts.

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
    picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    picture.thumbnail((WIDTH, MOST_SIDE), Image.Resampling.LANCZOS)
    data = io.BytesIO()
    picture.save(data, "WEBP", quality=QUALITY, method=4)
    return Embedded(f"data:image/webp;base64,{base64.b64encode(data.getvalue()).decode()}", *picture.size)
