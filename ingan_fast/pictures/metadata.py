"""What picture files say besides their pixels: colour profile, resolution, EXIF, XMP and texts."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from PIL import ExifTags, Image, PngImagePlugin

from ingan_fast.geometry import Size

_XMP = "XML:com.adobe.xmp"  # the key of XMP among a PNG's texts
_XMP_TAG = 700  # in TIFF
_RAW = "Raw profile type"  # texts in which other programs put binary data

# The main directory's tags that speak of the photograph and not of how its file is laid out.
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
_DIRECTORIES = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)


@dataclass(frozen=True)
class Metadata:
    """What goes along with the pixels.

    Attributes:
        icc_profile: None is sRGB.
        dpi: across and down.
        exif: of the upright picture, without a thumbnail.
        xmp: the same as XML.
        text: what PNG has by keyword, and comments of JPEG and GIF as "Comment".
    """

    icc_profile: bytes | None = None
    dpi: tuple[float, float] | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    text: Mapping[str, str] = field(default_factory=dict)

    def stripped(self) -> "Metadata":
        """The profile alone, without which colours would be others."""
        return Metadata(icc_profile=self.icc_profile)

    def without_profile(self) -> "Metadata":
        return replace(self, icc_profile=None)

    def options(self, kind: str, size: Size) -> dict[str, Any]:
        """What Pillow's encoder of a format (PNG, JPEG, WEBP, BMP) takes of it, for an output of a size."""
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
        """What tifffile takes as `extratags`: the main directory's texts, and XMP."""
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
    """How a picture is turned, from 1 (upright) to 8, by EXIF's or TIFF's tags."""
    value = tags.get(ExifTags.Base.Orientation, 1)
    return int(value) if isinstance(value, int) and 1 <= value <= 8 else 1


def tiff_metadata(tags: Mapping[int, Any]) -> tuple[Metadata, int]:
    """The metadata that a TIFF's tags hold, and how it is turned."""
    exif = Image.Exif()
    for tag in _KEPT & set(tags):
        exif[tag] = tags[tag]
    turn = orientation(tags)
    per_inch = 2.54 if tags.get(ExifTags.Base.ResolutionUnit) == 3 else 1.0
    try:
        dpi = _resolution(
            [per_inch * tags[tag][0] / tags[tag][1] for tag in (ExifTags.Base.XResolution, ExifTags.Base.YResolution)]
        )
    except (KeyError, TypeError, ZeroDivisionError):
        dpi = None
    if tags.get(ExifTags.Base.ResolutionUnit) == 1:  # a ratio of the sides alone
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
    """The metadata of a picture that is loaded (a PNG's texts may come after its pixels).

    Args:
        image: the picture.
        turned: whether rows and columns were exchanged to have it upright.
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
    """What describes the photograph; not its orientation, which is applied, nor its thumbnail or strips."""
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
    except Exception:  # broken values: Pillow raises nearly anything
        return None


def _of_size(exif: bytes, size: Size) -> bytes:
    """EXIF that says the output's size where it said the picture's."""
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
