"""Colour profiles: applied where sRGB is wanted, carried along otherwise; sRGB is never touched."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from ingan_fast.pictures import Pixels, load_image, load_photo
from picture_files import P3, profile

SRGB = ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))  # red, green, blue, in D50


def encoded(linear: np.ndarray) -> np.ndarray:
    """sRGB's curve, 0 to 255."""
    linear = linear.clip(0, 1)
    return 255 * np.where(linear < 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def in_srgb(pixels: Pixels) -> np.ndarray:
    """What the test's RGB profile means by these values."""
    return encoded((pixels / 255) ** 2.2 @ np.array(P3) @ np.linalg.inv(SRGB))


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
def test_a_wide_gamut_picture_becomes_srgb(tmp_path: Path, picture: Pixels, suffix: str) -> None:
    options = {"lossless": True} if suffix == ".webp" else {}
    Image.fromarray(picture).save(tmp_path / f"a{suffix}", icc_profile=profile(), **options)
    loaded = load_image(tmp_path / f"a{suffix}")
    assert np.abs(loaded - in_srgb(picture)).max() <= 2
    assert np.abs(loaded.astype(int) - picture).max() > 10


def test_transparency_is_not_taken_for_a_colour(tmp_path: Path, picture: Pixels) -> None:
    opacity = np.full((40, 56, 1), 255, np.uint8)
    opacity[:20] = 0
    Image.fromarray(np.dstack([picture, opacity])).save(tmp_path / "a.png", icc_profile=profile())
    loaded = load_image(tmp_path / "a.png")
    assert (loaded[:20] == 255).all()
    assert np.abs(loaded[20:] - in_srgb(picture[20:])).max() <= 2


@pytest.mark.parametrize("kind", ["GRAY", "RGB "])
def test_a_grey_picture_is_converted_and_stays_grey(tmp_path: Path, kind: str) -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None], 40, axis=0)
    Image.fromarray(ramp).save(tmp_path / "a.png", icc_profile=profile(kind, gamma=1.8))
    loaded = load_image(tmp_path / "a.png")
    assert (np.ptp(loaded, axis=2) == 0).all()
    assert np.abs(loaded[..., 0] - encoded((ramp / 255) ** 1.8)).max() <= 2


def test_a_palette_s_colours_are_converted(tmp_path: Path) -> None:
    image = Image.new("P", (40, 40), 0)
    image.putpalette([37, 163, 63])
    image.save(tmp_path / "a.png", icc_profile=profile())
    expected = in_srgb(np.array([[[37, 163, 63]]], np.uint8))
    assert np.abs(load_image(tmp_path / "a.png")[0, 0] - expected).max() <= 2


def test_16_bits_are_converted(tmp_path: Path) -> None:
    values = np.linspace(0, 65535, 50 * 40).reshape(40, 50).astype(np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png", icc_profile=profile("GRAY", gamma=1.8))
    assert np.abs(load_image(tmp_path / "a.png")[..., 0] - encoded((values / 65535) ** 1.8)).max() <= 2


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
def test_srgb_keeps_every_value(tmp_path: Path, picture: Pixels, suffix: str) -> None:
    options = {"lossless": True} if suffix == ".webp" else {}
    standard = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(picture).save(tmp_path / f"a{suffix}", icc_profile=standard, **options)
    np.testing.assert_array_equal(load_image(tmp_path / f"a{suffix}"), picture)


@pytest.mark.parametrize("broken", [b"", b"no profile", profile()[:200], profile().replace(b"RGB ", b"CMYK")])
def test_a_profile_that_is_none_is_left_out(tmp_path: Path, picture: Pixels, broken: bytes) -> None:
    Image.fromarray(picture).save(tmp_path / "a.png", icc_profile=broken)
    np.testing.assert_array_equal(load_image(tmp_path / "a.png"), picture)


def test_a_photo_keeps_its_values_and_its_profile(tmp_path: Path, picture: Pixels) -> None:
    Image.fromarray(picture).save(tmp_path / "a.png", icc_profile=profile())
    photo = load_photo(tmp_path / "a.png")
    np.testing.assert_array_equal(photo.pixels, picture)
    assert photo.metadata.icc_profile == profile()


def test_cmyk_and_lab_become_srgb(tmp_path: Path) -> None:
    Image.new("CMYK", (40, 40), (0, 255, 255, 0)).save(tmp_path / "a.tif", icc_profile=profile())  # of another kind
    photo = load_photo(tmp_path / "a.tif")
    assert photo.pixels[0, 0].tolist() == [255, 0, 0]
    assert photo.metadata.icc_profile is None
    Image.new("LAB", (40, 40), (128, 128, 128)).save(tmp_path / "b.tif")  # a grey of half the lightness
    assert np.ptp(load_photo(tmp_path / "b.tif").pixels[0, 0]) <= 1
    assert load_photo(tmp_path / "b.tif").pixels[0, 0, 0] == pytest.approx(119, abs=2)
