"""Poses of the picture on the canvas, computed on demand for each frame."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import overload

import numpy as np

from ingan_fast.errors import UserError
from ingan_fast.geometry import MIN_SIZE, Array, Size, Transform
from ingan_fast.settings import MOST_HALVINGS
from ingan_fast.video.easing import Curve

GRID = 2**MOST_HALVINGS  # px; any network's coarsest pixel divides it
NEARLY = 1e-6  # px; corners this close to whole pixels are rounded


@dataclass(frozen=True)
class Pose:
    """The picture in one frame.

    Attributes:
        transform: its size is that of the picture's bounding box on the canvas, in pixels, which contains its corners.
        offset: (x, y) of the box's top left pixel on the canvas, multiples of `GRID`; parts beyond it are cropped.
    """

    transform: Transform
    offset: tuple[int, int]


@dataclass(frozen=True)
class Animation:
    """Poses of all frames of a video.

    Attributes:
        canvas: (width, height) of every frame, in pixels.
        fps: frames per second.
        poses: one per frame, computed on access.
    """

    canvas: Size
    fps: Fraction
    poses: Sequence[Pose]


@dataclass(frozen=True)
class Keyframe:
    """The picture's position at a time.

    Attributes:
        time: seconds.
        corners: float64 [4, 2], its corners tl, tr, br, bl in canvas pixels, edge to edge.
        easing: interpolation from the previous keyframe, one of `easing.EASINGS`.
    """

    time: float
    corners: Array
    easing: str


class Motion(Sequence[Pose]):
    """The poses of `frames` frames, spread evenly over the keyframes' duration.

    The first frame shows the first keyframe, the last frame the last one. With `closed`, where both keyframes are
    equal, the last frame is the one before the last keyframe, so that the video loops without a duplicate.
    """

    def __init__(self, keyframes: Sequence[Keyframe], canvas: Size, frames: int, closed: bool = False):
        self.keyframes, self.canvas, self.frames, self.closed = keyframes, canvas, frames, closed
        self.curve = Curve(
            [keyframe.time for keyframe in keyframes],
            [keyframe.corners.reshape(8) for keyframe in keyframes],
            [keyframe.easing for keyframe in keyframes],
            closed,
        )

    def __len__(self) -> int:
        return self.frames

    @overload
    def __getitem__(self, index: int) -> Pose: ...

    @overload
    def __getitem__(self, index: slice) -> list[Pose]: ...

    def __getitem__(self, index: int | slice) -> Pose | list[Pose]:
        if isinstance(index, slice):
            return [self[i] for i in range(self.frames)[index]]
        return self.pose_at(self.time(range(self.frames)[index]))

    def time(self, index: int) -> float:
        """Time of a frame, in seconds of the keyframes."""
        steps = self.frames if self.closed else max(self.frames - 1, 1)
        return float(self.curve.times[-1] - self.curve.times[0]) * index / steps + float(self.curve.times[0])

    def pose_at(self, time: float) -> Pose:
        return pose(self.curve(time).reshape(4, 2), self.canvas)


def pose(corners: Array, canvas: Size) -> Pose:
    """The pose with corners [4, 2] in canvas pixels.

    Raises:
        UserError: the corners fold the picture, make it too small, or are all outside the canvas.
    """
    if np.ptp(corners, axis=0).min() < MIN_SIZE - NEARLY:
        width, height = np.ptp(corners, axis=0)
        raise UserError(f"the picture is {width:.3g}x{height:.3g} px; each side must have at least {MIN_SIZE} px")
    whole = corners.round()
    corners = np.where(np.abs(corners - whole) < NEARLY, whole, corners)
    (left, right), (top, bottom) = (_span(corners[:, axis], canvas[axis]) for axis in (0, 1))
    size = (right - left, bottom - top)
    placed = corners - (left, top)
    width, height = size
    if np.array_equal(placed, [(0, 0), (width, 0), (width, height), (0, height)]):
        return Pose(Transform.resize(size), (left, top))
    return Pose(Transform.from_corners(placed, size), (left, top))


def _span(places: Array, side: int) -> tuple[int, int]:
    """The range of canvas pixels that covers `places`, clipped to the canvas, at least `MIN_SIZE` long.

    It begins at a multiple of `GRID`. A network's coarser resolutions begin at the box's corner: in a box that begins a
    pixel further left, the same content comes out otherwise.
    """
    if places.max() <= 0 or places.min() >= side:
        raise UserError("the picture is outside the canvas; keep a part of it inside")
    first = min(max(math.floor(places.min()), 0) // GRID * GRID, (side - MIN_SIZE) // GRID * GRID)
    return first, max(min(math.ceil(places.max()), side), first + MIN_SIZE)
