"""Formats that people have, transparency, large pictures, and what a missing package's refusal says."""

import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ingan_fast.pictures import Pixels, load_image, load_photo
from picture_files import refusal_of


@pytest.mark.parametrize(
    ("suffix", "options"),
    [(".avif", {"quality": 90}), (".jp2", {"irreversible": False}), (".tga", {}), (".mpo", {"quality": 95})],
)
def test_other_formats_are_read(tmp_path: Path, suffix: str, options: dict) -> None:
    y, x = np.mgrid[:40, :60]
    smooth = np.dstack([4 * x, 6 * y, 0 * x + 90]).astype(np.uint8)
    Image.fromarray(smooth).save(tmp_path / f"a{suffix}", **options)
    assert np.abs(load_image(tmp_path / f"a{suffix}").astype(int) - smooth).mean() < 3


HEADS = {
    "HEIC": (struct.pack(">I", 24) + b"ftypheic\0\0\0\0mif1heic" + bytes(40), "pillow_heif", "pip install pillow-heif"),
    "JPEG XL": (b"\xff\x0a" + bytes(60), "pillow_jxl", "pip install pillow-jxl-plugin"),
}


@pytest.mark.parametrize("kind", HEADS)
def test_a_format_of_a_package_that_is_missing_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    content, module, words = HEADS[kind]
    monkeypatch.setitem(sys.modules, module, None)
    (tmp_path / "a.bin").write_bytes(content)
    refusal_of(lambda: load_image(tmp_path / "a.bin"), tmp_path / "a.bin", kind, words)


@pytest.mark.parametrize("suffix", [".heic", ".jxl"])
def test_formats_of_packages_are_read_where_these_are_installed(tmp_path: Path, suffix: str) -> None:
    module = pytest.importorskip({".heic": "pillow_heif", ".jxl": "pillow_jxl"}[suffix])
    if suffix == ".heic":
        module.register_heif_opener()
    y, x = np.mgrid[:40, :60]
    smooth = np.dstack([4 * x, 6 * y, 0 * x + 90]).astype(np.uint8)
    Image.fromarray(smooth).save(tmp_path / f"a{suffix}", quality=95)
    assert np.abs(load_image(tmp_path / f"a{suffix}").astype(int) - smooth).mean() < 3


def test_openexr_is_no_picture_with_a_white(tmp_path: Path) -> None:
    (tmp_path / "a.exr").write_bytes(b"\x76\x2f\x31\x01" + bytes(60))
    refusal_of(lambda: load_image(tmp_path / "a.exr"), "OpenEXR", "16-bit TIFF")


def test_transparency_is_laid_over_white_and_told(tmp_path: Path, picture: Pixels) -> None:
    told: list[str] = []
    opacity = np.zeros((40, 56), np.uint8)
    opacity[10:] = 255
    Image.fromarray(np.dstack([picture, opacity])).save(tmp_path / "a.png")
    loaded = load_image(tmp_path / "a.png", notice=told.append)
    assert (loaded[:10] == 255).all()
    np.testing.assert_array_equal(loaded[10:], picture[10:])
    assert len(told) == 1
    assert "white" in told[0]


def test_a_white_logo_is_laid_over_black(tmp_path: Path) -> None:
    told: list[str] = []
    logo = np.full((40, 56, 4), 255, np.uint8)
    logo[:, 30:, 3] = 0
    Image.fromarray(logo).save(tmp_path / "a.png")
    loaded = load_image(tmp_path / "a.png", notice=told.append)
    assert (loaded[:, :30] == 255).all()
    assert (loaded[:, 30:] == 0).all()
    assert "black" in told[0]


def test_an_opaque_picture_with_an_alpha_channel_is_no_news(tmp_path: Path, picture: Pixels) -> None:
    Image.fromarray(picture).convert("RGBA").save(tmp_path / "a.png")
    loaded = load_image(tmp_path / "a.png", notice=lambda message: pytest.fail(message))
    np.testing.assert_array_equal(loaded, picture)


@pytest.mark.parametrize("load", [load_image, load_photo])
@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_a_picture_that_is_transparent_all_over_is_refused(tmp_path: Path, load: object, mode: str) -> None:
    image = Image.new(mode, (40, 40), 0)
    options = {"transparency": 0} if mode == "P" else {}
    image.save(tmp_path / "a.png", **options)
    refusal_of(lambda: load(tmp_path / "a.png"), tmp_path / "a.png", "fully transparent")  # type: ignore[operator]
