"""TIFF of any data type and number of channels, with tifffile: 16-bit pictures, and maps."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ingan_fast.errors import UserError
from ingan_fast.geometry import Size
from ingan_fast.pictures import png

Deep = NDArray[np.uint16]

_TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_WHITE_IS_ZERO = 0  # photometric interpretation
_NOT_RGB = {5: "CMYK", 6: "YCbCr", 8: "Lab"}  # colour spaces that need conversion

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # its warnings are shown only if configured


@dataclass(frozen=True)
class Header:
    """Attributes: kind of the values (u, i, f), bits, channels, (width, height), and tags by number."""

    kind: str
    bits: int
    channels: int
    size: Size
    tags: Mapping[int, Any]


def read_header(file: BinaryIO) -> Header | None:
    """Header of a TIFF's first picture; None for other files, and for those that tifffile can't parse."""
    file.seek(0)
    if file.read(4) not in _TIFF_SIGNATURES:
        return None
    import tifffile

    file.seek(0)
    try:
        with tifffile.TiffFile(file) as tiff:
            page = tiff.pages.first
            kind = page.dtype.kind if page.dtype else ""
            size = page.imagewidth, page.imagelength
            tags = {tag.code: tag.value for tag in page.tags.values()}
            return Header(kind, page.bitspersample, page.samplesperpixel, size, tags)
    except Exception:  # damaged, or not a TIFF for tifffile; Pillow is tried next
        return None


def read(file: BinaryIO) -> NDArray:
    """Values of a TIFF's first picture as stored: [H, W, channels], with black as the lowest value.

    Raises:
        UserError: its compression needs a package.
        ValueError: it is damaged, or its colours are not RGB.
    """
    import tifffile

    file.seek(0)
    with tifffile.TiffFile(file) as tiff:
        page = tiff.pages.first
        if page.photometric in _NOT_RGB or page.ndim not in (2, 3):
            raise ValueError(f"{_NOT_RGB[page.photometric]} pictures with more than 8 bits")
        try:
            values = page.asarray()
        except (ValueError, KeyError, ImportError) as error:
            if "imagecodecs" not in str(error) and not isinstance(error, ImportError):
                raise
            values = _by_pillow(file, getattr(page.compression, "name", str(page.compression)))
        else:
            if page.ndim == 3 and page.axes[0] == "S":  # planar
                values = values.transpose(1, 2, 0)
        values = values.reshape(*values.shape[:2], -1)
        if page.photometric == _WHITE_IS_ZERO and values.dtype.kind == "u":
            values = np.iinfo(values.dtype).max - values
        premultiplied = 1 in page.extrasamples and values.dtype.kind == "u"
    return _unmultiplied(values) if premultiplied else values


def write(file: BinaryIO, values: NDArray, profile: bytes | None = None, dpi: Any = None, tags: Any = ()) -> None:
    """Write values [H, W, channels] of any type; with two or four channels, the last one is opacity."""
    import tifffile

    channels = values.shape[2]
    colours = 3 if channels in (3, 4) else 1
    extra = ["unassalpha" if channels in (2, 4) else "unspecified"] * (channels - colours)
    tifffile.imwrite(
        file,
        values[..., 0] if channels == 1 else values,
        photometric="rgb" if colours == 3 else "minisblack",
        planarconfig=None if channels == 1 else "contig",
        extrasamples=extra or None,
        compression="adobe_deflate",
        predictor=values.dtype.kind == "u",
        resolution=dpi,
        resolutionunit="inch" if dpi else None,
        iccprofile=profile,
        extratags=tags,
        software=False,
        metadata=None,
    )


def upright(values: NDArray, orientation: int) -> NDArray:
    """Apply EXIF's orientation (1 to 8)."""
    if orientation >= 5:
        values = values.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    return np.ascontiguousarray(values)


def _by_pillow(file: BinaryIO, compression: str) -> Deep:
    """Decode a TIFF with Pillow, for compressions that tifffile doesn't support."""
    try:
        return png.read(file)
    except (OSError, ValueError, TypeError, IndexError) as error:
        raise UserError(
            f"a TIFF with such values and {compression} needs a package: pip install 'ingan-fast[formats]'"
        ) from error


def _unmultiplied(values: NDArray) -> NDArray:
    """Undo premultiplied alpha."""
    most = np.iinfo(values.dtype).max
    opacity = values[..., -1:].astype(np.float64)
    colours = values[..., :-1] * (most / np.maximum(opacity, 1))
    return np.concatenate([np.rint(np.minimum(colours, most)).astype(values.dtype), values[..., -1:]], axis=2)
