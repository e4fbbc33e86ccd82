"""The command line: what it makes, and one clear line with exit code 2 for all that it can't use."""

import errno
import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ingan_fast import load, training
from ingan_fast.images import Pixels, load_image, save_image

Command = Callable[..., Any]
Refused = Callable[..., None]
SMALL = ("--preset", "smoke", "--device", "cpu", "--iterations", "2")


# train


def test_train_makes_a_run_and_says_what_to_do_with_it(ingan_fast: Command, picture_path: Path) -> None:
    ended = ingan_fast("train", picture_path, "--out", "run", *SMALL, "--seed", 3, "--set", "noise=0.1")
    assert ended.code == 0, ended.err
    assert "run: trained, 2 iterations" in ended.out
    assert "ingan-fast retarget run" in ended.out
    trained = load("run", device="cpu")
    assert (trained.config.seed, trained.settings.iterations, trained.settings.noise) == (3, 2, 0.1)


def as_mode(picture: Pixels, mode: str) -> Image.Image:
    if mode == "I;16":
        return Image.fromarray(picture[..., 0].astype(np.uint16) * 257)
    return Image.fromarray(picture).convert(mode)


@pytest.mark.parametrize(
    ("mode", "suffix"), [("L", "png"), ("P", "png"), ("RGBA", "png"), ("I;16", "png"), ("CMYK", "jpg")]
)
def test_pictures_of_other_modes_are_converted(ingan_fast: Command, picture: Pixels, mode: str, suffix: str) -> None:
    as_mode(picture, mode).save(f"a.{suffix}")
    assert ingan_fast("train", f"a.{suffix}", "--out", "run", *SMALL).code == 0
    source = load("run", device="cpu").source
    expected = np.asarray(as_mode(picture, "L" if mode == "I;16" else mode).convert("RGB")).astype(int)
    if mode == "I;16":
        expected = np.repeat(picture[..., :1], 3, axis=2).astype(int)
    assert np.abs(source - expected).mean() < (12 if suffix == "jpg" else 0.01)


def test_several_pictures_train_one_run(ingan_fast: Command, picture: Pixels, picture_path: Path) -> None:
    save_image(255 - picture, "b.png")
    assert ingan_fast("train", picture_path, "b.png", "--out", "run", *SMALL).code == 0
    assert len(load("run", device="cpu").sources) == 2


def test_ctrl_c_saves_and_resume_goes_on(
    ingan_fast: Command, picture_path: Path, trained_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("train", picture_path, "--out", "run", "--preset", "smoke", "--device", "cpu")
    step = training.training_step

    def interrupted(state: Any, *rest: Any) -> torch.Tensor:
        if state.iteration == 4:
            signal.raise_signal(signal.SIGINT)
        return step(state, *rest)

    monkeypatch.setattr(training, "training_step", interrupted)
    ended = ingan_fast(*words)
    assert ended.code == 130
    assert "iteration 5 of 12 is saved" in " ".join(ended.err.split())
    monkeypatch.setattr(training, "training_step", step)
    assert ingan_fast(*words, "--resume").code == 0
    assert Path("run/generator.safetensors").read_bytes() == (trained_run / "generator.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--set", "noize=0.1"], "'noise'"),
        (["--set", "iteration=5"], "'iterations'"),
        (["--set", "noise=loud"], "a number"),
        (["--set", "noise=nan"], "finite"),
        (["--set", "noise=2"], "between 0 and 1"),
        (["--set", "channels=8.5"], "whole number"),
        (["--set", "skips=maybe"], "true or false"),
        (["--set", "noise"], "key=value"),
        (["--set", "=3"], "key=value"),
        (["--iterations", "0"], "iterations=0"),
        (["--preset", "papper"], "'paper'"),
        (["--device", "tpu"], "auto, cpu or cuda"),
        (["--resume", "--overwrite"], "exclude each other"),
    ],
)
def test_options_that_are_not_possible_are_refused(
    refused: Refused, picture_path: Path, words: list[str], part: str
) -> None:
    refused("train", picture_path, "--out", "run", *words, parts=(part,))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_without_a_device_is_refused(refused: Refused, picture_path: Path, trained_run: Path) -> None:
    refused("train", picture_path, "--out", "run", "--device", "cuda", parts=("cuda", "--device cpu"))
    refused("retarget", trained_run, "--size", "64x64", "--out", "out.png", "--device", "cuda", parts=("cuda",))


