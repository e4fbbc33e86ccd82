"""Pictures of every kind come in as uint8 RGB; what can't be used is refused in one line."""

import contextlib
import os
import struct
import threading
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFile

from ingan_fast.errors import UserError
from ingan_fast.pictures import MARKET, Pixels, fit_within, load_image
from picture_files import LOSSLESS, LOSSY, refusal_of

SIDE = 32


def flat(mode: str, colour: object) -> Image.Image:
    return Image.new(mode, (SIDE, SIDE), colour)  # type: ignore[arg-type]


def saved(image: Image.Image, path: Path, **options: Any) -> Path:
    image.save(path, **options)
    return path


# Conversions


@pytest.mark.parametrize(
    ("image", "suffix", "expected"),
    [
        (flat("RGB", (10, 20, 30)), ".png", (10, 20, 30)),
        (flat("L", 77), ".png", (77, 77, 77)),
        (flat("1", 1), ".png", (255, 255, 255)),
        (flat("1", 0), ".tif", (0, 0, 0)),
        (flat("LA", (100, 255)), ".png", (100, 100, 100)),
        (flat("RGBA", (200, 0, 0, 255)), ".png", (200, 0, 0)),
        (flat("RGBA", (0, 0, 0, 51)), ".png", (204, 204, 204)),
        (flat("CMYK", (0, 255, 255, 0)), ".tif", (255, 0, 0)),
        (flat("CMYK", (0, 0, 0, 255)), ".tif", (0, 0, 0)),
        (flat("YCbCr", (128, 128, 128)), ".tif", (128, 128, 128)),
        (flat("RGB", (10, 20, 30)), ".ppm", (10, 20, 30)),
        (flat("RGB", (10, 20, 30)), ".bmp", (10, 20, 30)),
    ],
)  # fmt: skip
def test_every_mode_becomes_rgb(
    tmp_path: Path, image: Image.Image, suffix: str, expected: tuple[int, int, int]
) -> None:
    loaded = load_image(saved(image, tmp_path / f"a{suffix}"))
    assert loaded.dtype == np.uint8
    assert loaded.shape == (SIDE, SIDE, 3)
    assert np.unique(loaded.reshape(-1, 3), axis=0).tolist() == [list(expected)]


def test_a_cmyk_jpeg_keeps_its_red(tmp_path: Path) -> None:
    loaded = load_image(saved(flat("CMYK", (0, 255, 255, 0)), tmp_path / "a.jpg", quality=95))
    assert np.abs(loaded.astype(int) - [255, 0, 0]).max() <= 3


def test_a_palette_gives_its_colours(tmp_path: Path) -> None:
    image = flat("P", 0)
    image.putpalette([1, 2, 3, 200, 100, 50])
    image.putpixel((5, 7), 1)
    loaded = load_image(saved(image, tmp_path / "a.png"))
    assert loaded[0, 0].tolist() == [1, 2, 3]
    assert loaded[7, 5].tolist() == [200, 100, 50]


@pytest.mark.parametrize("transparency", [1, b"\xff\x00"])
def test_a_palette_s_transparent_colour_becomes_white(tmp_path: Path, transparency: int | bytes) -> None:
    image = flat("P", 0)
    image.putpalette([1, 2, 3, 200, 100, 50])
    image.putpixel((5, 7), 1)
    loaded = load_image(saved(image, tmp_path / "a.png", transparency=transparency))
    assert loaded[0, 0].tolist() == [1, 2, 3]
    assert loaded[7, 5].tolist() == [255, 255, 255]


def test_an_rgb_file_s_transparent_colour_becomes_white(tmp_path: Path) -> None:
    image = flat("RGB", (9, 9, 9))
    image.putpixel((0, 0), (1, 2, 3))
    loaded = load_image(saved(image, tmp_path / "a.png", transparency=(1, 2, 3)))
    assert loaded[0, 0].tolist() == [255, 255, 255]
    assert loaded[1, 1].tolist() == [9, 9, 9]


