"""Reads animated pictures that libav can't read, with Pillow: WebP and AVIF."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from ingan_fast.errors import UserError
from ingan_fast.geometry import Size
from ingan_fast.pictures import MAX_PIXELS, Pixels
from ingan_fast.video.colour import PICTURES
from ingan_fast.video.frames import Frame, OtherStreams, Ring, Timing

USUAL = 100  # ms; duration of a frame that has none, as in browsers


def is_animation(path: Path) -> bool:
    """Whether the file is a WebP or AVIF, animated or not, by its first bytes."""
    try:
        with open(path, "rb") as file:
            head = file.read(12)
    except OSError:
        return False
    return (head[:4] == b"RIFF" and head[8:] == b"WEBP") or head[4:] in (b"ftypavif", b"ftypavis")


class AnimatedPicture:
    """The frames of an animated WebP or AVIF file; attributes as in `reading.Clip`.

    Raises:
        UserError: a still picture, too many pixels, or damaged (also while reading).
    """

    def __init__(self, path: Path):
        self.name = str(path)
        try:
            self._image = Image.open(path)
        except Exception as error:  # includes a Pillow without AVIF
            reason = " ".join(str(error).split())[:120] or type(error).__name__
            raise UserError(f"{path} can't be read ({reason}): it is damaged, or Pillow lacks its format") from error
        try:
            self._look(path)
        except UserError:
            self._image.close()
            raise

    def _look(self, path: Path) -> None:
        """Set the attributes, from the file's head and its first frame."""
        self.size: Size = self._image.size
        if self.size[0] * self.size[1] > MAX_PIXELS:
            raise UserError(f"{path} has {self.size[0]}x{self.size[1]} pixels, which is too large; make it smaller")
        self.total: int | None = getattr(self._image, "n_frames", 1)
        if self.total == 1:
            raise UserError(f"{path} is a still picture; use `ingan-fast retarget`, or give an animation or a video")
        self.alpha = self._image.mode == "RGBA"
        self._lengths = [self._length(index) for index in range(self.total or 0)]  # ms
        rate = Fraction(1000, min(self._lengths))
        self.timing = Timing(Fraction(1, 1000), rate, len(set(self._lengths)) == 1)
        self.seconds: float | None = sum(self._lengths) / 1000
        self.colour, self.other_streams = PICTURES, OtherStreams()
        self.first = self._read(0, self._empty())

    def __iter__(self) -> Iterator[Frame]:
        ring, start = Ring(self._empty().shape), 0
        for index, length in enumerate(self._lengths):
            yield Frame(index + 1, self._read(index, ring.next()), start, length)
            start += length

    def close(self) -> None:
        self._image.close()

    def _length(self, index: int) -> int:
        self._load(index)
        return round(self._image.info.get("duration", 0)) or USUAL

    def _read(self, index: int, out: Pixels) -> Pixels:
        self._load(index)
        out[:] = np.asarray(self._image.convert("RGBA" if self.alpha else "RGB"))
        return out

    def _load(self, index: int) -> None:
        try:
            self._image.seek(index)
            self._image.load()
        except Exception as error:  # Pillow's decoders raise almost any exception on damaged data
            reason = " ".join(str(error).split())[:120] or type(error).__name__
            raise UserError(
                f"{self.name}: frame {index + 1} can't be decoded ({reason}); it is damaged or cut short"
            ) from error

    def _empty(self) -> Pixels:
        return np.empty((self.size[1], self.size[0], 4 if self.alpha else 3), np.uint8)
