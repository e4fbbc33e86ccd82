"""Picture formats that are read and written, and the readers of special ones."""

import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, PngImagePlugin, UnidentifiedImageError

from ingan_fast.errors import UserError

MAX_PIXELS = 200_000_000  # as in phone cameras; 800 MB when decoded

# An explicit list, because some of Pillow's other readers run programs (EPS) or read irrelevant formats.
_READ = ("PNG", "JPEG", "MPO", "WEBP", "TIFF", "BMP", "GIF", "PPM", "AVIF", "JPEG2000")
READABLE = "a PNG, JPEG, WebP, AVIF, JPEG 2000, TIFF, BMP, GIF, TGA or PPM picture (HEIC and JPEG XL by a package)"
_NAMES = "png apng jpg jpeg jfif mpo webp tif tiff bmp gif ppm pgm pnm avif jp2 j2k tga heic heif jxl"
SUFFIXES = tuple(f".{name}" for name in _NAMES.split())

PNG_LEVEL = 4  # zlib level; 18 megapixels take 1.5 s instead of 3.5 s at the default of 6, with 1 to 8 % more bytes
_TEXT = 64 * 2**20  # bytes of a PNG's texts and profile; Pillow rejects pictures with more than 1 MB
_PILLOW_S_LIMITS = threading.RLock()


@dataclass(frozen=True)
class Format:
    """A format that is written.

    Attributes:
        name: in Pillow.
        alpha: whether it supports transparency.
        deep: whether it supports 16 bits per channel.
        max_side: px.
        options: arguments of Pillow's encoder.
    """

    name: str
    alpha: bool
    deep: bool = False
    max_side: int = 2**31 - 1
    options: dict[str, Any] = field(default_factory=dict)


_JPEG = Format("JPEG", alpha=False, max_side=65_500, options={"quality": 95, "subsampling": 0})
_TIFF = Format("TIFF", alpha=True, deep=True)
WRITTEN = {
    ".png": Format("PNG", alpha=True, deep=True, options={"compress_level": PNG_LEVEL}),
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    # exact: colours under alpha 0 are preserved, as in the other formats.
    ".webp": Format("WEBP", alpha=True, max_side=16_383, options={"lossless": True, "exact": True}),
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".bmp": Format("BMP", alpha=False),
}


def named_as_picture(path: Path) -> bool:
    """Whether a path has a picture's suffix and is not a folder."""
    return path.suffix.lower() in SUFFIXES and not path.is_dir()


@contextmanager
def pillow_s_limits_lifted() -> Iterator[None]:
    """Lift Pillow's limits for large pictures and long texts; pixels are counted in this package.

    Limits and warning filters are global, so a lock allows only one picture at a time.
    """
    with _PILLOW_S_LIMITS, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about odd metadata, which users can't act on
        before = Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY
        Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY = None, _TEXT, 2 * _TEXT
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY = before


def open_by_pillow(path: Path, file: BinaryIO) -> Image.Image:
    """Open a picture and read its header, with Pillow or a plug-in.

    Raises:
        UserError: an unknown format, or a missing package.
    """
    file.seek(0)
    kind = _special(file.read(32))
    if kind in _PLUGINS:
        _register(path, kind)
    file.seek(0)
    known = list(_READ)
    if kind in _PLUGINS:
        known.append(_PLUGINS[kind].format)
    if path.suffix.lower() == ".tga":  # TGA has no signature: almost any file would match
        known.append("TGA")
    Image.init()
    try:
        return Image.open(file, formats=[name for name in known if name in Image.OPEN])
    except UnidentifiedImageError as error:
        if kind == "AVIF":
            raise UserError(f"{path} is AVIF, which this Pillow can't read: pip install 'pillow>=11.3'") from error
        if kind == "OpenEXR":
            raise UserError(f"{path} is OpenEXR, which has no defined white; save it as a 16-bit TIFF") from error
        raise UserError(f"{path} is not a picture that can be read; give {READABLE}") from error


@dataclass(frozen=True)
class _Plugin:
    package: str
    module: str
    format: str


_PLUGINS = {
    "HEIC": _Plugin("pillow-heif", "pillow_heif", "HEIF"),
    "JPEG XL": _Plugin("pillow-jxl-plugin", "pillow_jxl", "JXL"),
}


def _special(head: bytes) -> str:
    """The format of a file that may need more than Pillow; "" for others."""
    if head[4:8] == b"ftyp":
        length = min(len(head), struct.unpack(">I", head[:4])[0])
        brands = {head[8:12], *(head[at : at + 4] for at in range(16, length, 4))}
        if brands & {b"avif", b"avis"}:
            return "AVIF"
        return "HEIC" if brands & {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"} else ""
    if head.startswith((b"\xff\x0a", b"\0\0\0\x0cJXL ")):
        return "JPEG XL"
    return "OpenEXR" if head.startswith(b"\x76\x2f\x31\x01") else ""


def _register(path: Path, kind: str) -> None:
    plugin = _PLUGINS[kind]
    try:
        module = import_module(plugin.module)
    except ImportError as error:
        raise UserError(f"{path} is {kind}; reading it needs a package: pip install {plugin.package}") from error
    if kind == "HEIC":
        module.register_heif_opener()
