"""Metadata of picture files: colour profile, resolution, EXIF, XMP and texts."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from PIL import ExifTags, Image, PngImagePlugin

from ingan_fast.geometry import Size

_XMP = "XML:com.adobe.xmp"  # key of XMP in a PNG's texts
_XMP_TAG = 700  # in TIFF
_RAW = "Raw profile type"  # texts that other programs use for binary data

# Tags of the main directory that describe the photograph rather than its file layout.
_KEPT = {
    ExifTags.Base.ImageDescription,
    ExifTags.Base.Artist,
    ExifTags.Base.Copyright,
    ExifTags.Base.Software,
    ExifTags.Base.Make,
    ExifTags.Base.Model,
    ExifTags.Base.DateTime,
    ExifTags.Base.HostComputer,
    ExifTags.Base.XPTitle,
    ExifTags.Base.XPComment,
    ExifTags.Base.XPAuthor,
    ExifTags.Base.XPKeywords,
    ExifTags.Base.XPSubject,
}
# How descriptions begin by which tifffile and ImageJ store the layout of a TIFF's pages.
_OF_PAGES = ('{"shape"', "shape=", "ImageJ=")
_DIRECTORIES = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)


@dataclass(frozen=True)
class Metadata:
    """Metadata that accompanies the pixels.

    Attributes:
        icc_profile: None: sRGB.
        dpi: horizontal and vertical.
        exif: for the upright picture, without thumbnail.
        xmp: likewise, as XML.
        text: PNG's texts by keyword; comments of JPEG and GIF as "Comment".
    """

    icc_profile: bytes | None = None
    dpi: tuple[float, float] | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    text: Mapping[str, str] = field(default_factory=dict)

    def stripped(self) -> "Metadata":
        """Only the profile, which defines the colours."""
        return Metadata(icc_profile=self.icc_profile)

    def without_profile(self) -> "Metadata":
        return replace(self, icc_profile=None)

    def options(self, kind: str, size: Size) -> dict[str, Any]:
        """Arguments for Pillow's encoder of a format (PNG, JPEG, WEBP, BMP), for an output of `size`."""
        exif = None if self.exif is None else _of_size(self.exif, size)
        wanted: dict[str, Any] = {"icc_profile": self.icc_profile, "dpi": self.dpi, "exif": exif, "xmp": self.xmp}
        able = {"PNG": ("icc_profile", "dpi", "exif"), "BMP": ("dpi",)}
        result = {name: wanted[name] for name in able.get(kind, tuple(wanted)) if wanted[name] is not None}
        if kind == "PNG" and (self.text or self.xmp):
            result["pnginfo"] = self._png_texts()
        elif kind == "JPEG" and "Comment" in self.text:
            result["comment"] = self.text["Comment"].encode()[:65_533]
        return result

    def tiff_tags(self) -> list[tuple[int, str, int, Any, bool]]:
        """`extratags` for tifffile: the main directory's texts, and XMP."""
        exif = Image.Exif()
        exif.load(self.exif or b"")
        tags: list[tuple[int, str, int, Any, bool]] = [
            (tag, "s", 0, value, True) for tag in sorted(_KEPT) if isinstance(value := exif.get(tag), str)
        ]
        return tags + ([(_XMP_TAG, "B", len(self.xmp), self.xmp, True)] if self.xmp else [])

    def _png_texts(self) -> PngImagePlugin.PngInfo:
        info = PngImagePlugin.PngInfo()
        for key, value in self.text.items():
            if value.isascii():
                info.add_text(key, value)
            else:
                info.add_itxt(key, value)
        if self.xmp:
            info.add_itxt(_XMP, self.xmp.decode(errors="replace"))
        return info


def orientation(tags: Mapping[int, Any]) -> int:
    """A picture's orientation, from 1 (upright) to 8, from EXIF or TIFF tags."""
    value = tags.get(ExifTags.Base.Orientation, 1)
    return int(value) if isinstance(value, int) and 1 <= value <= 8 else 1


