"""Engine for scripts without a model: lays a picture out for each frame."""

from collections.abc import Iterable

import numpy as np

from ingan_fast.geometry import Size, Transform
from ingan_fast.layout import Frames
from ingan_fast.pictures import Pixels
from ingan_fast.video.canvas import Colour


class LaidOut:
    """An engine for `Renderer`.

    Attributes:
        source_size: (width, height) of the picture.
    """

    def __init__(self, pixels: Pixels, background: Colour):
        """Prepare a picture.

        Args:
            pixels: uint8 [h, w, channels] in sRGB; grey or colour, with or without opacity.
            background: colour behind transparent parts.
        """
        self._pixels = pixels
        self._frames: Frames | None = None
        self._ground = np.array(background, np.float32)
        self.source_size: Size = (pixels.shape[1], pixels.shape[0])

    def expect(self, transforms: Iterable[Transform]) -> None:
        """Prepare for these transforms: the layouts of the smallest and the largest size are the best ones then."""
        self._frames = Frames(self._pixels, expected=transforms)

    def __call__(self, frame: Pixels | None, *, transform: Transform, out: Pixels | None = None) -> Pixels:
        """The picture under a transform: uint8 [Ho, Wo, 3]; `frame` must be None."""
        if frame is not None:
            raise ValueError("only the picture can be laid out, not frames of a clip")
        if out is None:
            out = np.empty((transform.size[1], transform.size[0], 3), np.uint8)
        if self._frames is None:
            self._frames = Frames(self._pixels)
        drawn = self._frames.draw(transform, moving=True)
        if drawn.shape[2] in (1, 3):
            out[:] = drawn
            return out
        opacity = drawn[..., -1:] * np.float32(1 / 255)
        out[:] = drawn[..., :-1] * opacity + self._ground * (1 - opacity) + 0.5
        return out

    def close(self) -> None:
        """Nothing to release."""
