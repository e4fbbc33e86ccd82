"""Things that stand on a ground are found, and stay whole."""

import numpy as np
import pytest
from numpy.typing import NDArray

from ingan_fast.layout import Layouts, things
from ingan_fast.layout.axis import Axis
from ingan_fast.layout.seam_costs import SeamCosts
from ingan_fast.layout.solver import cheapest_seams

RADIUS = 11
CENTRES = ((24, 30), (22, 85), (26, 140), (70, 22), (74, 62), (68, 112), (73, 158))
SIZE = (96, 180)


def balls(centres: tuple[tuple[int, int], ...] = CENTRES) -> NDArray[np.uint8]:
    """Balls of one colour, each alike, on a ground that gets lighter."""
    y, x = np.indices(SIZE)
    picture = (40 + x / 4 + y / 4)[..., None] + np.random.default_rng(0).uniform(0, 4, (*SIZE, 1)) + np.zeros(3)
    for row, column in centres:
        picture[(y - row) ** 2 + (x - column) ** 2 <= RADIUS**2] = (200, 90, 60)
    return picture.astype(np.uint8)


def of_balls(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.asarray(picture[..., 0] > 150)


def found(picture: NDArray[np.uint8]) -> things.Things | None:
    return things.find((picture / 255).astype(np.float32))


def parts(mask: NDArray[np.bool_]) -> list[tuple[int, int, int]]:
    """The area, height and width of each connected part of a mask."""
    labels, sizes = things.components(mask[:, 1:] & mask[:, :-1], mask[1:] & mask[:-1])
    boxes = []
    for root in np.unique(labels[mask]):
        rows, columns = np.nonzero(labels == root)
        boxes.append((int(sizes[root]), int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1))
    return boxes


def test_connected_parts_are_told_apart() -> None:
    snake = np.zeros((9, 9), bool)
    snake[::2] = True
    snake[1::4, -1] = snake[3::4, 0] = True  # one winding path
    assert parts(snake) == [(int(snake.sum()), 9, 9)]
    snake[4, 4] = False
    assert sorted(parts(snake)) == sorted([(9 + 1 + 9 + 1 + 4, 5, 9), (4 + 1 + 9 + 1 + 9, 5, 9)])
    assert parts(np.eye(4, dtype=bool)) == [(1, 1, 1)] * 4  # corners do not connect


def test_things_are_found_as_they_are() -> None:
    picture = balls()
    of_picture = found(picture)
    assert of_picture is not None
    assert of_picture.labels.max() == len(CENTRES)
    for row, column in CENTRES:
        number = of_picture.labels[row, column]
        rows, columns = np.nonzero(of_picture.labels == number)
        assert (rows.min(), columns.min()) == pytest.approx((row - RADIUS, column - RADIUS), abs=2)
        assert (rows.max(), columns.max()) == pytest.approx((row + RADIUS, column + RADIUS), abs=2)
    assert not (of_picture.ground & of_balls(picture)).any()
    assert (of_picture.ground | (of_picture.labels > 0)).all()
    assert of_picture.are_all
    picture[:, -60:] = np.random.default_rng(0).integers(0, 255, (SIZE[0], 60, 3))
    beside_much_else = found(picture)
    assert beside_much_else is not None
    assert not beside_much_else.are_all


def test_few_things_textures_words_and_scenes_have_none() -> None:
    assert found(balls(CENTRES[:3])) is None
    noise = np.random.default_rng(0).integers(0, 255, (*SIZE, 3)).astype(np.uint8)
    assert found(noise) is None
    words = np.full((*SIZE, 3), 240, np.uint8)
    words[10:90:10, 10:80] = words[11:91:10, 10:80] = words[10:90:10, 100:160] = 10
    assert found(words) is None
    large = np.kron(balls(), np.ones((2, 2, 1), np.uint8))
    assert found(large) is not None
    large[3::6, 3::6] = 255  # many more parts that are too small
    assert found(large) is None


def test_a_seam_may_lead_to_the_same_place_of_another_thing_only() -> None:
    of_picture = found(balls(((40, 40), (40, 100), (80, 20), (80, 60), (20, 150))))
    assert of_picture is not None
    costs = SeamCosts(of_picture.places(3))
    here, row = 40, 40
    same, ground, wider = (float(costs.at(jump)[row, here]) for jump in (60, 30, 7))
    assert same < 0.01 * min(ground, wider)
    assert wider > 0.05 * ground  # the thing would lose 7 of 23 px


def test_a_mask_gets_things_whole_or_not_at_all() -> None:
    of_picture = found(balls())
    assert of_picture is not None
    first, second = (of_picture.labels == of_picture.labels[centre] for centre in CENTRES[:2])
    mask = np.zeros(SIZE, bool)
    mask[: CENTRES[0][0], :60] = True  # the upper half of one and ground
    mask[: CENTRES[1][0] - 6, 60:] = True  # a small part of the others of this row
    assert 0.1 < mask[second].mean() < 0.3
    np.testing.assert_array_equal(of_picture.whole(mask), first)


def test_a_crop_through_things_costs() -> None:
    cropped = Axis((balls() / 255).astype(np.float32), cropped=True).ends
    through, beside = CENTRES[4][1], CENTRES[4][1] - RADIUS - 4
    assert cropped.begin[through] > cropped.begin[beside] + 0.3
    assert cropped.end[through] > cropped.end[beside] + 0.3
    assert cropped.begin[0] == cropped.end[-1] == 0


@pytest.mark.parametrize("scale", [(1.5, 1), (0.6, 1)])
def test_things_stay_whole(scale: tuple[float, float], monkeypatch: pytest.MonkeyPatch) -> None:
    picture = balls()
    size = round(SIZE[1] * scale[0]), round(SIZE[0] * scale[1])
    ((area, height, width), *_) = parts(of_balls(picture))

    def broken() -> int:
        """How many parts are not of a ball's size."""
        boxes = parts(of_balls(Layouts(picture).retarget(size)))
        assert len(boxes) >= 3
        return sum(
            abs(each[0] - area) > 0.1 * area or abs(each[1] - height) > 2 or abs(each[2] - width) > 2 for each in boxes
        )

    assert broken() == 0
    monkeypatch.setattr("ingan_fast.layout.axis.find", lambda picture: None)
    assert broken() > 0


def test_repeats_on_a_shaded_ground_are_short() -> None:
    y, x = np.indices((120, 240))
    picture = np.repeat((40 + x / 3)[..., None], 3, axis=2) + np.random.default_rng(0).uniform(0, 6, (120, 240, 1))
    for row in (30, 90):
        for column in range(20, 240, 40):
            picture[(y - row) ** 2 + (x - column) ** 2 <= 144] = (200 + column / 10, 190, 210)
    assert cheapest_seams(Axis((picture / 255).astype(np.float32)), 360).lengths.tolist() == [-40, -40, -40]
