"""16 bits a channel, which Pillow has for grey alone: PNG by FFmpeg's codec, TIFF by tifffile.

TIFF of any number of channels and of floats, as maps have them, is read and written here, too.
"""

import logging
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ingan_fast.errors import UserError
from ingan_fast.geometry import Size

Deep = NDArray[np.uint16]

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_FORMATS = {1: "gray16be", 2: "ya16be", 3: "rgb48be", 4: "rgba64be"}  # by channels
_PIXEL_CHUNKS = (b"IHDR", b"IDAT", b"IEND")
_TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_WHITE_IS_ZERO = 0  # photometric interpretations
_NOT_RGB = {5: "CMYK", 6: "YCbCr", 8: "Lab"}  # colours that need a conversion

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # its warnings go to who asks for them


@dataclass(frozen=True)
class TiffHeader:
    """Attributes: the kind of its values (u, i, f), their bits, channels, (width, height), and its tags by number."""

    kind: str
    bits: int
    channels: int
    size: Size
    tags: Mapping[int, Any]


def is_deep_png(file: BinaryIO) -> bool:
    """Whether a file is a PNG of 16 bits a channel."""
    file.seek(0)
    head = file.read(26)
    return head.startswith(PNG_SIGNATURE) and head[24:25] == b"\x10"


