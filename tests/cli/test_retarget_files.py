"""`ingan-fast retarget PICTURE`: maps, saved layouts, pipes, several pictures, and what their files say."""

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from ingan_fast.layout.api import retarget
from ingan_fast.pictures import load_photo
from layout_scenes import ball_mask, grain
from picture_files import profile

Command = Callable[..., Any]
Refused = Callable[..., None]


@pytest.fixture
def photo(ingan_fast: Command) -> Path:
    """A texture, in the working folder."""
    Image.fromarray(grain(60, 80)).save("photo.png")
    return Path("photo.png")


def places() -> np.ndarray:
    """Where each pixel of the photo is: [h, w, 2], x and y."""
    return np.stack(np.meshgrid(np.arange(80), np.arange(60)), axis=2).astype(np.uint16)


# Maps


def test_companions_are_laid_out_alike_and_keep_their_names_types_and_channels(
    ingan_fast: Command, photo: Path
) -> None:
    deep = np.dstack([places() * 100, places()[..., :1] * 7])
    tifffile.imwrite("height.tif", places()[..., 0].astype(np.float32) * -0.5)
    tifffile.imwrite("many.tif", np.dstack([places()] * 3), photometric="minisblack", planarconfig="contig")
    tifffile.imwrite("normal.tif", deep, photometric="rgb")
    Image.fromarray(np.dstack([grain(60, 80), places()[..., :1].astype(np.uint8)])).save("cut.png")
    names = ["height.tif", "many.tif", "normal.tif", "cut.png", "photo.png"]
    words = [word for name in names[:4] for word in ("--companion", name)]
    ended = ingan_fast("retarget", photo, "--scale", "1.5x0.7", *words, "--out", "made/photo.png")
    assert ended.code == 0, ended.err
    assert sorted(path.name for path in Path("made").iterdir()) == sorted(names)
    many = tifffile.imread("made/many.tif")
    assert many.shape == (42, 120, 6)
    x, y = many[..., 0], many[..., 1]
    np.testing.assert_array_equal(tifffile.imread("made/height.tif"), x * np.float32(-0.5))
    np.testing.assert_array_equal(tifffile.imread("made/normal.tif"), deep[y, x])
    cut = np.asarray(Image.open("made/cut.png"))
    np.testing.assert_array_equal(cut[..., 3], x)
    np.testing.assert_array_equal(cut[..., :3], grain(60, 80)[y, x])
    assert (np.abs(np.asarray(Image.open("made/photo.png")).astype(int) - grain(60, 80)[y, x]) < 40).mean() > 0.9


def test_a_companion_of_another_size_is_refused(refused: Refused, photo: Path) -> None:
    Image.new("L", (80, 61)).save("map.png")
    words = ("retarget", photo, "--scale", "1.5x1", "--companion", "map.png")
    refused(*words, "--out", "made/out.png", parts=("--companion map.png is 80x61", "picture 80x60"))
    refused(*words[:4], "--companion", "no.png", "--out", "made/out.png", parts=("no.png doesn't exist",))


def test_companions_never_replace_anything_that_was_given(refused: Refused, photo: Path) -> None:
    Image.new("L", (80, 60)).save("map.png")
    Path("other").mkdir()
    Image.new("L", (80, 60)).save("other/map.png")
    words = ("retarget", photo, "--scale", "1.5x1", "--companion", "map.png")
    refused(*words, "--out", "out.png", parts=("would replace map.png",))
    refused(*words, "--out", "made/map.png", parts=("would replace the output",))
    refused(*words, "--companion", "other/map.png", "--out", "made/out.png", parts=("would replace the output for",))
    refused(*words, "--out", "-", parts=("is a pipe",))


# Layouts


def test_a_saved_layout_gives_the_identical_picture(ingan_fast: Command, photo: Path) -> None:
    saved = ingan_fast(
        "retarget", photo, "--scale", "1.5x0.8", "--variation", 2, "--save-layout", "l.npz", "--out", "a.png"
    )
    assert saved.code == 0, saved.err
    assert ingan_fast("retarget", photo, "--layout", "l.npz", "--out", "b.png").code == 0
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()
    words = ("--corners", "30,0 100,10 120,80 0,70", "--save-layout", "l.npz", "--out", "c.png")
    assert ingan_fast("retarget", photo, *words).code == 0
    assert ingan_fast("retarget", photo, "--layout", "l.npz", "--out", "d.png").code == 0
    assert Path("c.png").read_bytes() == Path("d.png").read_bytes()


