"""16 bits a channel go in and out, with transparency, in PNG and TIFF."""

import io
import zlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import tifffile
from PIL import Image

from ingan_fast.pictures import Metadata, Photo, load_image, load_photo, save_photo
from picture_files import profile, refusal_of


def values(channels: int, height: int = 40, width: int = 57) -> np.ndarray:
    return np.random.default_rng(channels).integers(0, 65536, (height, width, channels), dtype=np.uint16)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_every_value_comes_back(tmp_path: Path, suffix: str, channels: int) -> None:
    metadata = Metadata(icc_profile=profile("RGB " if channels > 2 else "GRAY"), dpi=(300, 300))
    save_photo(Photo(values(channels), metadata), tmp_path / f"a{suffix}")
    photo = load_photo(tmp_path / f"a{suffix}")
    assert photo.pixels.dtype == np.uint16
    np.testing.assert_array_equal(photo.pixels, values(channels))
    assert photo.metadata.icc_profile == metadata.icc_profile
    assert photo.metadata.dpi == pytest.approx((300, 300), abs=0.01)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_other_programs_read_what_is_written(tmp_path: Path, channels: int) -> None:
    save_photo(Photo(values(channels)), tmp_path / "a.png")
    save_photo(Photo(values(channels)), tmp_path / "a.tif")
    for name in ("a.png", "a.tif"):
        shallow = np.asarray(Image.open(tmp_path / name)).reshape(40, 57, channels)
        if channels > 1:  # Pillow has 8 bits of colours, the higher ones
            np.testing.assert_array_equal(shallow, values(channels) >> 8)
        else:
            np.testing.assert_array_equal(shallow, values(channels))


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".bmp"])
def test_other_formats_get_8_bits(tmp_path: Path, suffix: str) -> None:
    smooth = np.linspace(0, 65535, 40 * 60 * 3).reshape(40, 60, 3).astype(np.uint16)
    save_photo(Photo(smooth), tmp_path / f"a{suffix}")
    assert np.abs(load_image(tmp_path / f"a{suffix}") - smooth / 257).max() < 9


@pytest.mark.parametrize("channels", [1, 3])
def test_white_is_zero_means_what_it_says(tmp_path: Path, channels: int) -> None:
    grey = values(1)[..., 0]
    tifffile.imwrite(tmp_path / "a.tif", 65535 - grey, photometric="miniswhite")
    np.testing.assert_array_equal(load_photo(tmp_path / "a.tif").pixels[..., 0], grey)
    tifffile.imwrite(tmp_path / "b.tif", (65535 - grey).astype(">u2"), photometric="miniswhite", byteorder=">")
    np.testing.assert_array_equal(load_photo(tmp_path / "b.tif").pixels[..., 0], grey)


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"planarconfig": "separate"}, {"tile": (16, 32)}])
def test_tiffs_of_every_layout_are_read(tmp_path: Path, options: dict) -> None:
    pixels = values(3)
    stored = pixels.transpose(2, 0, 1) if "planarconfig" in options else pixels
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", **options)
    np.testing.assert_array_equal(load_photo(tmp_path / "a.tif").pixels, pixels)


@pytest.mark.parametrize(("channels", "format_"), [(3, "rgb48le"), (4, "rgba64le")])
def test_a_compression_that_tifffile_leaves_to_a_package_is_read_without_it(
    tmp_path: Path, channels: int, format_: str
) -> None:
    (tmp_path / "a.tif").write_bytes(by_ffmpeg("tiff", format_, values(channels), {"compression_algo": "lzw"}))
    np.testing.assert_array_equal(load_photo(tmp_path / "a.tif").pixels, values(channels))


@pytest.mark.parametrize(("channels", "format_"), [(1, "gray16be"), (3, "rgb48be"), (4, "rgba64be")])
@pytest.mark.parametrize("predictor", ["none", "sub", "up", "avg", "paeth", "mixed"])
def test_what_another_program_writes_is_read(tmp_path: Path, channels: int, format_: str, predictor: str) -> None:
    smooth = np.sort(values(channels), axis=1)
    (tmp_path / "a.png").write_bytes(by_ffmpeg("png", format_, smooth, {"pred": predictor}))
    np.testing.assert_array_equal(load_photo(tmp_path / "a.png").pixels, smooth)


