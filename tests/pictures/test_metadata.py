"""Resolution, EXIF, XMP and texts go along with the pixels; what belongs to the old pixels doesn't."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, PngImagePlugin

from ingan_fast.pictures import Photo, Pixels, load_image, load_photo, save_photo
from picture_files import profile

THUMBNAIL = b"\xff\xd8 a small picture \xff\xd9"
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><d xmlns:tiff="t" tiff:Orientation="6">caf\xc3\xa9</d></x:xmpmeta>'


def described(picture: Pixels, path: Path, orientation: int = 6) -> Path:
    """A JPEG that says a lot of itself, with a thumbnail."""
    exif = Image.Exif()
    exif[ExifTags.Base.Copyright] = "someone"
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.IFD.Exif] = {ExifTags.Base.DateTimeOriginal: "2024:01:02 03:04:05", ExifTags.Base.ExifImageWidth: 56}
    exif[ExifTags.IFD.GPSInfo] = {ExifTags.GPS.GPSAltitude: 12.0}
    Image.fromarray(picture).save(
        path, quality=95, exif=with_thumbnail(exif), dpi=(300, 150), icc_profile=profile(), comment="a word", xmp=XMP
    )
    return path


def with_thumbnail(exif: Image.Exif) -> bytes:
    """EXIF with a second directory, of a thumbnail."""
    content = exif.tobytes()[6:]
    order = "<" if content.startswith(b"II") else ">"
    link = 10 + 12 * struct.unpack(f"{order}H", content[8:10])[0]  # behind the first directory
    start = len(content)
    tags = [(0x0201, 4, 1, start + 30), (0x0202, 4, 1, len(THUMBNAIL))]
    directory = struct.pack(f"{order}H", 2) + b"".join(struct.pack(f"{order}HHII", *tag) for tag in tags) + bytes(4)
    return b"Exif\0\0" + content[:link] + struct.pack(f"{order}I", start) + content[link + 4 :] + directory + THUMBNAIL


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_what_a_photograph_says_goes_along(tmp_path: Path, picture: Pixels, suffix: str) -> None:
    photo = load_photo(described(picture, tmp_path / "a.jpg"))
    assert THUMBNAIL in (tmp_path / "a.jpg").read_bytes()
    assert photo.pixels.shape == (56, 40, 3)  # upright
    wide = Photo(np.repeat(photo.pixels, 2, axis=1), photo.metadata)
    save_photo(wide, tmp_path / f"b{suffix}")
    with Image.open(tmp_path / f"b{suffix}") as image:
        image.load()
        exif = image.getexif()
        assert image.size == (80, 56)
        assert image.info["icc_profile"] == profile()
        assert exif[ExifTags.Base.Copyright] == "someone"
        assert exif.get(ExifTags.Base.Orientation, 1) == 1
        if suffix != ".tif":
            shot = exif.get_ifd(ExifTags.IFD.Exif)
            assert shot[ExifTags.Base.DateTimeOriginal] == "2024:01:02 03:04:05"
            assert shot[ExifTags.Base.ExifImageWidth] == 80
            assert exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSAltitude] == 12
        assert not exif.get_ifd(ExifTags.IFD.IFD1)
        assert THUMBNAIL not in (tmp_path / f"b{suffix}").read_bytes()
        if suffix != ".webp":
            assert image.info["dpi"] == pytest.approx((150, 300), abs=0.02)  # turned with the picture
    again = load_photo(tmp_path / f"b{suffix}").metadata
    assert again.xmp is not None
    assert b'tiff:Orientation="1">caf\xc3\xa9' in again.xmp
    assert again.text.get("Comment") == ("a word" if suffix in (".jpg", ".png") else None)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.png", "deep.png", "a.tif", "deep.tif"])
def test_every_orientation_is_applied_in_every_depth(tmp_path: Path, orientation: int, name: str) -> None:
    grey = np.arange(40 * 56, dtype=np.uint16).reshape(40, 56)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    stored = Image.fromarray(grey if "deep" in name else (grey % 251).astype(np.uint8))
    stored.save(tmp_path / name, exif=exif, dpi=(300, 150))
    turns = dict(zip(range(2, 9), (0, 3, 1, 5, 4, 6, 2), strict=True))  # Pillow's numbers
    right = stored if orientation == 1 else stored.transpose(Image.Transpose(turns[orientation]))
    photo = load_photo(tmp_path / name)
    np.testing.assert_array_equal(photo.pixels[..., 0], np.asarray(right))
    assert photo.metadata.dpi == pytest.approx((150, 300) if orientation >= 5 else (300, 150), abs=0.02)


def test_long_texts_and_profiles_are_no_damage(tmp_path: Path, picture: Pixels) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("long", "a" * 3_000_000, zip=True)
    info.add_itxt("longer", "b" * 3_000_000, zip=True)
    noise = np.random.default_rng(0).bytes(3_000_000)
    Image.fromarray(picture).save(tmp_path / "a.png", pnginfo=info, icc_profile=noise)
    before = PngImagePlugin.MAX_TEXT_CHUNK, Image.MAX_IMAGE_PIXELS
    np.testing.assert_array_equal(load_image(tmp_path / "a.png"), picture)
    assert len(load_photo(tmp_path / "a.png").metadata.text["long"]) == 3_000_000
    assert before == (PngImagePlugin.MAX_TEXT_CHUNK, Image.MAX_IMAGE_PIXELS)


def test_texts_after_the_pixels_are_kept_in_both_depths(tmp_path: Path, picture: Pixels) -> None:
    text = b"tEXt" + b"Title\0late"
    late = len(text[4:]).to_bytes(4, "big") + text + zlib.crc32(text).to_bytes(4, "big")
    for name, pixels in (("a.png", picture), ("deep.png", picture.astype(np.uint16) * 257)):
        save_photo(Photo(pixels), tmp_path / name)
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[:-12] + late + content[-12:])
        assert load_photo(tmp_path / name).metadata.text == {"Title": "late"}


def test_stripped_metadata_is_the_profile_alone(tmp_path: Path, picture: Pixels) -> None:
    metadata = load_photo(described(picture, tmp_path / "a.jpg")).metadata.stripped()
    assert metadata.icc_profile == profile()
    assert (metadata.dpi, metadata.exif, metadata.xmp, dict(metadata.text)) == (None, None, None, {})