def test_a_layout_of_another_picture_is_refused(ingan_fast: Command, refused: Refused, photo: Path) -> None:
    assert ingan_fast("retarget", photo, "--scale", "1.5x1", "--save-layout", "l.npz", "--out", "a.png").code == 0
    Image.fromarray(grain(60, 80, seed=5)).save("other.png")
    Image.fromarray(grain(60, 90)).save("wider.png")
    for name in ("other.png", "wider.png"):
        refused("retarget", name, "--layout", "l.npz", "--out", "b.png", parts=("l.npz", "another picture"))
    refused("retarget", photo, "--layout", "a.png", "--out", "b.png", parts=("a.png is no layout",))


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--layout", "l.npz", "--scale", "2x1"], "--layout already determines the size"),
        (["--layout", "l.npz", "--keep", "none"], "--keep"),
        (["--layout", "l.npz", "--variation", "1"], "--variation"),
        (["--save-layout", "l.txt", "--scale", "2x1"], "must end in .npz"),
        (["--save-layout", "l.npz", "--collage"], "leave out --collage"),
    ],
)
def test_options_that_do_not_go_with_layouts_are_refused(
    refused: Refused, photo: Path, words: list[str], part: str
) -> None:
    refused("retarget", photo, *words, "--out", "b.png", parts=(part,))


# Depth, transparency, metadata


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bits_and_their_transparency_go_through(ingan_fast: Command, suffix: str, channels: int) -> None:
    colours = grain(60, 80, channels=max(1, channels - (channels % 2 == 0))).astype(np.uint16) * 251 + 7
    values = colours
    if channels % 2 == 0:
        values = np.dstack([colours, places()[..., 0] * 800 + 3])
    from ingan_fast.pictures import Photo, save_photo

    save_photo(Photo(values), f"deep{suffix}")
    assert ingan_fast("retarget", f"deep{suffix}", "--scale", "1.5x1", "--out", f"out{suffix}").code == 0
    out = load_photo(f"out{suffix}").pixels
    assert (out.dtype, out.shape) == (np.uint16, (60, 120, channels))
    assert np.isin(out, values).mean() > 0.6
    if channels % 2 == 0:
        assert np.isin(out[..., -1], values[..., -1]).all()
    corners = ("--corners", "30,0 100,10 120,80 0,70")
    assert ingan_fast("retarget", f"deep{suffix}", *corners, "--out", f"tilted{suffix}").code == 0
    tilted = load_photo(f"tilted{suffix}").pixels
    assert tilted.dtype == np.uint16
    assert tilted[0, 0, -1] == 0
    assert len(np.unique(tilted[..., -1])) > 20


def test_strip_leaves_the_colours_and_nothing_else(ingan_fast: Command) -> None:
    Image.fromarray(grain(60, 80)).save("p.jpg", icc_profile=profile(), dpi=(300, 300), comment="word", quality=95)
    assert ingan_fast("retarget", "p.jpg", "--scale", "1x1", "--out", "kept.png").code == 0
    assert ingan_fast("retarget", "p.jpg", "--scale", "1x1", "--strip", "--out", "bare.png").code == 0
    with Image.open("kept.png") as kept, Image.open("bare.png") as bare:
        assert {"icc_profile", "dpi", "Comment"} <= set(kept.info)
        assert not bare.info
    from ingan_fast.pictures import load_image

    np.testing.assert_array_equal(load_image("kept.png"), np.asarray(Image.open("bare.png")))


def test_a_long_narrow_picture_works(ingan_fast: Command) -> None:
    Image.fromarray(grain(20, 900)).save("long.png")
    assert ingan_fast("retarget", "long.png", "--scale", "1.1x1", "--out", "out.png").code == 0
    assert Image.open("out.png").size == (990, 20)


# Pipes and several pictures


