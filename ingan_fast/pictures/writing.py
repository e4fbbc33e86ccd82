"""Writes picture files atomically; errors are one line."""

import io
import os
import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ingan_fast.errors import UserError
from ingan_fast.pictures import png, tiff
from ingan_fast.pictures.arrays import Pixels, check_rgb, has_opacity, in_8_bits, is_grey
from ingan_fast.pictures.formats import PNG_LEVEL, WRITTEN, Format
from ingan_fast.pictures.metadata import Metadata
from ingan_fast.pictures.reading import Photo
from ingan_fast.pictures.streams import is_stream, written


def save_image(image: Pixels, path: str | Path, alpha: NDArray[np.floating] | None = None) -> None:
    """Write a picture atomically in the suffix's format; deterministic.

    Args:
        image: uint8 RGB in [0, 255], [H, W, 3]; an entirely grey picture is written as a grey file.
        path: as for `save_photo`.
        alpha: opacity in [0, 1], [H, W]; None: no opacity channel.

    Raises:
        UserError: as for `save_photo`.
        ValueError: an array of another shape, dtype or range.
    """
    check_rgb(image)
    image = image[..., :1] if is_grey(image) else image
    save_photo(Photo(image if alpha is None else np.dstack([image, _opacity(alpha, image)])), path)


def save_photo(photo: Photo, path: str | Path) -> None:
    """Write a picture atomically, with as much depth and metadata as the format supports.

    Args:
        photo: the picture.
        path: ends in .png, .webp, .tif, .tiff (lossless, with alpha), .bmp (lossless), .jpg or .jpeg (lossy); `-`
            (standard output) and pipes get a PNG. Symbolic links are followed.

    Raises:
        UserError: see `check_output_path`; or the picture is too large for the format; or writing fails, which
            leaves `path` unchanged.
    """
    path = Path(path)
    check_output_path(path, has_opacity(photo.pixels))
    _check_side(photo, path)
    with written(path) as file:
        _encode(photo, path, file)


def encode_photo(photo: Photo, path: Path) -> bytes:
    """The bytes that `save_photo` would write to `path`.

    Raises:
        UserError: the format has no transparency, or the picture is too large for it.
    """
    check_format(path, has_opacity(photo.pixels))
    _check_side(photo, path)
    buffer = io.BytesIO()
    _encode(photo, path, buffer)
    return buffer.getvalue()


def _check_side(photo: Photo, path: Path) -> None:
    kind = _format(path)
    height, width = photo.pixels.shape[:2]
    if max(height, width) > kind.max_side:
        raise UserError(
            f"can't write {path}: it has {width}x{height} px, but {kind.name} allows at most "
            f"{kind.max_side} per side; choose .png"
        )


def check_output_path(path: str | Path, alpha: bool) -> None:
    """Do the checks of `save_photo` that need no picture, so that no work is lost on an invalid path.

    Raises:
        UserError: an unknown suffix; `alpha` with a format without transparency; an existing folder; a parent that
            is not a folder or can't be written to.
    """
    path = Path(path)
    if is_stream(path):
        return
    check_format(path, alpha)
    check_place(path)


def check_format(path: Path, alpha: bool) -> None:
    """Check that a file named `path` can hold a picture, with transparency if `alpha`.

    Raises:
        UserError: an unknown suffix; `alpha` with a format without transparency.
    """
    suffix = path.suffix.lower()
    if suffix not in WRITTEN:
        given = f"ends in {path.suffix!r}" if suffix else "has no suffix"
        raise UserError(f"can't write {path}: the name {given}; choose one of {' '.join(WRITTEN)}")
    if alpha and not WRITTEN[suffix].alpha:
        able = " ".join(name for name, kind in WRITTEN.items() if kind.alpha)
        raise UserError(f"can't write {path}: the picture needs transparency, which {suffix} lacks; choose {able}")


def check_place(path: Path) -> None:
    """Check that a file can be created or replaced at `path`.

    Raises:
        UserError: it is a folder, or its parent is not a folder or can't be written to.
    """
    path = path.expanduser()
    try:
        if path.is_dir():
            raise UserError(f"can't write {path}: it is a folder; give a file name in it")
        parent = next(folder for folder in path.absolute().parents if folder.exists())
        if not parent.is_dir():
            raise UserError(f"can't write {path}: {parent} is a file, not a folder; choose another place")
    except OSError as error:
        raise UserError(f"can't write {path}: {error.strerror}; choose another place") from error
    if not os.access(parent, os.W_OK | os.X_OK):
        raise UserError(f"can't write {path}: no permission to write in {parent}; choose another place")


def write_tiff(file: BinaryIO, values: NDArray, metadata: Metadata) -> None:
    """Write values [H, W, channels] of any type as TIFF."""
    tiff.write(file, values, metadata.icc_profile, metadata.dpi, metadata.tiff_tags())


def _format(path: Path) -> Format:
    return WRITTEN[".png" if is_stream(path) else path.suffix.lower()]


def _encode(photo: Photo, path: Path, file: BinaryIO) -> None:
    kind = _format(path)
    try:
        _encode_as(kind, photo, file)
    except (ValueError, struct.error) as error:  # the encoder's own limits
        raise UserError(f"can't write {path} as {kind.name}: {error}; choose .png") from error


def _encode_as(kind: Format, photo: Photo, file: BinaryIO) -> None:
    pixels, metadata = photo.pixels, photo.metadata
    size = pixels.shape[1], pixels.shape[0]
    if kind.name == "TIFF":
        write_tiff(file, pixels, metadata)
        return
    if pixels.dtype == np.uint16 and kind.deep:
        file.write(png.encoded(pixels, _described(metadata, size), PNG_LEVEL))
        return
    pixels = in_8_bits(pixels)
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    if picture.mode == "LA" and kind.name == "WEBP":
        picture = picture.convert("RGBA")
    picture.save(file, format=kind.name, **kind.options, **metadata.options(kind.name, size))


def _described(metadata: Metadata, size: tuple[int, int]) -> bytes:
    """A PNG of one pixel with the metadata for a picture of `size`."""
    buffer = io.BytesIO()
    Image.new("L", (1, 1)).save(buffer, format="PNG", **metadata.options("PNG", size))
    return buffer.getvalue()


def _opacity(alpha: NDArray[np.floating], image: Pixels) -> Pixels:
    if alpha.shape != image.shape[:2] or not np.issubdtype(alpha.dtype, np.floating):
        raise ValueError(f"alpha is {alpha.dtype} {list(alpha.shape)}; it must be floating {list(image.shape[:2])}")
    if not (alpha.min() >= 0 and alpha.max() <= 1):  # in this form NaN is rejected, too
        raise ValueError(f"alpha is {alpha.min():g} to {alpha.max():g}; it must be in [0, 1]")
    opacity: Pixels = np.rint(alpha * 255).astype(np.uint8)
    return opacity