def tiff_metadata(tags: Mapping[int, Any]) -> tuple[Metadata, int]:
    """Metadata and orientation from a TIFF's tags."""
    exif = Image.Exif()
    for tag in _KEPT & set(tags):
        if not str(tags[tag]).startswith(_OF_PAGES):
            exif[tag] = tags[tag]
    turn = orientation(tags)
    per_inch = 2.54 if tags.get(ExifTags.Base.ResolutionUnit) == 3 else 1.0
    try:
        dpi = _resolution(
            [per_inch * tags[tag][0] / tags[tag][1] for tag in (ExifTags.Base.XResolution, ExifTags.Base.YResolution)]
        )
    except (KeyError, TypeError, ZeroDivisionError):
        dpi = None
    if tags.get(ExifTags.Base.ResolutionUnit) == 1:  # only an aspect ratio
        dpi = None
    xmp = tags.get(_XMP_TAG)
    return (
        Metadata(
            tags.get(ExifTags.Base.InterColorProfile),
            dpi[::-1] if dpi and turn >= 5 else dpi,
            exif.tobytes() if len(exif) else None,
            _upright_xmp(xmp if isinstance(xmp, bytes) else None),
        ),
        turn,
    )


def read_metadata(image: Image.Image, turned: bool) -> Metadata:
    """Metadata of a loaded picture (a PNG's texts may follow its pixels).

    Args:
        image: the picture.
        turned: whether rows and columns were swapped to make it upright.
    """
    info, exif = image.info, image.getexif()
    dpi = _resolution(info.get("dpi"))
    xmp = info.get("xmp", info.get(_XMP))
    if isinstance(xmp, str):
        xmp = xmp.encode()
    return Metadata(
        info.get("icc_profile") or None,
        dpi[::-1] if dpi and turned else dpi,
        _descriptive(exif),
        _upright_xmp(xmp),
        _texts(image),
    )


def _upright_xmp(xmp: bytes | None) -> bytes | None:
    return re.sub(rb'(tiff:Orientation(?:="|>))[0-9]', rb"\g<1>1", xmp) if xmp else None


def _resolution(dpi: Any) -> tuple[float, float] | None:
    try:
        across, down = (float(value) for value in dpi)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return (across, down) if 0 < across < 1e6 and 0 < down < 1e6 else None


def _texts(image: Image.Image) -> dict[str, str]:
    texts = {
        str(key)[:79]: str(value)
        for key, value in getattr(image, "text", {}).items()
        if key != _XMP and not key.startswith(_RAW)
    }
    comment = image.info.get("comment")
    if isinstance(comment, bytes):
        comment = comment.decode(errors="replace")
    return texts | ({"Comment": comment} if isinstance(comment, str) and comment.strip("\0 ") else {})


def _descriptive(exif: Image.Exif) -> bytes | None:
    """The tags that describe the photograph; not its orientation (already applied), thumbnail or strips."""
    kept = Image.Exif()
    for tag, value in exif.items():
        if tag in _KEPT:
            kept[tag] = value
    for directory in _DIRECTORIES:
        if directory in exif:
            tags = exif.get_ifd(directory)
            kept[directory] = {tag: value for tag, value in tags.items() if tag != ExifTags.IFD.Interop}
    try:
        return kept.tobytes() if len(kept) else None
    except Exception:  # Pillow raises almost any exception on broken values
        return None


def _of_size(exif: bytes, size: Size) -> bytes:
    """EXIF with the picture's size replaced by the output's."""
    result = Image.Exif()
    result.load(exif)
    if ExifTags.IFD.Exif not in result:
        return exif
    tags = dict(result.get_ifd(ExifTags.IFD.Exif))
    for tag, side in zip((ExifTags.Base.ExifImageWidth, ExifTags.Base.ExifImageHeight), size, strict=True):
        if tag in tags:
            tags[tag] = side
    result[ExifTags.IFD.Exif] = tags
    return result.tobytes()
