"""Reads picture files as stored (`load_photo`) or as uint8 RGB (`load_image`); errors are one line."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from ingan_fast.callbacks import Notice
from ingan_fast.errors import UserError
from ingan_fast.pictures import png, tiff
from ingan_fast.pictures.arrays import Pixels, has_opacity, in_8_bits
from ingan_fast.pictures.colour import to_srgb
from ingan_fast.pictures.formats import MAX_PIXELS, READABLE, open_by_pillow, pillow_s_limits_lifted
from ingan_fast.pictures.metadata import Metadata, orientation, read_metadata, tiff_metadata
from ingan_fast.pictures.streams import opened

_PALE = 250  # a picture with nothing darker is invisible on white


class TooManyPixels(UserError):
    """A picture that is larger than allowed."""


@dataclass(frozen=True)
class Photo:
    """A picture as stored in its file, upright.

    Attributes:
        pixels: [H, W, channels], uint8 or uint16. One channel is grey, three are RGB; with two or four, the last one
            is opacity.
        metadata: of the file; its profile defines the colours.
    """

    pixels: NDArray
    metadata: Metadata = field(default_factory=Metadata)


def load_photo(path: str | Path, min_side: int = 16, visible: bool = True, max_pixels: int = MAX_PIXELS) -> Photo:
    """Read a picture and preserve its transparency, greyness, depth, profile and texts.

    Palettes are converted to colours, CMYK and Lab to sRGB. Animations give their first frame. The range of 32-bit
    integers and floats is undefined: they become 8-bit grey, where white is the smallest of 1 (floats only), 255 and
    65535 that covers all values.

    Args:
        path: a file or a pipe; `-` for standard input.
        min_side: minimum side in px.
        visible: reject fully transparent pictures.
        max_pixels: maximum width times height, checked before decoding.

    Raises:
        UserError: the file is missing, a folder, unreadable, empty, cut short, not in a known format, smaller than
            `min_side` px a side, larger than `max_pixels`, or fully transparent.
    """
    path = Path(path)
    with opened(path, READABLE) as file:
        return decode_photo(path, file, min_side, visible, max_pixels)


def decode_photo(
    path: Path, file: BinaryIO, min_side: int = 16, visible: bool = True, max_pixels: int = MAX_PIXELS
) -> Photo:
    """Decode the content of a picture file.

    Args:
        path: for messages; its suffix tells formats without a signature.
        file: seekable.
        min_side: as for `load_photo`, like `visible`, `max_pixels` and the errors.
    """
    with pillow_s_limits_lifted():
        try:
            photo = _read(path, file, (min_side, max_pixels))
        except UserError as error:
            raise type(error)(str(error) if str(path) in str(error) else f"{path}: {error}") from error
        except Exception as error:  # decoders raise almost any exception on damaged data
            reason = " ".join(str(error).split())[:120] or type(error).__name__
            raise UserError(
                f"{path} can't be decoded ({reason}): it may be damaged or cut short; save it again"
            ) from error
    if visible and has_opacity(photo.pixels) and not photo.pixels[..., -1].any():
        raise UserError(f"{path} is fully transparent, so nothing in it is visible; give another picture")
    return photo


def load_image(path: str | Path, *, min_side: int = 32, notice: Notice = lambda message: None) -> Pixels:
    """Read a picture as uint8 sRGB in [0, 255], shape [H, W, 3].

    Colour profiles are applied; pictures in sRGB keep their values. Transparent pictures are composed over white, or
    over black if they would be invisible on white, with a message to `notice`.

    Raises:
        UserError: as for `load_photo`.
    """
    pixels = srgb(load_photo(path, min_side)).pixels
    if not has_opacity(pixels):
        return np.array(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))
    colours = np.broadcast_to(pixels[..., :-1], (*pixels.shape[:2], 3))
    opacity = pixels[..., -1:].astype(np.uint16)
    if opacity.min() == 255:
        return np.array(colours)
    ground, name = (255, "white") if _laid_over(colours, opacity, 255).min() < _PALE else (0, "black")
    notice(f"{path} is partly transparent; transparency is not learned, so it is drawn over {name}")
    return _laid_over(colours, opacity, ground)


def srgb(photo: Photo) -> Photo:
    """The photo in sRGB, with 8 bits per channel."""
    pixels = in_8_bits(photo.pixels)
    profile = photo.metadata.icc_profile
    if profile is None:
        return Photo(pixels, photo.metadata)
    image = to_srgb(Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels), profile)
    return Photo(_channels(np.asarray(image)), photo.metadata.without_profile())


def _read(path: Path, file: BinaryIO, limits: tuple[int, int]) -> Photo:
    header = tiff.read_header(file)
    if header is not None and (header.kind, header.bits) == ("u", 16) and header.channels <= 4:
        _check_dimensions(path, header.size, *limits)
        metadata, turn = tiff_metadata(header.tags)
        return Photo(tiff.upright(tiff.read(file), turn), metadata)
    with open_by_pillow(path, file) as image:  # reads only the header
        _check_dimensions(path, image.size, *limits)
        turn = orientation(image.getexif())
        if image.format == "PNG" and png.is_deep(file):
            return Photo(tiff.upright(png.read(file), turn), read_metadata(image, turn >= 5))
        image.load()
        metadata = read_metadata(image, turn >= 5)
        return _photo(path, ImageOps.exif_transpose(image), metadata)


def _photo(path: Path, image: Image.Image, metadata: Metadata) -> Photo:
    if image.mode.startswith("I;16"):
        return Photo(np.asarray(image).astype(np.uint16)[..., None], metadata)
    if image.mode in ("I", "F"):
        return Photo(_in_8_bits(*_values_and_white(path, image)), metadata)
    if image.mode == "LAB" or (image.mode == "CMYK" and metadata.icc_profile):
        image = _converted(image, metadata.icc_profile)
        return Photo(np.asarray(image), metadata.without_profile())
    if image.mode in ("CMYK", "YCbCr", "HSV"):
        metadata = metadata.without_profile()  # it is for another colour space
    grey = image.mode in ("1", "L", "LA", "La")
    mode = ("LA" if grey else "RGBA") if image.has_transparency_data else "L" if grey else "RGB"
    return Photo(_channels(np.asarray(image.convert(mode))), metadata)


def _converted(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert CMYK with a profile, or Lab, to sRGB."""
    if image.mode == "CMYK":
        assert profile is not None
        return to_srgb(image, profile).convert("RGB")
    from PIL import ImageCms

    lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    return ImageCms.buildTransform(lab, rgb, "LAB", "RGB").apply(image)


