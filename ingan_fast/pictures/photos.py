"""Pictures as their files have them: grey stays grey, transparency stays, colour profile and resolution go along."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ingan_fast.pictures.reading import decode, load_image
from ingan_fast.pictures.writing import write_picture

_DEEP = (".png", ".tif", ".tiff")  # hold 16 bits of grey


@dataclass(frozen=True)
class Photo:
    """A picture and what its file says about it.

    Attributes:
        pixels: [H, W, channels], uint8, or uint16 where a grey picture has 16 bits. One channel is grey, three are RGB;
            two and four have an opacity as their last one.
        information: `icc_profile` and `dpi`, where the file has them.
    """

    pixels: NDArray
    information: dict[str, Any] = field(default_factory=dict)


def load_photo(path: str | Path, min_side: int = 16) -> Photo:
    """Read a picture, upright, without giving up its transparency, greyness or depth.

    Palettes become colours, CMYK becomes RGB, and 32-bit values become 8-bit grey, as `load_image` has them. Colour
    pictures have 8 bits a channel.

    Raises:
        UserError: as for `load_image`.
    """
    photo = decode(path, min_side, _photo)
    return photo or Photo(load_image(path, min_side=min_side)[..., :1])


def save_photo(photo: Photo, path: str | Path) -> None:
    """Write a picture, whole or not at all, in the suffix's format.

    Raises:
        UserError: as for `save_image`.
    """
    path = Path(path)
    pixels = photo.pixels
    if pixels.dtype == np.uint16 and path.suffix.lower() not in _DEEP:
        pixels = np.rint(pixels / 257).astype(np.uint8)
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    if picture.mode == "LA" and path.suffix.lower() == ".webp":
        picture = picture.convert("RGBA")
    write_picture(picture, path, {} if path.suffix.lower() == ".bmp" else photo.information)


def with_opacity(pixels: NDArray, cover: NDArray[np.float32]) -> NDArray:
    """Pixels that are opaque only where they cover: [H, W, channels] and [H, W] in [0, 1]."""
    most = np.iinfo(pixels.dtype).max
    if pixels.shape[2] in (2, 4):
        opacity: NDArray = pixels[..., -1] * cover
        pixels = pixels[..., :-1]
    else:
        opacity = most * cover
    if pixels.dtype == np.uint16:  # no format holds 16 bits of grey with an opacity
        pixels, opacity = np.rint(pixels / 257), opacity / 257
    return np.dstack([pixels, np.rint(opacity)]).astype(np.uint8)


def _photo(image: Image.Image) -> Photo | None:
    """None for modes whose values don't say their range."""
    information = {name: image.info[name] for name in ("icc_profile", "dpi") if image.info.get(name)}
    if image.mode.startswith("I;16"):
        return Photo(np.asarray(image).astype(np.uint16)[..., None], information)
    if image.mode in ("I", "F"):
        return None
    grey = image.mode in ("1", "L", "LA", "La")
    if image.mode not in ("1", "L", "LA", "RGB", "RGBA", "P", "PA"):
        information.pop("icc_profile", None)  # of another colour space
    mode = ("LA" if grey else "RGBA") if image.has_transparency_data else "L" if grey else "RGB"
    if image.mode == "P" and mode == "RGB" and image.info.get("transparency") is not None:
        mode = "RGBA"
    pixels = np.asarray(image.convert(mode))
    return Photo(pixels[..., None] if pixels.ndim == 2 else pixels, information)
