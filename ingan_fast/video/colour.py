"""Conversion between YCbCr and RGB: codes of ITU-T H.273, and libswscale."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from av import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from ingan_fast.geometry import Size

LIMITED, FULL = 1, 2
BT709, UNSPECIFIED, BT601, SMPTE170M, SMPTE240M, BT2020 = 1, 2, 5, 6, 7, 9

# libswscale's SWS_BILINEAR, SWS_ACCURATE_RND, SWS_FULL_CHR_H_INT and SWS_FULL_CHR_H_INP; without the last three,
# results are one to two levels too dark.
_EXACT = 0x2 | 0x40000 | 0x2000 | 0x4000


@dataclass(frozen=True)
class Colour:
    """Colour space of a video, as tagged in its file: codes of ITU-T H.273, sections 8.1 to 8.3."""

    matrix: int
    primaries: int
    transfer: int


PICTURES = Colour(BT709, BT709, BT709)  # tags for sRGB pictures, without a visible difference in players


def colour_of(tagged: Colour, size: Size) -> Colour:
    """The tags with a supported matrix: if none is tagged, the one that players assume for this size."""
    if tagged.matrix in (BT709, BT601, SMPTE170M, SMPTE240M, BT2020):
        return tagged
    matrix = BT709 if size[0] >= 1280 or size[1] > 576 else SMPTE170M
    return Colour(matrix, tagged.primaries, tagged.transfer)


class Converter:
    """Converts frames of equal format; setup is done once."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def to_rgb(self, frame: VideoFrame, matrix: int, size: Size, alpha: bool = False) -> VideoFrame:
        """Convert a decoded frame to rgb24, or rgba with straight alpha, of `size` (width, height), full range."""
        full = frame.color_range == FULL or frame.format.name.startswith("yuvj")
        return self._reformatter.reformat(
            frame,
            *size,
            "rgba" if alpha else "rgb24",
            src_colorspace=_swscale(matrix),
            src_color_range=FULL if full else LIMITED,
            dst_color_range=FULL,
            interpolation=_EXACT,
        )

    def from_rgb(self, frame: VideoFrame, matrix: int, pixel_format: str) -> VideoFrame:
        """Convert an rgb24 or rgba frame to a YCbCr format, limited range."""
        return self._reformatter.reformat(
            frame,
            format=pixel_format,
            dst_colorspace=_swscale(matrix),
            src_color_range=FULL,
            dst_color_range=LIMITED,
            interpolation=_EXACT,
        )


def plane_rows(frame: VideoFrame, index: int) -> NDArray[np.uint8]:
    """View of the bytes of one plane of a frame: [rows, bytes per row including padding]."""
    plane: Any = frame.planes[index]
    return np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)


def _swscale(matrix: int) -> int:
    return BT601 if matrix == SMPTE170M else matrix  # two codes for one matrix; PyAV knows the first
