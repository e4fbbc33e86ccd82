"""What is found to be single in a picture."""

import numpy as np
import pytest
from numpy.typing import NDArray

from ingan_fast.layout import single_objects as module
from ingan_fast.layout.single_objects import single_objects
from ingan_fast.layout.surrounded import surrounded

SIZE = (40, 60)


def disc(centre: tuple[int, int], radius: float) -> NDArray[np.bool_]:
    y, x = np.indices(SIZE)
    return np.asarray((y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= radius**2)


def discs(*centres: tuple[int, int], radius: float = 9) -> NDArray[np.float32]:
    """Discs of one colour on grain of another one."""
    picture = np.array([0.1, 0.3, 0.25]) + np.random.default_rng(0).uniform(0, 0.05, (*SIZE, 3))
    for centre in centres:
        picture[disc(centre, radius)] += np.array([0.7, 0.3, 0.1])
    return picture.astype(np.float32)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_one_thing_that_stands_apart_is_found_whole(channels: int) -> None:
    found = surrounded(discs((20, 30))[..., :channels])
    np.testing.assert_array_equal(found, disc((20, 30), 9))


def test_things_of_a_kind_and_things_at_the_border_do_not_stand_alone() -> None:
    assert not surrounded(discs((12, 15), (12, 45), (28, 30), radius=6)).any()
    assert not surrounded(discs((20, 0))).any()
    assert not surrounded(discs((20, 30), radius=2)).any()  # too small
    assert not surrounded(np.full((*SIZE, 3), 0.5, np.float32)).any()


def test_a_thing_that_stands_alone_is_single_in_a_large_picture() -> None:
    large = (np.kron(discs((20, 30)), np.ones((6, 6, 1))) * 255).astype(np.uint8)
    whole = np.kron(disc((20, 30), 8), np.ones((6, 6), bool))
    assert single_objects(large)[whole].all()


def test_where_most_parts_are_unlike_others_nothing_is_single(monkeypatch: pytest.MonkeyPatch) -> None:
    spots = np.random.default_rng(1).uniform(60, 200, (13, 20, 3))
    texture = np.kron(spots, np.ones((12, 12, 1))).astype(np.uint8)
    assert not single_objects(texture).any()
    monkeypatch.setattr(module, "TEXTURE", np.inf)
    assert single_objects(texture).mean() > 0.5