def unusable(kind: str, picture_path: Path) -> Path:
    """A file in the working folder that is no picture to train on."""
    path = Path("bad.png")
    whole = picture_path.read_bytes()
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    elif kind == "text":
        path.write_text("not a picture\n")
    elif kind == "a folder":
        path.mkdir()
    elif kind == "too small":
        Image.new("RGB", (31, 64)).save(path)
    elif kind == "a bomb":
        Image.new("1", (20_000, 20_000)).save(path)
    return path


BAD_PICTURES = ["missing", "empty", "truncated", "text", "a folder", "too small", "a bomb"]


@pytest.mark.parametrize("kind", BAD_PICTURES)
def test_a_picture_that_cannot_be_trained_on_is_refused(refused: Refused, picture_path: Path, kind: str) -> None:
    refused("train", unusable(kind, picture_path), "--out", "run", *SMALL, parts=("bad.png",))
    refused("train", picture_path, "bad.png", "--out", "run", *SMALL, parts=("bad.png",))


@pytest.mark.parametrize("kind", [kind for kind in BAD_PICTURES if kind != "too small"])
def test_another_picture_that_cannot_be_read_is_refused(
    refused: Refused, picture_path: Path, trained_run: Path, kind: str
) -> None:
    bad = unusable(kind, picture_path)
    refused("retarget", trained_run, "--size", "64x64", "--image", bad, "--out", "out.png", parts=("bad.png",))


def test_a_picture_that_max_side_makes_too_small_is_refused(refused: Refused) -> None:
    Image.new("RGB", (400, 40)).save("long.png")
    refused("train", "long.png", "--out", "run", *SMALL, "--set", "max_side=100", parts=("long.png", "32"))


def test_an_existing_run_needs_resume_or_overwrite(refused: Refused, picture_path: Path, run_copy: Path) -> None:
    before = {path: path.read_bytes() for path in run_copy.rglob("*") if path.is_file()}
    refused("train", picture_path, "--out", run_copy, *SMALL, parts=("--resume", "--overwrite"))
    refused("train", picture_path, "--out", run_copy, *SMALL, "--set", "max_side=48", parts=("--resume",))
    refused("train", picture_path, "--out", run_copy, *SMALL, "--resume", parts=("iterations (12, now 2)",))
    refused("train", "missing.png", "--out", run_copy, *SMALL, "--overwrite", parts=("missing.png",))
    assert {path: path.read_bytes() for path in run_copy.rglob("*") if path.is_file()} == before


def test_a_folder_of_something_else_is_not_taken_for_a_run(refused: Refused, picture_path: Path) -> None:
    Path("mine").mkdir()
    Path("mine/source_code.png").write_text("text")
    Path("file").write_text("text")
    refused("train", picture_path, "--out", "mine", *SMALL, parts=("mine", "not empty"))
    refused("train", picture_path, "--out", "file", *SMALL, parts=("file",))
    refused("train", picture_path, "--out", "file/run", *SMALL, parts=("file/run",))


def test_overwriting_leaves_files_that_are_not_a_runs(ingan_fast: Command, picture_path: Path) -> None:
    Path("mine/monitor").mkdir(parents=True)
    Path("mine/source_code.png").write_text("text")
    Path("mine/monitor/notes.txt").write_text("text")
    assert ingan_fast("train", picture_path, "--out", "mine", *SMALL, "--overwrite").code == 0
    assert Path("mine/source_code.png").read_text() == "text"
    assert Path("mine/monitor/notes.txt").read_text() == "text"


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config.json", b"{"),
        ("config.json", b'{"format": 99}'),
        ("checkpoint.pt", b""),
        ("checkpoint.pt", b"junk"),
    ],
)
def test_a_damaged_run_is_not_gone_on_with(
    refused: Refused, run_copy: Path, picture_path: Path, file: str, content: bytes
) -> None:
    (run_copy / file).write_bytes(content)
    words = ("--preset", "smoke", "--device", "cpu", "--resume")
    refused("train", picture_path, "--out", run_copy, *words, parts=(str(run_copy),))


