"""A frame shows the pose of its time, not of its number."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from ingan_fast.geometry import Transform
from ingan_fast.pictures import Pixels
from ingan_fast.video.frames import Frame
from ingan_fast.video.poses import Animation, Pose
from ingan_fast.video.rendering import Renderer

CANVAS = (40, 24)
# The pose of each tenth of a second is wider than the one before.
GROWING = Animation(CANVAS, Fraction(10), [Pose(Transform.resize((16 + index, 24)), (0, 0)) for index in range(20)])


class Widths:
    """An engine that keeps the widths that it is asked for."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, frame: Pixels | None, *, transform: Transform, out: Pixels | None = None) -> Any:
        assert out is not None
        self.asked.append(transform.size[0] - 16)
        out[:] = 0
        return out


@pytest.mark.parametrize(
    ("base", "times", "poses"),
    [
        (Fraction(1, 10), [0, 1, 2, 3], [0, 1, 2, 3]),
        (Fraction(1, 1000), [0, 100, 200, 1500, 1600], [0, 1, 2, 15, 16]),  # of variable rate
        (Fraction(1, 600), [0, 30, 60, 90], [0, 0, 1, 2]),  # twice as many frames as poses
        (Fraction(1, 10), [19, 20, 500], [19, 19, 19]),  # the last pose stays
    ],
)
def test_the_pose_follows_the_time(base: Fraction, times: list[int], poses: list[int]) -> None:
    engine = Widths()
    renderer = Renderer(engine, GROWING, base, (0, 0, 0))
    for number, time in enumerate(times, start=1):
        renderer(Frame(number, None, time, 1), np.empty(renderer.shape, np.uint8))
    assert engine.asked == poses


def test_a_picture_of_the_canvas_size_that_is_moved_lies_on_the_background() -> None:
    size = (64, 48)
    animation = Animation(size, Fraction(1), [Pose(Transform.resize(size), (10, 0))])
    out = np.empty((48, 64, 3), np.uint8)

    def white(frame: object, *, transform: Transform, out: np.ndarray) -> np.ndarray:
        out[:] = 255
        return out

    Renderer(white, animation, Fraction(1), (0, 0, 0))(Frame(1, np.zeros((48, 64, 3), np.uint8), 0, 1), out)
    assert (out[:, :10] == 0).all()
    assert (out[:, 10:] == 255).all()
