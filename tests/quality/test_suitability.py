"""A picture of one dominant object is warned about, textures and rows of things are not."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from ingan_fast.pictures import Pixels, load_image
from ingan_fast.quality.suitability import LIKELY_TO_FAIL, unlike_the_rest, warning

ROOT = Path(__file__).parents[2]


def one_object() -> Pixels:
    """A cup from above on a table with a shadow, uint8 [160, 240, 3]."""
    y, x = np.mgrid[0:160, 0:240].astype(float)
    rgb = np.stack([150 + x / 4, 110 + x / 8, 70 + y / 8], axis=-1)
    for radius, colour in ((70, (230, 230, 240)), (48, (250, 250, 255)), (38, (60, 30, 15))):
        inside = (x - 130) ** 2 + (y - 80) ** 2 < radius**2
        rgb[inside] = np.asarray(colour) * (0.6 + 0.4 * x[inside] / 240)[:, None]
    return rgb.astype(np.uint8)


def noise() -> Pixels:
    return np.random.default_rng(0).integers(0, 256, (128, 160, 3), dtype=np.uint8)


def test_one_dominant_object_is_warned_about() -> None:
    assert "only once" in (warning(one_object()) or "")


@pytest.mark.parametrize("name", ["ingan_fast/pictures/assets/market.png", "benchmarks/pictures/facade.png"])
def test_rows_of_things_are_not_warned_about(name: str) -> None:
    picture = load_image(ROOT / name)
    assert unlike_the_rest(picture) < LIKELY_TO_FAIL / 2
    assert warning(picture) is None


def grain() -> Pixels:
    """Noise whose neighbouring pixels are alike, as in a fine texture."""
    fine = noise().astype(float)
    smooth = (fine + np.roll(fine, 1, 0) + np.roll(fine, 1, 1) + np.roll(fine, (1, 1), (0, 1))) / 4
    return smooth.astype(np.uint8)


def print_(ink: int, paper: int) -> Pixels:
    """Six lines of words, uint8 [130, 260, 3]."""
    page = Image.new("RGB", (260, 130), (paper,) * 3)
    for line in range(6):
        ImageDraw.Draw(page).text((8, 6 + 20 * line), "Some words that are set in lines of print", (ink,) * 3)
    return np.asarray(page)


def dots() -> Pixels:
    """Rows of small discs on white."""
    y, x = np.mgrid[0:120, 0:200]
    inside = (x % 20 - 10) ** 2 + (y % 30 - 15) ** 2 < 36
    return np.where(inside, 40, 255).astype(np.uint8)[..., None].repeat(3, axis=2)


def test_a_texture_is_not_warned_about() -> None:
    assert warning(grain()) is None


def test_noise_is_said_to_be_noise() -> None:
    assert "noise" in (warning(noise()) or "")
    assert "noise" in (warning(np.repeat(noise()[..., :1], 3, axis=2)) or "")


@pytest.mark.parametrize(("ink", "paper"), [(0, 255), (230, 20), (60, 200)])
def test_print_is_said_to_be_text(ink: int, paper: int) -> None:
    assert "text" in (warning(print_(ink, paper)) or "")


def test_rows_of_small_things_on_white_are_no_text() -> None:
    assert warning(dots()) is None


@pytest.mark.parametrize("shape", [(32, 32), (32, 2000), (700, 33)])
def test_pictures_of_any_shape_are_looked_at(shape: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert 0 < unlike_the_rest(picture) < np.inf
    assert unlike_the_rest(picture) == unlike_the_rest(picture)


@pytest.mark.parametrize("level", [1, 7, 200, 254])
@pytest.mark.parametrize("odd", [0, 1, 40], ids=["flat", "one pixel off", "some pixels off"])
def test_a_flat_picture_recurs_everywhere(level: int, odd: int) -> None:
    picture = np.full((40, 50, 3), level, np.uint8)
    picture.reshape(-1, 3)[np.random.default_rng(0).choice(2000, odd, replace=False)] += 1
    assert unlike_the_rest(picture) < LIKELY_TO_FAIL / 10
    assert "flat colour" in (warning(picture) or "")
