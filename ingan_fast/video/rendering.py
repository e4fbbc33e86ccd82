"""Renders output frames: a picture, retargeted by the engine, at its pose."""

from fractions import Fraction
from typing import Protocol

import numpy as np

from ingan_fast.geometry import Size, Transform, check_output_size
from ingan_fast.pictures import Pixels
from ingan_fast.video.canvas import Colour, place
from ingan_fast.video.frames import Frame
from ingan_fast.video.opacity import over, retarget_both
from ingan_fast.video.poses import Animation, Pose


class FrameRetargeter(Protocol):
    """A generator that is ready to run (`runtime.Retargeter`)."""

    def __call__(self, frame: Pixels | None, *, transform: Transform, out: Pixels | None = None) -> Pixels: ...


def unmoving(transform: Transform, source_size: Size) -> Animation:
    """An animation with one pose for all frames of a clip.

    Raises:
        UserError: the generator does not support the source's or the output's size.
    """
    check_output_size(transform.size, source_size)
    return Animation(transform.size, Fraction(1), [Pose(transform, (0, 0))])


class Renderer:
    """Renders frames in order on the animation's canvas; after its end the last pose remains.

    Attributes:
        shape: [H, W, 3 or 4] of the output; 4 with straight alpha, if there is no background.
        laid_over: whether a frame had transparency and was composed over the background.
    """

    def __init__(
        self,
        engine: FrameRetargeter,
        animation: Animation,
        base: Fraction,
        background: Colour | None,
    ):
        """`base`: seconds per tick of the frames' times."""
        self._engine = engine
        self._animation = animation
        self._poses_a_tick = base * animation.fps
        self._background = background
        self._beside = _Scratch()
        self.laid_over = False
        self.shape = (animation.canvas[1], animation.canvas[0], 4 if background is None else 3)

    def __call__(self, frame: Frame, out: Pixels) -> None:
        """Render `frame` to `out`, uint8 of `shape`."""
        poses, canvas = self._animation.poses, self._animation.canvas
        index = min(round(frame.pts * self._poses_a_tick), len(poses) - 1)
        pose, pixels = poses[index], frame.pixels
        if pixels is not None and pixels.shape[2] == 4:
            if pixels[..., 3].min() == 255:
                pixels = np.ascontiguousarray(pixels[..., :3])
            elif self._background is None:
                return self._place_clear(pixels, pose, out)
            else:
                pixels, self.laid_over = over(pixels, self._background), True
        if self._background is not None and _fills(pose, canvas):
            self._engine(pixels, transform=pose.transform, out=out)
        else:
            picture = self._beside.picture(pose.transform.size)
            self._engine(pixels, transform=pose.transform, out=picture)
            place(picture, pose, canvas, self._background, out)
        return None

    def _place_clear(self, frame: Pixels, pose: Pose, out: Pixels) -> None:
        """Render a frame with alpha without a background."""

        def retarget(opaque: Pixels) -> Pixels:
            picture = np.empty((*pose.transform.size[::-1], 3), np.uint8)
            return self._engine(opaque, transform=pose.transform, out=picture)

        picture, opacity = retarget_both(frame, pose.transform, retarget)
        place(picture, pose, self._animation.canvas, None, out, opacity)


class _Scratch:
    """A reusable buffer for pictures of any size."""

    def __init__(self) -> None:
        self._memory = np.empty(0, np.uint8)

    def picture(self, size: Size) -> Pixels:
        """A buffer for (width, height): uint8 [height, width, 3]."""
        count = size[0] * size[1] * 3
        if count > self._memory.size:
            self._memory = np.empty(count, np.uint8)
        return self._memory[:count].reshape(size[1], size[0], 3)


def _fills(pose: Pose, canvas: Size) -> bool:
    upright = np.array_equal(pose.transform.matrix, np.eye(3))
    return upright and pose.offset == (0, 0) and pose.transform.size == canvas
