"""The maps show the places that are bad, and are written whole or not at all."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ingan_fast.errors import UserError
from ingan_fast.pictures import MARKET, Pixels, load_image
from ingan_fast.quality.local_stretch import local_stretch
from ingan_fast.quality.maps import coherence_map, draw_coherence, draw_stretch
from ingan_fast.quality.resampling import plain_resize


@pytest.fixture(scope="module")
def source() -> Pixels:
    return np.ascontiguousarray(load_image(MARKET)[100:196, 80:192])


def test_the_coherence_map_is_high_where_the_output_is_unlike_the_source(source: Pixels) -> None:
    output = source.copy()
    output[30:60, 50:90] = np.random.default_rng(0).integers(0, 256, (30, 40, 3))
    values = coherence_map(output, source)
    assert values.shape == (96, 112)
    assert values[35:55, 55:85].min() > 0.02
    assert values[:, :30].max() < 1e-5


def test_the_coherence_map_is_empty_outside_the_mask(source: Pixels) -> None:
    mask = np.zeros((96, 112), np.float32)
    mask[:, 40:] = 1
    values = coherence_map(source, source, mask)
    assert np.isnan(values[:, :40]).all()
    assert np.nanmax(values[:, 40:]) < 1e-4
    assert not np.isnan(values[:, 44:]).any()


def test_the_stretch_of_each_half_is_told(source: Pixels) -> None:
    own_size, stretched = source[:, :84], plain_resize(source[:, 70:], (84, 96))  # 168 = 1.5 x 112; 42 px made 84
    stretch = local_stretch(np.concatenate([own_size, stretched], axis=1), source)
    half = stretch.across < 84
    assert np.nanmean(stretch.exponents[:, half]) == pytest.approx(0, abs=0.25)
    assert np.nanmean(stretch.exponents[:, ~half]) > 0.5
    turned = local_stretch(
        np.concatenate([own_size, stretched], axis=1).transpose(1, 0, 2), source.transpose(1, 0, 2), "height"
    )
    np.testing.assert_array_equal(turned.exponents, stretch.exponents.T)
    np.testing.assert_array_equal(turned.down, stretch.across)


def test_the_maps_are_pictures_with_room_for_a_legend(source: Pixels, tmp_path: Path) -> None:
    wide = plain_resize(source, (168, 96))
    draw_stretch(wide, source, tmp_path / "stretch.png")
    draw_coherence(wide, source, tmp_path / "coherence.png")
    for name in ("stretch", "coherence"):
        with Image.open(tmp_path / f"{name}.png") as image:
            assert image.width > 900
            assert image.height > 400
            assert np.asarray(image.convert("HSV"))[..., 1].max() > 100  # there are colours


def test_where_nothing_can_be_drawn_no_file_is_left(source: Pixels, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="one axis at a time"):
        draw_stretch(source, source, tmp_path / "stretch.png")
    with pytest.raises(UserError, match="leaves no 7x7 patch"):
        draw_coherence(source, source, tmp_path / "coherence.png", np.zeros((96, 112), np.float32))
    assert not list(tmp_path.iterdir())
