"""Pictures go out whole or not at all; a path that can't be written is refused in one line."""

import errno
import os
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
from PIL import Image

from ingan_fast.errors import MachineError
from ingan_fast.pictures import Pixels, check_output_path, load_image, save_image
from picture_files import LOSSLESS, LOSSY, refusal_of

WITH_ALPHA = [".png", ".webp", ".tif", ".tiff"]


# Writing


@pytest.mark.parametrize("suffix", [*LOSSLESS, ".PNG"])
def test_lossless_formats_give_back_every_pixel(tmp_path: Path, picture: Pixels, suffix: str) -> None:
    save_image(picture, tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(load_image(tmp_path / f"a{suffix}"), picture)


@pytest.mark.parametrize("suffix", LOSSY)
def test_jpeg_gives_back_nearly_the_same(tmp_path: Path, picture: Pixels, suffix: str) -> None:
    save_image(picture, tmp_path / f"a{suffix}")
    error = load_image(tmp_path / f"a{suffix}").astype(int) - picture
    assert np.sqrt((error**2).mean()) < 5  # noise is JPEG's hardest case


@pytest.mark.parametrize("suffix", WITH_ALPHA)
def test_alpha_and_the_colours_under_it_are_kept(tmp_path: Path, picture: Pixels, suffix: str) -> None:
    alpha = np.linspace(0, 1, picture.shape[0] * picture.shape[1], dtype=np.float32)
    alpha = alpha.reshape(picture.shape[:2])
    save_image(picture, tmp_path / f"a{suffix}", alpha)
    with Image.open(tmp_path / f"a{suffix}") as image:
        assert image.mode == "RGBA"
        stored = np.asarray(image)
    np.testing.assert_array_equal(stored[..., :3], picture)
    np.testing.assert_array_equal(stored[..., 3], np.rint(alpha * 255))


@pytest.mark.parametrize("suffix", [*LOSSLESS, *LOSSY])
def test_the_same_picture_gives_the_same_bytes(tmp_path: Path, picture: Pixels, suffix: str) -> None:
    save_image(picture, tmp_path / f"a{suffix}")
    save_image(picture, tmp_path / f"b{suffix}")
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"a{suffix}", f"b{suffix}"]


def test_a_full_disk_leaves_the_old_picture_and_no_other_file(
    tmp_path: Path, picture: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "a.png"
    save_image(picture, target)
    before = target.read_bytes()

    def half_then_no_space(self: Image.Image, file: BinaryIO, **_: object) -> None:
        file.write(before[:100])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Image.Image, "save", half_then_no_space)
    with pytest.raises(MachineError, match="No space left on device"):
        save_image(255 - picture, target)
    assert target.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_an_encoder_that_gives_up_is_a_refusal(
    tmp_path: Path, picture: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    def give_up(*_: object, **__: object) -> None:
        raise ValueError("encoding error 6")

    monkeypatch.setattr(Image.Image, "save", give_up)
    refusal_of(lambda: save_image(picture, tmp_path / "a.webp"), tmp_path / "a.webp", "encoding error 6", ".png")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("suffix", "side"), [(".webp", 16_384), (".jpg", 65_501)])
def test_a_picture_too_long_for_its_format_is_refused(tmp_path: Path, suffix: str, side: int) -> None:
    path = tmp_path / f"a{suffix}"
    refusal_of(lambda: save_image(np.zeros((1, side, 3), np.uint8), path), path, f"{side}x1 px", str(side - 1))
    save_image(np.zeros((1, side - 1, 3), np.uint8), path)
    assert load_image(path, min_side=1).shape == (1, side - 1, 3)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((40, 40), np.uint8),
        np.zeros((40, 40, 4), np.uint8),
        np.zeros((40, 40, 3)),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_an_array_that_is_no_rgb_picture_is_refused(tmp_path: Path, image: Pixels) -> None:
    with pytest.raises(ValueError, match=r"uint8 \[H, W, 3\]"):
        save_image(image, tmp_path / "a.png")


@pytest.mark.parametrize(
    "alpha",
    [np.ones((40, 55)), np.full((40, 56), 1.01), np.full((40, 56), np.nan), np.ones((40, 56), np.uint8)],
)
def test_an_array_that_is_no_alpha_is_refused(tmp_path: Path, picture: Pixels, alpha: np.ndarray) -> None:
    with pytest.raises(ValueError, match="alpha"):
        save_image(picture, tmp_path / "a.png", alpha)
    assert list(tmp_path.iterdir()) == []


# Refusals of an output path


@pytest.mark.parametrize("name", ["a.xyz", "a.gif", "a", "a.png.txt"])
def test_an_unknown_suffix_is_refused_with_the_allowed_ones(tmp_path: Path, picture: Pixels, name: str) -> None:
    refusal_of(lambda: check_output_path(tmp_path / name, alpha=False), tmp_path / name, *LOSSLESS, *LOSSY)
    refusal_of(lambda: save_image(picture, tmp_path / name), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".bmp"])
def test_alpha_in_a_format_without_it_is_refused(tmp_path: Path, picture: Pixels, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    check_output_path(path, alpha=False)
    refusal_of(lambda: check_output_path(path, alpha=True), path, "transparency", *WITH_ALPHA)
    refusal_of(lambda: save_image(picture, path, np.ones(picture.shape[:2])), path, "transparency")


def test_an_existing_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").mkdir()
    refusal_of(lambda: check_output_path(tmp_path / "a.png", alpha=False), tmp_path / "a.png", "folder")


@pytest.mark.parametrize("below", ["a.png", "deeper/a.png"])
def test_a_parent_that_is_a_file_is_refused(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("old")
    path = tmp_path / "file" / below
    refusal_of(lambda: check_output_path(path, alpha=False), path, "not a folder")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        refusal_of(lambda: check_output_path(tmp_path / "a.png", alpha=False), tmp_path / "a.png", "permission")
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize("name", ["a.png", "new/folder/a.JPG"])
def test_a_good_path_passes_and_nothing_is_made(tmp_path: Path, name: str) -> None:
    check_output_path(tmp_path / name, alpha=False)
    assert list(tmp_path.iterdir()) == []


def test_a_relative_path_and_an_existing_file_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.png").write_text("old")
    check_output_path("a.png", alpha=True)
