"""`ingan-fast retarget`: what it writes, and one clear line with exit code 2 for all that it can't use."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ingan_fast.layout import Layouts
from ingan_fast.pictures import Pixels, load_image, save_image

Command = Callable[..., Any]
Refused = Callable[..., None]


@pytest.mark.parametrize(
    ("words", "size", "mode"),
    [
        (["--size", "90x50"], (90, 50), "RGB"),
        (["--size", "16x16"], (16, 16), "RGB"),
        (["--size", "131x33"], (131, 33), "RGB"),
        (["--scale", "1.5x0.7"], (96, 39), "RGB"),
        (["--scale", "2"], (128, 112), "RGB"),
        (["--corners", "20,0 100,10 90,80 0,60"], (100, 80), "RGBA"),
        (["--corners", "20,0 100,10 90,80 0,60", "--size", "120x90"], (120, 90), "RGBA"),
    ],
)
def test_retarget_writes_a_picture_of_the_size_asked_for(
    ingan_fast: Command, trained_run: Path, words: list[str], size: tuple[int, int], mode: str
) -> None:
    ended = ingan_fast("retarget", trained_run, *words, "--out", "out.png")
    assert (ended.code, ended.out) == (0, f"out.png: {size[0]}x{size[1]}\n"), ended.err
    with Image.open("out.png") as image:
        assert (image.size, image.mode) == (size, mode)
        assert np.asarray(image.convert("RGB")).std() > 1


def test_what_lies_outside_the_corners_is_transparent(ingan_fast: Command, trained_run: Path) -> None:
    assert ingan_fast("retarget", trained_run, "--corners", "30,0 100,0 70,80 0,80", "--out", "out.png").code == 0
    alpha = np.asarray(Image.open("out.png"))[..., 3]
    assert alpha[0, 0] == alpha[-1, -1] == 0
    assert alpha[40, 50] == 255


def test_the_same_run_gives_the_same_file(ingan_fast: Command, trained_run: Path) -> None:
    for name in ("a.png", "b.png"):
        assert ingan_fast("retarget", trained_run, "--corners", "20,0 100,10 90,80 0,60", "--out", name).code == 0
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()


def test_a_homography_in_either_unit_is_the_corners_it_stands_for(ingan_fast: Command, trained_run: Path) -> None:
    normalised = [[0.5, 0.1, 0.05], [0, 0.6, 0], [0.05, 0, 1]]
    Path("m.json").write_text(json.dumps(normalised))
    Path("p.json").write_text(json.dumps({"matrix": [[1, 0, 8], [0, 1, 4], [0, 0, 1]], "units": "pixels"}))
    assert ingan_fast("retarget", trained_run, "--homography", "m.json", "--size", "97x61", "--out", "m.png").code == 0
    with Image.open("m.png") as image:
        assert (image.size, image.mode) == ((97, 61), "RGBA")
    assert ingan_fast("retarget", trained_run, "--homography", "p.json", "--size", "80x64", "--out", "p.png").code == 0
    corners = "8,4 72,4 72,60 8,60"
    assert ingan_fast("retarget", trained_run, "--corners", corners, "--size", "80x64", "--out", "c.png").code == 0
    difference = np.asarray(Image.open("p.png")).astype(int) - np.asarray(Image.open("c.png"))
    assert np.abs(difference).max() <= 1


def test_another_picture_is_retargeted_at_its_own_scale(
    ingan_fast: Command, trained_run: Path, picture: Pixels
) -> None:
    save_image(np.ascontiguousarray(picture[:40, :20]), "other.png")  # 20x40
    words = ("--image", "other.png", "--scale", "2x1", "--out", "out.png")
    assert ingan_fast("retarget", trained_run, *words).code == 0
    assert load_image("out.png").shape == (40, 40, 3)


def test_the_collage_shows_the_source_framed(ingan_fast: Command, trained_run: Path, picture: Pixels) -> None:
    ended = ingan_fast("retarget", trained_run, "--collage", "--out", "sheet.png")
    assert ended.code == 0, ended.err
    sheet = load_image("sheet.png")
    height, width = picture.shape[:2]
    places = [
        (row, column)
        for row, column in np.argwhere((sheet[:-height, :-width] == picture[0, 0]).all(axis=2))
        if np.array_equal(sheet[row : row + height, column : column + width], picture)
    ]
    assert len(places) == 1
    row, column = places[0]
    red = sheet[row - 2, column : column + width].astype(int)
    assert (red[:, 0] > 150).all()
    assert (red[:, 1:] < 100).all()
    assert sheet.shape[1] > 5 * width  # 0.6 + 1 + 1.5 + 2 widths


def test_every_format_can_be_written(ingan_fast: Command, trained_run: Path) -> None:
    for name, kind in (("a.jpg", "JPEG"), ("a.webp", "WEBP"), ("a.tif", "TIFF"), ("a.bmp", "BMP")):
        assert ingan_fast("retarget", trained_run, "--size", "50x40", "--out", name).code == 0
        with Image.open(name) as image:
            assert (image.format, image.size) == (kind, (50, 40))


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--size", "0x100"], "0x100"),
        (["--size", "100x0"], "100x0"),
        (["--size", "-5x100"], "-5x100"),
        (["--size", "15x100"], "16"),
        (["--size", "100"], "WIDTHxHEIGHT"),
        (["--size", "axb"], "WIDTHxHEIGHT"),
        (["--size", ""], "--size"),
        (["--size", "1.5x3"], "WIDTHxHEIGHT"),
        (["--size", "100000x100000"], "100000x100000"),
        (["--size", "9000x9000"], "GB of memory"),
        (["--size", "99999999999999999999x5"], "WIDTHxHEIGHT"),
        (["--scale", "0x1"], "above 0"),
        (["--scale", "-1x1"], "above 0"),
        (["--scale", "nanx1"], "scale"),
        (["--scale", "infx1"], "scale"),
        (["--scale", "1e9x1"], "at most"),
        (["--scale", "0.01x1"], "16"),
        (["--scale", "1xx2"], "scale"),
        (["--corners", "0,0 100,0 100,100"], "4 points"),
        (["--corners", "0,0 100,0 100,100 nan,100"], "corners"),
        (["--corners", "0,0 0,100 100,100 100,0"], "convex"),
        (["--corners", "0,0 100,100 100,0 0,100"], "convex"),
        (["--corners", "0,0 100,0 20,20 0,100"], "convex"),
        (["--corners", "0,0 50,0 100,0 0,100"], "convex"),
        (["--corners", "0,0 100,0 100,100 0,100", "--size", "0x50"], "0x50"),
        (["--corners", "0,0 9,0 9,9 0,9"], "16"),
        (["--corners", "0,0 90000,0 90000,90000 0,90000"], "size"),
        (["--corners", "200,0 300,0 300,100 200,100", "--size", "50x50"], "nothing inside"),
        (["--size", "64x64", "--scale", "2"], "exclude"),
        (["--scale", "2", "--corners", "0,0 9,0 9,9 0,9"], "exclude"),
        (["--collage", "--size", "64x64"], "--collage"),
        ([], "no output size was given"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused(
    refused: Refused, trained_run: Path, words: list[str], part: str
) -> None:
    refused("retarget", trained_run, *words, "--out", "out.png", parts=(part,))
    Path("out.png").write_bytes(b"an old picture")
    refused("retarget", trained_run, *words, "--out", "out.png", parts=(part,))
    assert Path("out.png").read_bytes() == b"an old picture"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("[[NaN, 0, 0], [0, 1, 0], [0, 0, 1]]", "finite"),
        ("[[1, 0, 0], [0, Infinity, 0], [0, 0, 1]]", "finite"),
        ("[[1e999, 0, 0], [0, 1, 0], [0, 0, 1]]", "finite"),
        ("[[1, 0, 0], [2, 0, 0], [0, 0, 1]]", "singular"),
        ("[[0, 0, 0], [0, 0, 0], [0, 0, 0]]", "singular"),
        ("[[1, 0, 0], [0, 1, 0], [1, 0, 0.5]]", "horizon"),
        ("[[1, 0], [0, 1]]", "3 rows of 3"),
        ("[1, 0, 0, 0, 1, 0, 0, 0, 1]", "3 rows of 3"),
        ('[["a", 0, 0], [0, 1, 0], [0, 0, 1]]', "3 rows of 3"),
        ("{}", "no matrix"),
        ('{"matrix": [[1, 0, 0], [0, 1, 0], [0, 0, 1]], "units": "miles"}', "normalised or pixels"),
        ("one", "JSON"),
        ("", "JSON"),
        ("[[1, 0, 0],\n[0, 1, 0]", "JSON"),
        (b"\xff\xfe\x00", "text"),
    ],
)
def test_a_matrix_that_cannot_be_used_is_refused(
    refused: Refused, trained_run: Path, text: str | bytes, part: str
) -> None:
    Path("m.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    words = ("--homography", "m.json", "--size", "64x64", "--out", "out.png")
    refused("retarget", trained_run, *words, parts=(part,))


def test_a_matrix_that_is_not_there_or_has_no_size_is_refused(refused: Refused, trained_run: Path) -> None:
    words = ("retarget", trained_run, "--homography", "m.json", "--out", "out.png")
    refused(*words, "--size", "64x64", parts=("m.json",))
    refused(*words, parts=("--size",))


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("out.xyz", ".png"),
        ("out", ".png"),
        (".", "."),
        ("file/out.png", "not a folder"),
        ("out.jpg", "transparency"),
    ],
)
def test_an_output_that_cannot_be_written_is_refused(refused: Refused, trained_run: Path, name: str, part: str) -> None:
    Path("file").write_text("text")
    refused("retarget", trained_run, "--corners", "20,0 100,10 90,80 0,60", "--out", name, parts=(part,))


@pytest.mark.parametrize(("shift", "units"), [(20, "normalised"), (-90, "pixels")])
def test_a_matrix_that_moves_the_picture_out_of_the_output_is_refused(
    refused: Refused, trained_run: Path, shift: int, units: str
) -> None:
    Path("m.json").write_text(json.dumps({"matrix": [[1, 0, shift], [0, 1, 0], [0, 0, 1]], "units": units}))
    words = ("--homography", "m.json", "--size", "64x64", "--out", "out.png")
    hint = "in pixels?" if units == "normalised" else "64x64"
    refused("retarget", trained_run, *words, parts=("nothing inside 64x64", hint))


def test_a_matrix_that_leaves_holes_needs_a_format_with_transparency(refused: Refused, trained_run: Path) -> None:
    Path("m.json").write_text("[[0.5, 0, 0], [0, 0.5, 0], [0, 0, 1]]")
    words = ("--homography", "m.json", "--size", "64x64", "--out", "out.jpg")
    refused("retarget", trained_run, *words, parts=("transparency",))


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_picture(
    refused: Refused, trained_run: Path, monkeypatch: pytest.MonkeyPatch, no_space: Callable[..., None], call: str
) -> None:
    Path("out.png").write_bytes(b"an old picture")
    monkeypatch.setattr(f"ingan_fast.files.os.{call}", no_space)
    words = ("--size", "64x64", "--warp", "smooth", "--out", "out.png")
    refused("retarget", trained_run, *words, parts=("No space left",), code=1)


def test_retarget_refuses_what_is_not_a_run(refused: Refused, broken_run: tuple[Path, str]) -> None:
    path, part = broken_run
    refused("retarget", path, "--size", "64x64", "--out", "out.png", parts=("thing", part))
    refused("retarget", path, "--collage", "--out", "out.png", parts=("thing", part))


def test_a_run_without_a_network_yet_is_played_by_its_layout(
    ingan_fast: Command, refused: Refused, half_written: Path, picture: Pixels
) -> None:
    ended = ingan_fast("retarget", half_written, "--size", "96x56", "--out", "wide.png")
    assert ended.code == 0
    assert "has no trained network yet" in ended.err
    np.testing.assert_array_equal(load_image("wide.png"), Layouts(picture).retarget((96, 56)))
    refused("retarget", half_written, "--collage", "--out", "out.png", parts=("thing", "--resume"))


def test_transparency_of_another_picture_is_told(ingan_fast: Command, trained_run: Path) -> None:
    logo = np.full((48, 64, 4), 90, np.uint8)
    logo[10:30, 10:30, 3] = 255
    Image.fromarray(logo).save("logo.png")
    ended = ingan_fast("retarget", trained_run, "--image", "logo.png", "--size", "64x64", "--out", "out.png")
    assert ended.code == 0, ended.err
    assert "logo.png is partly transparent" in " ".join(ended.err.split())
