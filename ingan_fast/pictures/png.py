"""PNG with 16 bits per channel.

Pillow decodes colour to 8 bits. To read a file, it decodes twice, keeping the high bytes and then the low bytes;
writing is implemented here.
"""

import struct
import sys
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Deep = NDArray[np.uint16]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # by number of channels
_PIXEL_CHUNKS = (b"IHDR", b"IDAT", b"IEND")
STRIP = 64  # rows filtered at a time
_SUB, _UP, _PAETH = 1, 2, 4  # filters


def is_deep(file: BinaryIO) -> bool:
    """Whether a file is a PNG with 16 bits per channel."""
    file.seek(0)
    head = file.read(26)
    return head.startswith(SIGNATURE) and head[24:25] == b"\x10"


def read(file: BinaryIO) -> Deep:
    """Pixels of a 16-bit PNG, or of another file that Pillow decodes this way: [H, W, 1 to 4].

    Raises:
        OSError, ValueError and others: the file is damaged.
    """
    higher, key = _bytes(file, lower=False)
    if higher.dtype == np.uint16:  # grey
        values = higher
    elif higher.shape[2] == 4 and _is_grey_with_opacity(file):
        values = higher[..., 0::2].astype(np.uint16) << 8 | higher[..., 1::2]
    else:
        values = higher.astype(np.uint16) << 8 | _bytes(file, lower=True)[0]
    if key is None:
        return values
    hidden = (values == np.asarray(key, np.uint16)).all(axis=2)
    return np.dstack([values, np.where(hidden, np.uint16(0), np.uint16(65535))])


def encoded(pixels: Deep, described: bytes, level: int) -> bytes:
    """Encode pixels [H, W, 1 to 4] as PNG.

    Args:
        pixels: 16 bits per channel.
        described: another PNG, from which profile, resolution, EXIF and texts are copied.
        level: zlib level.
    """
    height, width, channels = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 16, _COLOUR_TYPES[channels], 0, 0, 0)
    rows = np.zeros((height + 1, 2 * channels * (width + 1)), np.uint8)  # with a zero border at the left and top
    rows[1:, 2 * channels :] = pixels.astype(">u2").reshape(height, -1).view(np.uint8)
    packer = zlib.compressobj(level)
    filtered = (_filtered(rows[at : at + STRIP + 1], 2 * channels) for at in range(0, height, STRIP))
    content = [packer.compress(strip.tobytes()) for strip in filtered]
    metadata = [chunk for name, chunk in _chunks(described) if name not in _PIXEL_CHUNKS]
    pixels_chunk = _chunk(b"IDAT", b"".join([*content, packer.flush()]))
    parts = [_chunk(b"IHDR", header), *metadata, pixels_chunk, _chunk(b"IEND", b"")]
    return SIGNATURE + b"".join(parts)


def _bytes(file: BinaryIO, lower: bool) -> tuple[NDArray, tuple[int, ...] | int | None]:
    """Decode the high or low bytes with Pillow; also returns the transparent colour."""
    file.seek(0)
    grey_with_opacity = _is_grey_with_opacity(file)
    file.seek(0)
    with Image.open(file, formats=["PNG", "TIFF"]) as image:
        if grey_with_opacity:  # as wide as 8-bit RGBA: decodes all bytes at once
            image.tile = [_decoded_as(tile, "RGBA") for tile in image.tile]
        elif lower:
            image.tile = [_decoded_as(tile, _other_bytes(tile[3])) for tile in image.tile]
        image.load()
        pixels = np.asarray(image)
        key = image.info.get("transparency")
    if pixels.ndim == 2:
        pixels = pixels.astype(np.uint16)[..., None]
    return pixels, key if isinstance(key, int | tuple) else None


def _decoded_as(tile: Any, arguments: object) -> Any:
    """A tile with other decoder arguments; in older versions of Pillow tiles are plain tuples."""
    return tile._replace(args=arguments) if hasattr(tile, "_replace") else (*tile[:3], arguments)


def _other_bytes(arguments: object) -> object:
    """Decoder arguments with the byte order swapped in the mode."""
    mode, *others = arguments if isinstance(arguments, tuple) else (arguments,)
    order = str(mode)[-1]
    if order not in "BLN" or ";16" not in str(mode):
        raise ValueError(f"not 16 bits per channel, but {mode}")
    little = order == "L" or (order == "N" and sys.byteorder == "little")
    exchanged = f"{str(mode)[:-1]}{'B' if little else 'L'}"
    return (exchanged, *others) if isinstance(arguments, tuple) else exchanged


def _is_grey_with_opacity(file: BinaryIO) -> bool:
    file.seek(0)
    head = file.read(26)
    return head.startswith(SIGNATURE) and head[24:26] == b"\x10\x04"


def _filtered(bordered: NDArray[np.uint8], pixel: int) -> NDArray[np.uint8]:
    """Filter each row with the best filter, prefixed by its number: [H, 1 + bytes per row].

    Args:
        bordered: [1 + H, pixel + bytes per row], including the row above and a pixel at the left.
        pixel: bytes per pixel.
    """
    rows, up = bordered[1:, pixel:], bordered[:-1, pixel:]
    left, corner = bordered[1:, :-pixel], bordered[:-1, :-pixel]
    best = np.full(len(rows), np.inf)
    result = np.empty((len(rows), 1 + rows.shape[1]), np.uint8)
    for number, guess in ((_SUB, left), (_UP, up), (_PAETH, _paeth(left, up, corner))):
        rest = rows - guess
        cost = np.abs(rest.view(np.int8).astype(np.int16)).sum(axis=1)
        better = cost < best
        result[better, 0], result[better, 1:] = number, rest[better]
        best = np.minimum(best, cost)
    return result


def _paeth(left: NDArray[np.uint8], up: NDArray[np.uint8], corner: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The neighbour that is closest to left + up - corner (PNG's Paeth predictor)."""
    a, b, c = (values.astype(np.int16) for values in (left, up, corner))
    from_left, from_up, from_corner = np.abs(b - c), np.abs(a - c), np.abs(a + b - 2 * c)
    upper = np.where(from_up <= from_corner, up, corner)
    return np.where((from_left <= from_up) & (from_left <= from_corner), left, upper)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and bytes of each chunk of a PNG."""
    at = len(SIGNATURE)
    while at < len(content):
        length = struct.unpack(">I", content[at : at + 4])[0]
        yield content[at + 4 : at + 8], content[at : at + 12 + length]
        at += 12 + length
