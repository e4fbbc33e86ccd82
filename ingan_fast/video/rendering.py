"""What a frame of the output shows: a picture, retargeted by the engine, where its pose says."""

from fractions import Fraction
from typing import Protocol

import numpy as np

from ingan_fast.geometry import Array, Size, Transform, check_output_size
from ingan_fast.pictures import Pixels
from ingan_fast.runtime.arrangement import Arrangement
from ingan_fast.video.canvas import Colour, place
from ingan_fast.video.fades import SECONDS, Fades
from ingan_fast.video.frames import Frame
from ingan_fast.video.poses import Animation, Pose

LEAP = 0.1  # of the canvas: what goes farther from one frame to the next isn't followed by the eye


class Engine(Protocol):
    """A generator, ready to run (`runtime.Retargeter`)."""

    def __call__(
        self,
        frame: Pixels | None,
        *,
        transform: Transform,
        out: Pixels | None = None,
        reference: Pixels | None = None,
        arrangement: Arrangement | None = None,
    ) -> Pixels: ...

    def arrange(
        self, frame: Pixels | None, *, transform: Transform, reference: Pixels | None = None
    ) -> Arrangement | None: ...


def unmoving(transform: Transform, source_size: Size) -> Animation:
    """One pose for every frame of a clip.

    Raises:
        UserError: a size, of the source or the output, that the generator can't make.
    """
    check_output_size(transform.size, source_size)
    return Animation(transform.size, Fraction(1), [Pose(transform, (0, 0))])


class Renderer:
    """Renders frames, in order, on the animation's canvas; after its end its last pose stays.

    Where a frame's layout has other jumps than the one's before, it is faded into (`fades`).

    Attributes:
        shape: [H, W, 3 or 4] of what is rendered; 4 with straight alpha, where there is no background.
    """

    def __init__(
        self,
        engine: Engine,
        animation: Animation,
        base: Fraction,
        background: Colour | None,
        reference: Pixels | None = None,
    ):
        """`base`: seconds of one tick of the frames' times; `reference`: where the engine looks for cuts."""
        self._engine = engine
        self._animation = animation
        self._poses_a_tick = base * animation.fps
        self._background = background
        self._reference = reference
        self._beside, self._under = _Scratch(), _Scratch()
        self._arranged: tuple[Transform | None, Arrangement | None] = (None, None)
        self._fades = Fades(len(animation.poses), self._arrange, self._leaps, round(SECONDS * animation.fps))
        self.shape = (animation.canvas[1], animation.canvas[0], 4 if background is None else 3)

    def __call__(self, frame: Frame, out: Pixels) -> None:
        """Write what `frame` shows to `out`, uint8 of `shape`."""
        poses, canvas = self._animation.poses, self._animation.canvas
        index = min(round(frame.pts * self._poses_a_tick), len(poses) - 1)
        pose = poses[index]
        if self._background is not None and _fills(pose, canvas):
            self._retarget(frame, index, pose, out)
        else:
            picture = self._beside.picture(pose.transform.size)
            self._retarget(frame, index, pose, picture)
            place(picture, pose, canvas, self._background, out)

    def _retarget(self, frame: Frame, index: int, pose: Pose, out: Pixels) -> None:
        arrangement, other, share = self._fades(index)
        self._lay_out(frame, pose.transform, arrangement, out)
        if other is not None:
            picture = self._under.picture(pose.transform.size)
            self._lay_out(frame, pose.transform, other, picture)
            blend(out, picture, share)

    def _lay_out(self, frame: Frame, transform: Transform, arrangement: Arrangement | None, out: Pixels) -> None:
        self._engine(frame.pixels, transform=transform, out=out, reference=self._reference, arrangement=arrangement)

    def _arrange(self, index: int) -> Arrangement | None:
        transform = self._animation.poses[index].transform
        if transform != self._arranged[0]:  # what rests is kept
            reference = self._reference
            self._arranged = transform, self._engine.arrange(reference, transform=transform, reference=reference)
        return self._arranged[1]

    def _leaps(self, index: int) -> bool:
        """Whether the picture is not where it was a frame before."""
        before, after = (_corners(self._animation.poses[frame]) for frame in (index - 1, index))
        return bool(np.abs(after - before).max() > LEAP * max(self._animation.canvas))


class _Scratch:
    """A buffer of any size, in the same memory every time."""

    def __init__(self) -> None:
        self._memory = np.empty(0, np.uint8)

    def picture(self, size: Size) -> Pixels:
        """Of (width, height): uint8 [height, width, 3]."""
        count = size[0] * size[1] * 3
        if count > self._memory.size:
            self._memory = np.empty(count, np.uint8)
        return self._memory[:count].reshape(size[1], size[0], 3)


def blend(picture: Pixels, other: Pixels, share: float) -> None:
    """Mix so much of `other` into a picture, in place; colours as they are stored."""
    part = round(share * 256)
    mixed = picture * np.uint16(256 - part)
    mixed += other * np.uint16(part)
    mixed += 128
    mixed >>= 8
    np.copyto(picture, mixed, casting="unsafe")


def _corners(pose: Pose) -> Array:
    """Canvas pixels, [4, 2]."""
    return pose.transform.corners() + pose.offset


def _fills(pose: Pose, canvas: Size) -> bool:
    upright = np.array_equal(pose.transform.matrix, np.eye(3))
    return upright and pose.offset == (0, 0) and pose.transform.size == canvas
