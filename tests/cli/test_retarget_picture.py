"""`ingan-fast retarget PICTURE`: what it writes without a run or torch, and what it refuses."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ingan_fast.training import progress
from layout_scenes import ball_mask, ball_on_grain, grain, whole_copies

Command = Callable[..., Any]
Refused = Callable[..., None]


@pytest.fixture
def photo(ingan_fast: Command) -> Path:
    """A ball on a texture, in the working folder."""
    Image.fromarray(ball_on_grain()).save("photo.png")
    return Path("photo.png")


def write_mask(name: str, mask: np.ndarray) -> Path:
    Image.fromarray(mask.astype(np.uint8) * 255).save(name)
    return Path(name)


@pytest.mark.parametrize(
    ("words", "size", "mode"),
    [
        (["--size", "220x90"], (220, 90), "RGB"),
        (["--scale", "0.6x1.4"], (90, 126), "RGB"),
        (["--corners", "30,0 180,10 170,120 0,100"], (180, 120), "RGBA"),
        (["--scale", "1x1", "--tile", "both"], (150, 90), "RGB"),
    ],
)
def test_a_picture_is_retargeted_without_a_run(
    ingan_fast: Command, photo: Path, words: list[str], size: tuple[int, int], mode: str
) -> None:
    ended = ingan_fast("retarget", photo, *words, "--out", "out.png")
    assert (ended.code, ended.out) == (0, f"out.png: {size[0]}x{size[1]}\n"), ended.err
    with Image.open("out.png") as image:
        assert (image.size, image.mode) == (size, mode)


def test_each_part_of_the_work_is_told(ingan_fast: Command, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LINE_EVERY", "LINE_EVERY_PART"):
        monkeypatch.setattr(progress, name, 0.0)
    ended = ingan_fast("retarget", photo, "--scale", "0.8x1.2", "--out", "out.png")
    told = re.findall(r"^(.*): (\d+) % after", ended.err, re.MULTILINE)
    parts = [*["laying out"] * 3, "drawing", "writing"]  # the single objects, then one side after the other
    assert told == list(zip(parts, ["10", "23", "37", "50", "55"], strict=True))


def test_no_torch_is_loaded_nor_what_other_formats_need(photo: Path) -> None:
    words = ["ingan-fast", "retarget", str(photo), "--scale", "1.3x1", "--out", "out.png"]
    check = (
        f"import sys\nsys.argv = {words}\nfrom ingan_fast.cli import main\ntry:\n    main()\n"
        "except SystemExit as end:\n    print(end.code, {'torch', 'tifffile', 'scipy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True)
    assert done.stdout.endswith("0 set()\n"), done.stderr


def test_what_lies_outside_the_corners_is_transparent(ingan_fast: Command, photo: Path) -> None:
    assert ingan_fast("retarget", photo, "--corners", "60,0 150,0 90,90 0,90", "--out", "out.png").code == 0
    out = np.asarray(Image.open("out.png"))
    assert out[0, 0, 3] == out[-1, -1, 3] == 0
    assert out[45, 75, 3] == 255
    assert out[45, 60:90, :3].std() > 5


def test_a_grey_picture_stays_grey_and_keeps_16_bits(ingan_fast: Command) -> None:
    Image.fromarray(grain(60, 80)[..., 0]).save("grey.png")
    deep = grain(60, 80)[..., 0].astype(np.uint16) * 250 + 7
    Image.fromarray(deep).save("deep.png")
    for name, mode in (("grey", "L"), ("deep", "I;16")):
        assert ingan_fast("retarget", f"{name}.png", "--scale", "1.5x1", "--out", f"{name}_out.png").code == 0
        assert Image.open(f"{name}_out.png").mode == mode
    values = np.asarray(Image.open("deep_out.png"))
    assert np.isin(values, deep).mean() > 0.8
    assert ingan_fast("retarget", "deep.png", "--scale", "1.5x1", "--out", "deep.jpg").code == 0
    assert Image.open("deep.jpg").mode == "L"


def test_transparency_is_laid_out_with_the_picture(ingan_fast: Command) -> None:
    picture = np.dstack([ball_on_grain(), ball_mask().astype(np.uint8) * 255])
    Image.fromarray(picture).save("logo.png")
    assert ingan_fast("retarget", "logo.png", "--scale", "1.5x1", "--keep", "none", "--out", "out.png").code == 0
    out = np.asarray(Image.open("out.png"))
    assert out.shape == (90, 225, 4)
    assert set(np.unique(out[..., 3])) == {0, 255}
    opaque = out[out[..., 3] == 255][:, :3]
    assert opaque.mean(axis=0) == pytest.approx(picture[ball_mask()][:, :3].mean(axis=0), abs=12)


def test_profile_and_resolution_go_along(ingan_fast: Command) -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(grain(60, 80)).save("p.png", icc_profile=profile, dpi=(300, 300))
    assert ingan_fast("retarget", "p.png", "--size", "100x60", "--out", "out.jpg").code == 0
    out = Image.open("out.jpg")
    assert out.info["icc_profile"] == profile
    assert out.info["dpi"] == pytest.approx((300, 300), abs=1)


def test_the_collage_is_made_of_a_picture_too(ingan_fast: Command, photo: Path) -> None:
    assert ingan_fast("retarget", photo, "--collage", "--out", "sheet.png").code == 0
    assert Image.open("sheet.png").size[0] > 5 * 150


def test_what_is_kept_appears_once_and_whole(ingan_fast: Command, photo: Path) -> None:
    mask = write_mask("mask.png", ball_mask(radius=16))
    element, shape = ball_on_grain()[31:60, 61:90], ball_mask()[31:60, 61:90]
    for scale in ("1.6x1", "0.5x1", "1x1.5", "1x0.6", "0.6x1.5"):
        assert ingan_fast("retarget", photo, "--scale", scale, "--keep", mask, "--out", "out.png").code == 0
        out = np.asarray(Image.open("out.png"))
        assert whole_copies(out, element, shape) == 1, scale
        ball = (out[..., 0].astype(int) - out[..., 2] > 150).sum()
        source = (ball_on_grain()[..., 0].astype(int) - ball_on_grain()[..., 2] > 150).sum()
        assert ball == pytest.approx(source, rel=0.05), scale


def test_what_is_removed_does_not_appear(ingan_fast: Command, photo: Path) -> None:
    mask = write_mask("mask.png", ball_mask(radius=16))
    for scale in ("1x1", "1.5x1", "0.6x1", "1x0.6"):
        ended = ingan_fast("retarget", photo, "--scale", scale, "--remove", mask, "--out", "out.png")
        assert ended.code == 0, (scale, ended.err)
        out = np.asarray(Image.open("out.png")).astype(int)
        assert (out[..., 0] - out[..., 2] > 150).sum() == 0, scale


def test_a_single_object_is_found_and_spared(ingan_fast: Command, photo: Path) -> None:
    words = ("retarget", photo, "--scale", "1.5x1", "--out", "out.png", "--show-keep", "kept.png")
    assert ingan_fast(*words).code == 0
    kept = np.asarray(Image.open("kept.png").convert("L")) > 0
    assert kept[ball_mask()].mean() > 0.8
    assert kept.mean() < 0.25
    element, shape = ball_on_grain()[31:60, 61:90], ball_mask()[31:60, 61:90]
    assert whole_copies(np.asarray(Image.open("out.png")), element, shape) == 1
    assert ingan_fast(*words, "--keep", "none").code == 0
    assert np.asarray(Image.open("kept.png")).max() == 0


def test_a_single_object_is_spared_beside_a_mask(ingan_fast: Command, photo: Path) -> None:
    mask = write_mask("mask.png", ball_mask(at=(70, 20), radius=8))  # of the ground
    words = ("retarget", photo, "--scale", "1.5x1", "--keep", mask, "--out", "out.png", "--show-keep", "kept.png")
    assert ingan_fast(*words).code == 0
    element, shape = ball_on_grain()[31:60, 61:90], ball_mask()[31:60, 61:90]
    assert whole_copies(np.asarray(Image.open("out.png")), element, shape) == 1
    assert (np.asarray(Image.open("kept.png").convert("L")) > 0)[ball_mask()].mean() > 0.8
    assert ingan_fast(*words, "--keep", "none").code == 0
    assert (np.asarray(Image.open("kept.png").convert("L")) > 0)[ball_mask()].mean() < 0.01


@pytest.mark.parametrize("scale", ["1.5x1", "0.67x1"])
def test_a_single_object_is_spared_in_a_tile(ingan_fast: Command, scale: str) -> None:
    Image.fromarray(ball_on_grain(at=(40, 40))).save("left.png")
    assert ingan_fast("retarget", "left.png", "--scale", scale, "--tile", "x", "--out", "out.png").code == 0
    out = np.asarray(Image.open("out.png"))
    twice = np.concatenate([out, out[:, :28]], axis=1)  # the ball may lie across the tile's border
    element, shape = ball_on_grain(at=(40, 40))[26:55, 26:55], ball_mask()[31:60, 61:90]
    assert whole_copies(twice, element, shape) == 1


@pytest.mark.parametrize("tile", ["x", "y", "both"])
def test_a_tile_continues_itself(ingan_fast: Command, tile: str) -> None:
    Image.fromarray(grain(90, 120)).save("stone.png")
    assert ingan_fast("retarget", "stone.png", "--size", "150x110", "--tile", tile, "--out", "tile.png").code == 0
    out = np.asarray(Image.open("tile.png")).astype(float)
    for axis, name in ((1, "x"), (0, "y")):
        steps = np.abs(np.diff(out, axis=axis)).mean(axis=2)
        inside = steps.mean(axis=1 - axis)
        first, last = np.take(out, 0, axis=axis), np.take(out, -1, axis=axis)
        border = np.abs(first - last).mean()
        if tile in (name, "both"):
            assert border < 1.25 * inside.max()
        else:
            assert border > 1.4 * np.median(inside)


def test_variations_differ_and_come_out_the_same_every_time(ingan_fast: Command) -> None:
    Image.fromarray(grain(90, 120)).save("stone.png")
    outputs = []
    for name, number in (("a", 0), ("b", 1), ("c", 2), ("d", 1)):
        words = ("--scale", "1.5x1", "--variation", number, "--out", f"{name}.png")
        assert ingan_fast("retarget", "stone.png", *words).code == 0
        outputs.append(np.asarray(Image.open(f"{name}.png")))
    first, second, third, again = outputs
    assert not np.array_equal(first, second)
    assert not np.array_equal(second, third)
    np.testing.assert_array_equal(second, again)


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ([], "no output size was given"),
        (["--size", "15x90"], "16"),
        (["--size", "90x90", "--image", "photo.png"], "--image"),
        (["--size", "90x90", "--device", "cpu"], "--device"),
        (["--size", "90x90", "--tile", "z"], "x, y or both"),
        (["--size", "601x90", "--tile", "both"], "at most 600 px"),
        (["--size", "600x361", "--tile", "y"], "at most 360 px"),
        (["--size", "90x90", "--variation", "-1"], "--variation"),
        (["--size", "90x90", "--keep", "auto", "--keep", "none"], "exclude"),
        (["--size", "90x90", "--keep", "missing.png"], "missing.png"),
        (["--size", "90x90", "--keep", "small.png"], "150x90"),
        (["--size", "90x90", "--keep", "all.png"], "about 150 px"),
        (["--size", "250x90", "--keep", "all.png"], "can't grow"),
        (["--size", "90x90", "--remove", "all.png"], "can't all be left out"),
        (["--size", "90x90", "--keep", "all.png", "--remove", "all.png"], "overlap"),
        (["--corners", "60,0 150,0 90,90 0,90", "--tile", "x"], "--tile"),
        (["--size", "90x90", "--show-keep", "photo.png"], "replace"),
        (["--size", "90x90", "--show-keep", "kept.xyz"], ".png"),
    ],
)
def test_what_cannot_be_met_is_refused(refused: Refused, photo: Path, words: list[str], part: str) -> None:
    write_mask("all.png", np.ones((90, 150)))
    write_mask("small.png", np.ones((40, 40)))
    refused("retarget", photo, *words, "--out", "out.png", parts=(part,))


def test_a_file_that_is_no_picture_is_refused(refused: Refused) -> None:
    Path("text.png").write_text("not a picture")
    refused("retarget", "text.png", "--size", "90x90", "--out", "out.png", parts=("text.png",))
    refused("retarget", "missing.jpg", "--size", "90x90", "--out", "out.png", parts=("doesn't exist",))


def test_options_of_runs_are_refused_for_pictures(refused: Refused, photo: Path) -> None:
    refused("retarget", photo, "--size", "90x90", "--warp", "layout", "--out", "out.png", parts=("--warp", "runs"))


def test_options_of_pictures_are_refused_for_runs(refused: Refused, trained_run: Path) -> None:
    refused("retarget", trained_run, "--size", "90x90", "--tile", "x", "--out", "out.png", parts=("--tile", "pictures"))
