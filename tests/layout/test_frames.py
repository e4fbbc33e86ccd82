"""One picture under one transform after another."""

import numpy as np

from ingan_fast.geometry import Transform
from ingan_fast.layout import Frames
from layout_scenes import grain


def test_frames_have_the_sizes_of_their_transforms() -> None:
    frames = Frames(grain(60, 80))
    assert frames.source_size == (80, 60)
    for transform in (
        Transform.resize((100, 60)),
        Transform.resize((96, 70)),
        Transform.from_corners([[5, 0], [90, 10], [100, 60], [0, 70]], (100, 70)),
    ):
        assert frames.draw(transform).shape == (transform.size[1], transform.size[0], 3)


def test_a_frame_of_the_pictures_own_size_is_the_picture() -> None:
    picture = grain(60, 80)
    frames = Frames(picture)
    frames.draw(Transform.resize((100, 60)))
    np.testing.assert_array_equal(frames.draw(Transform.resize((80, 60))), picture)