@pytest.mark.parametrize(("channels", "format_"), [(1, "gray16be"), (3, "rgb48be"), (4, "rgba64be")])
def test_another_program_reads_every_value(tmp_path: Path, channels: int, format_: str) -> None:
    smooth = np.sort(values(channels), axis=0)
    save_photo(Photo(smooth), tmp_path / "a.png")
    decoder = av.CodecContext.create("png", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    frames = decoder.decode(av.Packet((tmp_path / "a.png").read_bytes())) + decoder.decode(None)
    assert frames[0].format.name == format_
    np.testing.assert_array_equal(frames[0].to_ndarray().reshape(smooth.shape), smooth)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_transparent_colour_of_16_bits_is_transparency(tmp_path: Path, channels: int) -> None:
    pixels = values(channels)
    pixels[7, 9] = pixels[3, 4] + 1  # nearly that colour
    save_photo(Photo(pixels), tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    key = b"tRNS" + pixels[3, 4].astype(">u2").tobytes()
    chunk = (len(key) - 4).to_bytes(4, "big") + key + zlib.crc32(key).to_bytes(4, "big")
    (tmp_path / "a.png").write_bytes(content[:33] + chunk + content[33:])
    read = load_photo(tmp_path / "a.png").pixels
    np.testing.assert_array_equal(read[..., :-1], pixels)
    assert (read[..., -1] == 0).sum() == 1
    assert read[3, 4, -1] == 0


def by_ffmpeg(codec: str, format_: str, pixels: np.ndarray, options: dict[str, str]) -> bytes:
    """A picture's file as FFmpeg writes it."""
    encoder = av.CodecContext.create(codec, "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.height, encoder.width, encoder.pix_fmt, encoder.time_base = *pixels.shape[:2], format_, Fraction(1)
    encoder.options = options
    frame = av.VideoFrame.from_ndarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels, format=format_)
    return b"".join(bytes(packet) for packet in encoder.encode(frame) + encoder.encode(None))


def test_premultiplied_colours_are_brought_back(tmp_path: Path) -> None:
    pixels = values(4)
    pixels[..., 3] = pixels[..., 3] // 2 + 32768
    stored = pixels.copy()
    stored[..., :3] = np.rint(pixels[..., :3] * (pixels[..., 3:] / 65535))
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", extrasamples=["assocalpha"])
    assert np.abs(load_photo(tmp_path / "a.tif").pixels.astype(int) - pixels).max() <= 1


def test_a_deep_picture_is_8_bits_for_training(tmp_path: Path) -> None:
    save_photo(Photo(values(3)), tmp_path / "a.png")
    np.testing.assert_array_equal(load_image(tmp_path / "a.png"), np.rint(values(3) / 257))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_a_deep_picture_that_is_cut_short_is_refused(
    tmp_path: Path, suffix: str, share: float, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"a{suffix}"
    save_photo(Photo(values(3)), path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    refusal_of(lambda: load_photo(path), path)
    assert capfd.readouterr() == ("", "")


def test_a_deep_png_with_a_broken_byte_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    save_photo(Photo(values(3)), path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    refusal_of(lambda: load_photo(path), path, "damaged")


def test_the_same_picture_gives_the_same_bytes(tmp_path: Path) -> None:
    for suffix in (".png", ".tif"):
        for name in "ab":
            save_photo(Photo(values(3)), tmp_path / f"{name}{suffix}")
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
    assert io.BytesIO((tmp_path / "a.png").read_bytes()).read(8) == b"\x89PNG\r\n\x1a\n"


def test_a_description_of_the_pages_of_a_tiff_does_not_go_along(tmp_path: Path) -> None:
    picture = np.arange(40 * 30 * 3, dtype=np.uint16).reshape(30, 40, 3)
    tifffile.imwrite(tmp_path / "a.tif", picture)  # described as {"shape": [30, 40, 3]}
    tifffile.imwrite(tmp_path / "b.tif", picture, description="a stone", metadata=None)
    for name, text in (("a", None), ("b", "a stone")):
        photo = load_photo(tmp_path / f"{name}.tif")
        save_photo(Photo(photo.pixels[:, :20], photo.metadata), tmp_path / f"{name}_out.tif")
        with tifffile.TiffFile(tmp_path / f"{name}_out.tif") as written:
            tag = written.pages.first.tags.get("ImageDescription")
            assert (tag and tag.value) == text
            np.testing.assert_array_equal(written.asarray(), picture[:, :20])
