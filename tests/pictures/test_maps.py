"""Maps keep their type, their channels and their names."""

import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from ingan_fast.pictures.maps import load_map, save_map
from picture_files import refusal_of


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.uint32, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 7])
def test_a_tiff_of_any_values_comes_back(tmp_path: Path, dtype: type, channels: int) -> None:
    values = (np.random.default_rng(0).random((20, 31, channels)) * 200).astype(dtype)
    if np.issubdtype(dtype, np.floating):
        values[3, 4] = -1234.5
    stored = values[..., 0] if channels == 1 else values
    options = {} if channels == 1 else {"photometric": "rgb" if channels in (3, 4) else "minisblack"}
    planar = {} if channels == 1 else {"planarconfig": "contig"}
    tifffile.imwrite(tmp_path / "a.tif", stored, **options, **planar)
    read = load_map(tmp_path / "a.tif")
    assert read.size == (31, 20)
    save_map(read, tmp_path / "b.tif")
    for name in "ab":
        layer = load_map(tmp_path / f"{name}.tif").layers[""]
        assert layer.dtype == dtype
        np.testing.assert_array_equal(layer, values)


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.bmp"])
def test_pictures_are_maps_too_also_invisible_ones(tmp_path: Path, name: str) -> None:
    values = np.random.default_rng(0).integers(0, 256, (20, 31, 3), dtype=np.uint8)
    Image.fromarray(values).save(tmp_path / name, lossless=True)
    save_map(load_map(tmp_path / name), tmp_path / f"b_{name}")
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / f"b_{name}")), values)
    Image.new("LA", (20, 20), (7, 0)).save(tmp_path / "hidden.png")
    assert load_map(tmp_path / "hidden.png").layers[""].shape == (20, 20, 2)


def test_openexr_keeps_channels_and_types(tmp_path: Path) -> None:
    library = pytest.importorskip("OpenEXR")
    random = np.random.default_rng(0)
    channels = {
        "normal.x": random.normal(size=(20, 31)).astype(np.float32),
        "normal.y": random.normal(size=(20, 31)).astype(np.float16),
        "id": random.integers(0, 2**31, (20, 31)).astype(np.uint32),
    }
    header = {"type": library.scanlineimage, "compression": library.ZIP_COMPRESSION, "comments": "kept"}
    library.File(header, dict(channels)).write(str(tmp_path / "a.exr"))
    save_map(load_map(tmp_path / "a.exr").changed(lambda layer: np.repeat(layer, 2, axis=1)), tmp_path / "b.exr")
    with library.File(str(tmp_path / "b.exr"), separate_channels=True) as file:
        assert file.header()["comments"] == "kept"
        assert set(file.channels()) == set(channels)
        for name, values in channels.items():
            written = file.channels()[name].pixels
            assert written.dtype == values.dtype
            np.testing.assert_array_equal(written, np.repeat(values, 2, axis=1))


def test_openexr_without_its_package_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "OpenEXR", None)
    (tmp_path / "a.exr").write_bytes(b"\x76\x2f\x31\x01")
    refusal_of(lambda: load_map(tmp_path / "a.exr"), "a.exr", "ingan-fast[formats]")


def test_damaged_maps_are_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.ones((40, 40), np.float32))
    content = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(content[:-2000])
    refusal_of(lambda: load_map(tmp_path / "a.tif"), "a.tif", "damaged")
    refusal_of(lambda: load_map(tmp_path / "b.tif"), "b.tif", "doesn't exist")