@pytest.mark.parametrize(
    ("dtype", "suffix", "values", "expected"),
    [
        (np.uint16, ".png", (0, 32768, 65535), (0, 128, 255)),
        (np.uint16, ".tif", (0, 32768, 65535), (0, 128, 255)),
        (">u2", ".tif", (0, 32768, 65535), (0, 128, 255)),
        (np.uint16, ".pgm", (0, 32768, 65535), (0, 128, 255)),
        (np.int32, ".tif", (0, 32768, 65535), (0, 128, 255)),
        (np.int32, ".tif", (0, 128, 255), (0, 128, 255)),
        (np.float32, ".tif", (0, 0.5, 1), (0, 128, 255)),
        (np.float32, ".tif", (0, 128, 255), (0, 128, 255)),
        (np.float32, ".tif", (0, 32768, 65535), (0, 128, 255)),
    ],
)
def test_more_than_8_bits_are_scaled(
    tmp_path: Path, dtype: type, suffix: str, values: tuple[float, ...], expected: tuple[int, ...]
) -> None:
    array = np.zeros((SIDE, SIDE), np.dtype(dtype))
    array[:, 10], array[:, 20] = values[1], values[2]
    loaded = load_image(saved(Image.fromarray(array), tmp_path / f"a{suffix}"))
    assert [loaded[3, column].tolist() for column in (0, 10, 20)] == [[value] * 3 for value in expected]


@pytest.mark.parametrize("value", [-1.0, 70000.0, np.nan, np.inf])
def test_float_values_of_no_known_range_are_refused(tmp_path: Path, value: float) -> None:
    array = np.zeros((SIDE, SIDE), np.float32)
    array[4, 4] = value
    path = saved(Image.fromarray(array), tmp_path / "a.tif")
    refusal_of(lambda: load_image(path), path, "65535", "8 bits")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_the_exif_orientation_is_applied(tmp_path: Path, suffix: str) -> None:
    pixels = np.zeros((40, 64, 3), np.uint8)
    pixels[:, 32:] = 255  # white on the right; orientation 6 turns the right to the bottom
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(Image.fromarray(pixels), tmp_path / f"a{suffix}", exif=exif, quality=95)
    loaded = load_image(path)
    assert loaded.shape == (64, 40, 3)
    assert loaded[:28].max() < 20
    assert loaded[36:].min() > 235


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp", ".tif"])
def test_an_animation_gives_its_first_frame(tmp_path: Path, suffix: str) -> None:
    first, second = flat("RGB", (255, 0, 0)), flat("RGB", (0, 0, 255))
    options = {"lossless": True} if suffix == ".webp" else {}
    path = saved(first, tmp_path / f"a{suffix}", save_all=True, append_images=[second], **options)
    assert load_image(path)[5, 5].tolist() == [255, 0, 0]


def test_a_wrong_suffix_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    flat("RGB", (1, 2, 3)).save(path, format="PNG")
    assert load_image(path)[0, 0].tolist() == [1, 2, 3]


def test_the_result_is_writeable_and_contiguous(tmp_path: Path) -> None:
    loaded = load_image(saved(flat("RGB", (1, 2, 3)), tmp_path / "a.png"))
    assert loaded.flags.writeable
    assert loaded.flags.c_contiguous


def test_the_package_s_own_picture_loads() -> None:
    assert load_image(MARKET).shape == (224, 288, 3)


# Refusals when reading


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    refusal_of(lambda: load_image(tmp_path / "a.png"), tmp_path / "a.png", "doesn't exist")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    refusal_of(lambda: load_image(tmp_path), tmp_path, "folder")


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    refusal_of(lambda: load_image(tmp_path / "a.png"), tmp_path / "a.png", "0 bytes")


def test_a_pipe_is_read(tmp_path: Path, picture: Pixels) -> None:
    os.mkfifo(tmp_path / "pipe")
    content = saved(Image.fromarray(picture), tmp_path / "a.png").read_bytes()
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(content), daemon=True)
    writer.start()
    np.testing.assert_array_equal(load_image(tmp_path / "pipe"), picture)
    writer.join(5)


def test_an_empty_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(b""), daemon=True).start()
    refusal_of(lambda: load_image(tmp_path / "pipe"), "pipe is empty", "0 bytes")


def test_names_that_no_file_can_have_are_refused(tmp_path: Path) -> None:
    refusal_of(lambda: load_image(tmp_path / ("a" * 300)), "can't read", "too long")
    refusal_of(lambda: load_image("a\0b"), "can't read")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    path = saved(flat("RGB", (1, 2, 3)), tmp_path / "a.png")
    path.chmod(0)
    refusal_of(lambda: load_image(path), path, "Permission denied")