def test_a_pipe_in_and_a_pipe_out(photo: Path) -> None:
    words = [sys.executable, "-m", "ingan_fast", "retarget", "-", "--scale", "1.5x1", "--out", "-"]
    done = subprocess.run(words, input=photo.read_bytes(), capture_output=True)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(
        np.asarray(Image.open(io.BytesIO(done.stdout))), retarget(grain(60, 80), scale=(1.5, 1))
    )
    assert done.stderr == b"-: 120x60\n"


def test_an_empty_pipe_is_refused_in_one_line(photo: Path) -> None:
    words = [sys.executable, "-m", "ingan_fast", "retarget", "/dev/stdin", "--scale", "1.5x1", "--out", "-"]
    done = subprocess.run(words, input=b"", capture_output=True)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"0 bytes" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_several_pictures_go_into_a_folder(ingan_fast: Command, photo: Path) -> None:
    Image.fromarray(grain(50, 50)).save("second.gif")
    ended = ingan_fast("retarget", photo, "second.gif", "--scale", "1.2x1", "--out", "made")
    assert ended.code == 0, ended.err
    assert ended.out.splitlines() == ["made/photo.png: 96x60", "made/second.png: 60x50"]
    assert sorted(path.name for path in Path("made").iterdir()) == ["photo.png", "second.png"]


def test_what_can_be_made_of_several_pictures_is_made(ingan_fast: Command, photo: Path) -> None:
    Path("bad.png").write_text("no picture")
    ended = ingan_fast("retarget", "bad.png", photo, "--scale", "1.2x1", "--out", "made")
    assert ended.code == 2
    assert [path.name for path in Path("made").iterdir()] == ["photo.png"]
    lines = ended.err.splitlines()
    assert "bad.png is not a picture" in lines[0]
    assert lines[-1] == "ingan-fast: 1 of 2 pictures failed (see above)"


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["photo.png", "b.png", "--out", "photo.png"], "give a folder"),
        (["photo.png", "b.png", "--out", "."], "would replace"),
        (["photo.png", "deeper/photo.png", "--out", "made"], "would both be written to made/photo.png"),
        (["photo.png", "run", "--out", "made"], "run is not a picture"),
        (["photo.png", "b.png", "--save-layout", "l.npz", "--out", "made"], "for one picture"),
        (["photo.png", "b.png", "--companion", "b.png", "--out", "made"], "for one picture"),
    ],
)
def test_several_pictures_that_can_not_be_told_apart_are_refused(
    refused: Refused, photo: Path, words: list[str], part: str
) -> None:
    Path("deeper").mkdir()
    for name in ("b.png", "deeper/photo.png"):
        Path(name).write_bytes(photo.read_bytes())
    refused("retarget", *words, "--scale", "1.2x1", parts=(part,))


# Wishes that can't be met


def test_what_leaves_no_layout_says_what_would(refused: Refused, photo: Path) -> None:
    Image.new("L", (80, 60), 255).save("all.png")
    Image.new("L", (80, 61), 255).save("other.png")
    Image.fromarray(ball_mask(60, 80, (30, 40)).astype(np.uint8) * 255).save("ball.png")
    words = ("retarget", photo, "--out", "out.png", "--scale")
    refused(*words, "0.6x1", "--keep", "all.png", parts=("width of about 80 px, not 48",))
    refused(*words, "1.5x1", "--keep", "all.png", parts=("can't grow to 120",))
    refused(*words, "0.6x1", "--keep", "ball.png", "--remove", "ball.png", parts=("--keep and --remove overlap",))
    refused(*words, "0.6x1", "--keep", "other.png", parts=("--keep other.png is 80x61", "80x60"))
    refused(*words, "0.6x1", "--remove", "all.png", parts=("removed", "smaller mask"))


@pytest.mark.parametrize(("size", "part"), [("15x60", "15x60"), ("40000x40000", "1600 megapixels; at most 400")])
def test_sizes_that_can_not_be_laid_out_are_refused(refused: Refused, photo: Path, size: str, part: str) -> None:
    for words in ([], ["--tile", "both"]):
        refused("retarget", photo, "--size", size, *words, "--out", "out.png", parts=(part,))