def _channels(pixels: NDArray) -> NDArray:
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _laid_over(colours: Pixels, opacity: NDArray[np.uint16], ground: int) -> Pixels:
    mixed = (colours * opacity + ground * (255 - opacity) + 127) // 255
    return mixed.astype(np.uint8)


def _check_dimensions(path: Path, size: tuple[int, int], min_side: int, max_pixels: int) -> None:
    width, height = size
    if width * height > max_pixels:
        raise TooManyPixels(
            f"{path} has {width}x{height} px; at most {max_pixels // 1_000_000} million are allowed; "
            "make it smaller first"
        )
    if min(size) < min_side:
        raise UserError(
            f"{path} is {width}x{height} px; each side must be at least {min_side} px; give a larger picture"
        )


def _values_and_white(path: Path, image: Image.Image) -> tuple[NDArray[Any], float]:
    values = np.asarray(image)
    low, high = float(values.min()), float(values.max())  # NaN propagates, and fails the comparisons
    for white in (1, 255, 65535) if image.mode == "F" else (255, 65535):
        if low >= 0 and high <= white:
            return values, white
    raise UserError(
        f"{path} has values from {low:g} to {high:g}, but only 0 to 1, 255 or 65535 are allowed; save it with 8 bits"
    )


def _in_8_bits(values: NDArray[Any], white: float) -> Pixels:
    return np.rint(values.astype(np.float64) * (255 / white)).astype(np.uint8)[..., None]
