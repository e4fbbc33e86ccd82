"""Converts decoded frames for display: upright, square pixels, RGB or RGBA."""

from fractions import Fraction
from typing import Any

import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

from ingan_fast.geometry import Size
from ingan_fast.pictures import Pixels
from ingan_fast.video.colour import Converter, plane_rows


class Display:
    """Display conversion for the frames of a stream, determined by its first frame.

    Attributes:
        size: (width, height) as displayed.
        alpha: frames have transparency in their last channel.
    """

    def __init__(self, first: VideoFrame, pixel_aspect: Fraction | None, matrix: int):
        self.coded_size = (first.width, first.height)
        self._square = _square(self.coded_size, pixel_aspect)
        self._turn = _display_matrix(first)
        self._matrix = matrix
        self._converter = Converter()
        self.alpha = any(component.is_alpha for component in first.format.components)
        self.size: Size = self._square[::-1] if self._is_lying else self._square

    def show(self, frame: VideoFrame, out: Pixels) -> None:
        """Convert a frame of `coded_size` to `out`, uint8 [H, W, 3 or 4] of `size`."""
        rgb = self._converter.to_rgb(frame, self._matrix, self._square, self.alpha)
        (width, height), channels = self._square, 4 if self.alpha else 3
        rows = plane_rows(rgb, 0)[:height, : channels * width]
        np.copyto(out, self._upright(rows.reshape(height, width, channels)))

    @property
    def _is_lying(self) -> bool:
        return abs(int(self._turn[0, 1])) > abs(int(self._turn[0, 0]))

    def _upright(self, pixels: Pixels) -> Pixels:
        """Apply right-angle rotations and mirroring; other parts of a display matrix are ignored."""
        if self._is_lying:
            pixels = pixels.transpose(1, 0, 2)
            to_right, to_bottom = self._turn[1, 0], self._turn[0, 1]
        else:
            to_right, to_bottom = self._turn[0, 0], self._turn[1, 1]
        return pixels[:: -1 if to_bottom < 0 else 1, :: -1 if to_right < 0 else 1]


def _square(size: Size, pixel_aspect: Fraction | None) -> Size:
    """The size with square pixels; no side shrinks."""
    width, height = size
    aspect = pixel_aspect or Fraction(1)
    return (round(width * aspect), height) if aspect >= 1 else (width, round(height / aspect))


def _display_matrix(frame: VideoFrame) -> NDArray[np.int32]:
    """[2, 2]: row i is the displayed direction of the coded axis i (x, y); libavutil/display.h without shifts."""
    data: Any = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return np.eye(2, dtype=np.int32)
    return np.frombuffer(data, np.int32).reshape(3, 3)[:2, :2]
