"""What is found to be single in a picture, and how much parts of it stand apart."""

import numpy as np
import pytest
from numpy.typing import NDArray

from ingan_fast.layout.saliency import Saliency
from ingan_fast.layout.single_objects import STANDING, WHOLE, single_objects
from ingan_fast.layout.superpixels import superpixels
from layout_scenes import grain

SIZE = (120, 160)
GROUND, OBJECT, LIKE_OBJECT = (30, 80, 60), (220, 150, 60), (190, 120, 50)


def disc(centre: tuple[int, int], radius: float) -> NDArray[np.bool_]:
    y, x = np.indices(SIZE)
    return np.asarray((y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= radius**2)


def painted(*masks: NDArray[np.bool_], colours: tuple[tuple[int, int, int], ...] = (OBJECT,) * 9) -> NDArray[np.uint8]:
    """Masks of a colour on grain of another one."""
    picture = np.array(GROUND) + np.random.default_rng(0).uniform(0, 14, (*SIZE, 3))
    for mask, colour in zip(masks, colours, strict=False):
        picture[mask] = colour
    return picture.astype(np.uint8)


def assert_found(picture: NDArray, mask: NDArray[np.bool_]) -> None:
    found = single_objects(picture) > 0
    assert found[mask].all()
    assert found.sum() < 1.6 * mask.sum()  # and a little around it


def with_opacity(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """One colour for all, opaque where the mask is."""
    colour = np.full((*SIZE, 3), 128, np.uint8)
    return np.dstack([colour, np.where(mask, 255, 0).astype(np.uint8)])


@pytest.mark.parametrize("of", ["colours", "grey", "16 bits", "opacity", "large"])
def test_the_one_thing_that_stands_apart_is_found_whole(of: str) -> None:
    mask = disc((60, 80), 28)
    picture: NDArray = painted(mask)
    if of == "grey":
        picture = picture[..., :1]
    elif of == "16 bits":
        picture = picture.astype(np.uint16) * 257
    elif of == "opacity":
        picture = with_opacity(mask)
    elif of == "large":
        picture, mask = (
            np.kron(each, np.ones((5, 5) + (1,) * (each.ndim - 2), each.dtype)) for each in (picture, mask)
        )
    assert_found(picture, mask)


def test_thin_and_less_salient_parts_belong_to_the_object() -> None:
    spire, cap = np.zeros(SIZE, bool), disc((52, 80), 10)
    spire[22:50, 78:82] = True
    body = disc((70, 80), 26)
    assert_found(painted(body, spire, cap, colours=(OBJECT, LIKE_OBJECT, LIKE_OBJECT)), body | spire | cap)


def test_what_reaches_the_lower_border_below_an_object_belongs_to_it_and_a_ground_does_not() -> None:
    head, body, ground = disc((40, 80), 22), np.zeros(SIZE, bool), np.zeros(SIZE, bool)
    body[60:, 50:110] = ground[100:] = True
    other, earth = (40, 60, 160), (90, 70, 60)
    picture = painted(ground, body, head, colours=(earth, other, OBJECT))
    assert_found(picture, head | body)
    assert (single_objects(picture)[head] == WHOLE).all()
    assert (single_objects(picture)[-5:, 55:105] == STANDING).all()
    assert not single_objects(painted(ground, head, colours=(earth, OBJECT)))[105:].any()


def test_a_small_thing_in_a_cloudy_sky_is_found() -> None:
    y, x = np.indices(SIZE)
    cloud = np.exp(-(y**2 / 900 + (x - 20) ** 2 / 1600))[..., None]
    picture = np.array([40, 90, 170]) + cloud * np.array([160, 130, 70]) + 0.1 * y[..., None]
    assert not single_objects(picture.astype(np.uint8)).any()
    balloon = disc((50, 120), 4)
    picture[balloon] = OBJECT
    found = single_objects(picture.astype(np.uint8)) > 0
    assert found[balloon].all()
    assert not found[:, :90].any()


def test_holes_belong_to_the_object() -> None:
    ring, inside = disc((60, 80), 34), disc((60, 80), 16)
    assert single_objects(painted(ring & ~inside))[inside].all()


def test_things_of_a_kind_textures_and_flat_pictures_have_no_single_objects() -> None:
    kind = [disc(centre, 13) for centre in ((30, 30), (30, 80), (30, 130), (90, 55), (90, 105))]
    assert not single_objects(painted(*kind)).any()
    assert not single_objects(painted(disc((60, 80), 1))).any()  # too small
    assert not single_objects(grain(*SIZE)).any()
    assert not single_objects(np.full((*SIZE, 3), 90, np.uint8)).any()
    assert not single_objects(np.zeros((17, 17, 3), np.uint8)).any()


def test_what_reaches_far_along_the_border_is_background() -> None:
    sky = np.zeros(SIZE, bool)
    sky[:50] = True
    assert not single_objects(painted(sky)).any()
    picture = painted(sky, disc((85, 80), 20), colours=(LIKE_OBJECT, OBJECT)).astype(np.float32) / 255
    salient, background = Saliency(picture).maps()
    assert background[:40].min() > 0.8 > 0.2 > background[85, 80]
    assert salient[:40].max() < 0.4 < 0.9 < salient[85, 80]


def test_superpixels_have_one_colour_and_about_one_size() -> None:
    mask = disc((60, 80), 28)
    colours = np.where(mask[..., None], np.float32(80), np.float32(20)) * np.ones(3, np.float32)
    labels = superpixels(colours, 100)
    sizes = np.bincount(labels.ravel())
    assert 80 <= len(sizes) <= 120
    assert sizes.min() >= 1
    shares = np.bincount(labels.ravel(), mask.ravel()) / sizes
    assert ((shares == 0) | (shares == 1)).all()
    assert np.median(sizes) == pytest.approx(mask.size / len(sizes), rel=0.3)