@pytest.mark.parametrize("content", [b"Dear picture,\n", b"\x00" * 500, b"%!PS-Adobe-3.0 EPSF-3.0\n" * 9])
def test_what_is_not_a_picture_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    refusal_of(lambda: load_image(path), path, "is not a picture", "PNG, JPEG")


@pytest.mark.parametrize("suffix", [*LOSSLESS, *LOSSY, ".gif", ".ppm"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_file_is_refused(
    tmp_path: Path, picture: Pixels, suffix: str, share: float, capfd: pytest.CaptureFixture[str]
) -> None:
    path = saved(Image.fromarray(picture), tmp_path / f"a{suffix}")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    refusal_of(lambda: load_image(path), path)
    assert capfd.readouterr() == ("", "")


def test_a_truncated_file_says_so(tmp_path: Path, picture: Pixels) -> None:
    path = saved(Image.fromarray(picture), tmp_path / "a.jpg")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    refusal_of(lambda: load_image(path), path, "cut short", "save it again")


def test_noise_in_the_middle_of_a_file_is_refused_or_read_but_never_a_crash(tmp_path: Path, picture: Pixels) -> None:
    rng = np.random.default_rng(0)
    for suffix in (*LOSSLESS, ".jpg", ".gif", ".ppm"):
        path = saved(Image.fromarray(picture), tmp_path / f"a{suffix}")
        content = np.frombuffer(path.read_bytes(), np.uint8)
        for _ in range(40):
            broken = content.copy()
            broken[rng.integers(0, min(len(content), 400), 8)] = rng.integers(0, 256, 8)
            path.write_bytes(broken.tobytes())
            with contextlib.suppress(UserError):
                assert load_image(path).dtype == np.uint8


@pytest.mark.parametrize("size", [(31, 100), (100, 31)])
def test_a_small_picture_is_refused(tmp_path: Path, size: tuple[int, int]) -> None:
    path = saved(Image.new("RGB", size), tmp_path / "a.png")
    refusal_of(lambda: load_image(path), path, f"{size[0]}x{size[1]} px", "at least 32 px")


def test_the_smallest_side_can_be_chosen(tmp_path: Path) -> None:
    path = saved(Image.new("RGB", (20, 16)), tmp_path / "a.png")
    assert load_image(path, min_side=16).shape == (16, 20, 3)
    refusal_of(lambda: load_image(path, min_side=17), path, "at least 17 px")


def png_that_claims(width: int, height: int) -> bytes:
    """A PNG of that size in its header, and of hardly any pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "size",
    [
        (20_001, 10_000),
        (60_000, 60_000),  # Pillow's DecompressionBombError
    ],
)
def test_a_decompression_bomb_is_refused_before_decoding(
    tmp_path: Path, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_that_claims(*size))
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda *_: pytest.fail("pixels were decoded"))
    refusal_of(lambda: load_image(path), path, "200 million")


@pytest.mark.parametrize("size", [(16_000, 12_000), (12_000, 8_000)])  # what Pillow refuses, and what it warns of
def test_a_phone_s_picture_is_no_bomb(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(png_that_claims(*size))
    refusal_of(lambda: load_image(path), path, "cut short")  # so its pixels were asked for


# Sizes


@pytest.mark.parametrize(("max_side", "expected"), [(28, (20, 28)), (1, (1, 1)), (55, (39, 55))])
def test_fit_within_shrinks_to_the_longer_side(picture: Pixels, max_side: int, expected: tuple[int, int]) -> None:
    assert fit_within(picture, max_side).shape == (*expected, 3)
    assert fit_within(picture.transpose(1, 0, 2), max_side).shape == (*expected[::-1], 3)


@pytest.mark.parametrize("max_side", [56, 57, 5000])
def test_fit_within_leaves_smaller_pictures_alone(picture: Pixels, max_side: int) -> None:
    assert fit_within(picture, max_side) is picture


def test_fit_within_refuses_less_than_a_pixel(picture: Pixels) -> None:
    refusal_of(lambda: fit_within(picture, 0), "0 px", "at least 1 px")