def no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_disk_that_fills_up_ends_a_training_that_can_be_resumed(
    ingan_fast: Command, picture_path: Path, trained_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("train", picture_path, "--out", "run", "--preset", "smoke", "--device", "cpu")
    replace, written = os.replace, []

    def full_after_the_first_checkpoint(source: Any, target: Any) -> None:
        if "checkpoint.pt" in written:
            no_space()
        written.append(Path(target).name)
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr("ingan_fast.files.os.replace", full_after_the_first_checkpoint)
        ended = ingan_fast(*words)
    assert ended.code == 2
    assert "No space left" in ended.err.splitlines()[-1]
    assert "Traceback" not in ended.err
    assert not list(Path("run").rglob(".*"))
    assert ingan_fast(*words, "--resume").code == 0
    assert Path("run/generator.safetensors").read_bytes() == (trained_run / "generator.safetensors").read_bytes()


# retarget


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
        (["--size", "60000x60000"], "GB of memory"),
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
        ([], "nothing was asked for"),
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


def test_a_matrix_that_leaves_holes_needs_a_format_with_transparency(refused: Refused, trained_run: Path) -> None:
    Path("m.json").write_text("[[0.5, 0, 0], [0, 0.5, 0], [0, 0, 1]]")
    words = ("--homography", "m.json", "--size", "64x64", "--out", "out.jpg")
    refused("retarget", trained_run, *words, parts=("transparency",))


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_picture(
    refused: Refused, trained_run: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    Path("out.png").write_bytes(b"an old picture")
    monkeypatch.setattr(f"ingan_fast.files.os.{call}", no_space)
    refused("retarget", trained_run, "--size", "64x64", "--out", "out.png", parts=("No space left",))


def not_a_run(kind: str, trained_run: Path) -> Path:
    path = Path("thing")
    if kind == "a file":
        path.write_text("text")
    elif kind == "an empty folder":
        path.mkdir()
    elif kind != "missing":
        path.mkdir()
        for name in ("config.json", "source.png"):
            (path / name).write_bytes((trained_run / name).read_bytes())
    if kind == "another version":
        content = json.loads((path / "config.json").read_text())
        content |= {"format": 99, "versions": {"ingan-fast": "7.5"}}
        (path / "config.json").write_text(json.dumps(content))
    if kind == "damaged":
        (path / "config.json").write_text("{")
    return path


RUNS = {
    "missing": "train first",
    "a file": "not a run",
    "an empty folder": "not a run",
    "another version": "7.5",
}
RUNS |= {"damaged": "config.json"}


@pytest.mark.parametrize(("kind", "part"), [*RUNS.items(), ("half written", "--resume")])
def test_retarget_refuses_what_is_not_a_whole_run(refused: Refused, trained_run: Path, kind: str, part: str) -> None:
    path = not_a_run(kind, trained_run)
    refused("retarget", path, "--size", "64x64", "--out", "out.png", parts=("thing", part))
    refused("retarget", path, "--collage", "--out", "out.png", parts=("thing", part))


# info, help, usage


def test_info_tells_what_a_run_is(ingan_fast: Command, trained_run: Path) -> None:
    ended = ingan_fast("info", trained_run)
    assert ended.code == 0
    for part in ("dots.png, 64x56", "12 of 12", "smoke", "generator.safetensors", "torch"):
        assert part in ended.out


def test_info_tells_of_a_half_written_run(ingan_fast: Command, trained_run: Path) -> None:
    ended = ingan_fast("info", not_a_run("half written", trained_run))
    assert ended.code == 0
    assert "0 of 12" in ended.out
    assert "not written yet" in ended.out


@pytest.mark.parametrize(("kind", "part"), RUNS.items())
def test_info_refuses_what_is_not_a_run(refused: Refused, trained_run: Path, kind: str, part: str) -> None:
    refused("info", not_a_run(kind, trained_run), parts=("thing", part))


@pytest.mark.parametrize(
    "words",
    [
        ["train", "a.png"],
        ["train", "--out", "run"],
        ["train", "a.png", "--out", "run", "--seed", "x"],
        ["train", "a.png", "--out", "run", "--seed", "-1"],
        ["train", "a.png", "--out", "run", "--iterations", "many"],
        ["retarget", "run", "--size", "64x64"],
        ["retarget", "--out", "out.png"],
        ["retarget", "run", "--out", "out.png", "--colour", "red"],
        ["paint"],
        ["info"],
    ],
)
def test_a_command_that_is_not_whole_is_refused(ingan_fast: Command, words: list[str]) -> None:
    ended = ingan_fast(*words)
    assert ended.code == 2
    assert ended.err
    assert "Traceback" not in ended.err
    assert not list(Path.cwd().iterdir())


@pytest.mark.parametrize("command", ["train", "retarget", "demo", "evaluate", "info"])
def test_every_command_has_examples_in_its_help(
    ingan_fast: Command, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    ended = ingan_fast(command, "--help")
    assert ended.code == 0
    assert re.search(rf"Example.*ingan-fast {command} ", ended.out, re.DOTALL)


def test_the_version_is_told(ingan_fast: Command) -> None:
    ended = ingan_fast("--version")
    assert ended.code == 0
    assert re.fullmatch(r"ingan-fast \d+\.\d+\.\d+\n", ended.out)