def read_png(file: BinaryIO) -> Deep:
    """The pixels of a 16-bit PNG: [H, W, 1 to 4].

    Raises:
        ValueError: it is damaged.
    """
    import av

    file.seek(0)
    content = file.read()
    for _ in _chunks(content):  # FFmpeg's decoder makes what it can of damaged files, and says nothing
        pass
    decoder = av.CodecContext.create("png", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    frames = decoder.decode(av.Packet(content)) + decoder.decode(None)
    if not frames or frames[0].format.name not in _PNG_FORMATS.values():
        raise ValueError("no pixels of 16 bits")
    channels = len(frames[0].format.components)
    return _frame_pixels(frames[0], channels)


def png(pixels: Deep, metadata_of: bytes) -> bytes:
    """A PNG of pixels [H, W, 1 to 4].

    Args:
        pixels: 16 bits a channel.
        metadata_of: another PNG, whose profile, resolution, EXIF and texts it gets.
    """
    import av

    encoder = av.CodecContext.create("png", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    height, width, channels = pixels.shape
    encoder.width, encoder.height, encoder.pix_fmt = width, height, _PNG_FORMATS[channels]
    encoder.time_base = _one()
    frame = av.VideoFrame(width, height, _PNG_FORMATS[channels])
    plane = frame.planes[0]
    rows = np.zeros((height, plane.line_size), np.uint8)
    rows[:, : 2 * width * channels] = pixels.astype(">u2").reshape(height, -1).view(np.uint8)
    plane.update(rows.tobytes())
    content = b"".join(bytes(packet) for packet in encoder.encode(frame) + encoder.encode(None))
    described = [chunk for name, chunk in _chunks(metadata_of) if name not in _PIXEL_CHUNKS]
    drawn = [(name, chunk) for name, chunk in _chunks(content) if name in _PIXEL_CHUNKS]
    head, rest = drawn[0][1], [chunk for _, chunk in drawn[1:]]
    return b"".join([PNG_SIGNATURE, head, *described, *rest])


def tiff_header(file: BinaryIO) -> TiffHeader | None:
    """What a TIFF says of its first picture; None for other files, and for what tifffile can't make out."""
    import tifffile

    file.seek(0)
    if file.read(4) not in _TIFF_SIGNATURES:
        return None
    file.seek(0)
    try:
        with tifffile.TiffFile(file) as tiff:
            page = tiff.pages.first
            kind = page.dtype.kind if page.dtype else ""
            size = page.imagewidth, page.imagelength
            tags = {tag.code: tag.value for tag in page.tags.values()}
            return TiffHeader(kind, page.bitspersample, page.samplesperpixel, size, tags)
    except Exception:  # damaged, or not what Pillow would call a TIFF: it is asked then
        return None


def read_tiff(file: BinaryIO) -> NDArray:
    """The values of a TIFF's first picture, as stored: [H, W, channels], black is least.

    Raises:
        UserError: its compression needs a package.
        ValueError: it is damaged, or has colours that are not RGB.
    """
    import tifffile

    file.seek(0)
    with tifffile.TiffFile(file) as tiff:
        page = tiff.pages.first
        if page.photometric in _NOT_RGB or page.ndim not in (2, 3):
            raise ValueError(f"{_NOT_RGB[page.photometric]} pictures of more than 8 bits")
        try:
            values = page.asarray()
        except (ValueError, KeyError, ImportError) as error:
            if "imagecodecs" not in str(error) and not isinstance(error, ImportError):
                raise
            values = _by_ffmpeg(file, getattr(page.compression, "name", str(page.compression)))
        else:
            if page.ndim == 3 and page.axes[0] == "S":  # a plane for each channel
                values = values.transpose(1, 2, 0)
        values = values.reshape(*values.shape[:2], -1)
        if page.photometric == _WHITE_IS_ZERO and values.dtype.kind == "u":
            values = np.iinfo(values.dtype).max - values
        premultiplied = 1 in page.extrasamples and values.dtype.kind == "u"
    return _unmultiplied(values) if premultiplied else values


def write_tiff(file: BinaryIO, values: NDArray, profile: bytes | None = None, dpi: Any = None, tags: Any = ()) -> None:
    """A TIFF of values [H, W, channels] of any type; two and four channels have an opacity as the last one."""
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
    """Rows and columns turned as EXIF's orientation (1 to 8) says."""
    if orientation >= 5:
        values = values.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    return np.ascontiguousarray(values)


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The name and the bytes of each chunk of a PNG, up to its end.

    Raises:
        ValueError: it is damaged or cut short.
    """
    at = len(PNG_SIGNATURE)
    name = b""
    while name != b"IEND":
        if at + 12 > len(content):
            raise ValueError("it ends too early")
        length = struct.unpack(">I", content[at : at + 4])[0]
        chunk = content[at : at + 12 + length]
        name = chunk[4:8]
        if len(chunk) < 12 + length or zlib.crc32(chunk[4:-4]) != struct.unpack(">I", chunk[-4:])[0]:
            raise ValueError(f"a broken {name.decode('latin-1')} chunk")
        yield name, chunk
        at += len(chunk)


def _frame_pixels(frame: Any, channels: int) -> Deep:
    plane = frame.planes[0]
    rows = np.frombuffer(plane, np.uint8).reshape(frame.height, plane.line_size)[:, : 2 * channels * frame.width]
    order = ">u2" if frame.format.is_big_endian else "<u2"
    values = np.ascontiguousarray(rows).view(order).reshape(frame.height, frame.width, channels)
    return values.astype(np.uint16)


def _by_ffmpeg(file: BinaryIO, compression: str) -> Deep:
    """A TIFF whose compression tifffile has no decoder of."""
    import av

    file.seek(0)
    decoder = av.CodecContext.create("tiff", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    try:
        frames = decoder.decode(av.Packet(file.read())) + decoder.decode(None)
    except av.FFmpegError:
        frames = []
    if not frames or frames[0].format.name[:6] not in ("gray16", "ya16le", "ya16be", "rgb48l", "rgb48b", "rgba64"):
        raise UserError(
            f"a TIFF with {compression} compression of such values needs a package: pip install imagecodecs"
        )
    return _frame_pixels(frames[0], len(frames[0].format.components))


def _unmultiplied(values: NDArray) -> NDArray:
    """Colours that were stored times their opacity."""
    most = np.iinfo(values.dtype).max
    opacity = values[..., -1:].astype(np.float64)
    colours = values[..., :-1] * (most / np.maximum(opacity, 1))
    return np.concatenate([np.rint(np.minimum(colours, most)).astype(values.dtype), values[..., -1:]], axis=2)


def _one() -> Any:
    from fractions import Fraction

    return Fraction(1)
