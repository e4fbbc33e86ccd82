"""`ingan-fast train`: what it makes, and one clear line with exit code 2 for all that it can't use."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ingan_fast import load
from ingan_fast.model.sampling import Batch
from ingan_fast.model.state import TrainingState
from ingan_fast.pictures import Pixels, save_image
from ingan_fast.training.engine import TrainingEngine
from ingan_fast.training.trained import read_run
from trainings import SETTINGS

pytestmark = pytest.mark.usefixtures("unwatched", "quick_calibration")

Command = Callable[..., Any]
Refused = Callable[..., None]
SMALL = ("--preset", "smoke", "--device", "cpu", "--iterations", "2")
AS_UNINTERRUPTED = ["--preset", "smoke", "--device", "cpu"]
AS_UNINTERRUPTED += [word for name, value in SETTINGS.items() for word in ("--set", f"{name}={value}")]


def test_train_makes_a_run_and_says_what_to_do_with_it(ingan_fast: Command, picture_path: Path) -> None:
    ended = ingan_fast("train", picture_path, "--out", "run", *SMALL, "--seed", 3, "--set", "noise=0.1")
    assert ended.code == 0, ended.err
    assert "run: trained, 2 iterations" in ended.out
    assert "ingan-fast retarget run" in ended.out
    trained = read_run("run")
    assert (trained.config.seed, trained.settings.iterations, trained.settings.noise) == (3, 2, 0.1)


def as_mode(picture: Pixels, mode: str) -> Image.Image:
    if mode == "I;16":
        return Image.fromarray(picture[..., 0].astype(np.uint16) * 257)
    return Image.fromarray(picture).convert(mode)


def test_pictures_of_other_modes_are_converted(ingan_fast: Command, picture: Pixels) -> None:
    names = {"L": "l.png", "P": "p.png", "RGBA": "rgba.png", "I;16": "i16.png", "CMYK": "cmyk.jpg"}
    for mode, name in names.items():
        as_mode(picture, mode).save(name)
    assert ingan_fast("train", *names.values(), "--out", "run", *SMALL).code == 0
    for mode, source in zip(names, read_run("run").sources, strict=True):
        expected = np.asarray(as_mode(picture, "L" if mode == "I;16" else mode).convert("RGB")).astype(int)
        if mode == "I;16":
            expected = np.repeat(picture[..., :1], 3, axis=2).astype(int)
        assert np.abs(source - expected).mean() < (12 if mode == "CMYK" else 0.01), mode


def test_several_pictures_train_one_run(ingan_fast: Command, picture: Pixels, picture_path: Path) -> None:
    save_image(255 - picture, "b.png")
    assert ingan_fast("train", picture_path, "b.png", "--out", "run", *SMALL).code == 0
    assert len(read_run("run").sources) == 2


def test_ctrl_c_saves_and_resume_goes_on(
    ingan_fast: Command, picture_path: Path, uninterrupted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("train", picture_path, "--out", "run", *AS_UNINTERRUPTED)
    step = TrainingEngine.step

    def interrupted(engine: TrainingEngine, state: TrainingState, draw: Batch) -> torch.Tensor:
        if state.iteration == 4:
            signal.raise_signal(signal.SIGINT)
        return step(engine, state, draw)

    monkeypatch.setattr(TrainingEngine, "step", interrupted)
    ended = ingan_fast(*words)
    assert ended.code == 130
    assert "iteration 5 of 12 is saved" in " ".join(ended.err.split())
    monkeypatch.setattr(TrainingEngine, "step", step)
    assert ingan_fast(*words, "--resume").code == 0
    assert Path("run/generator.safetensors").read_bytes() == (uninterrupted / "generator.safetensors").read_bytes()


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
        (["--device", "tpu"], "auto, cpu, cuda, cuda:N"),
        (["--engine", "turbo"], "auto, eager or graphs"),
        (["--device", "cpu", "--engine", "graphs"], "needs a GPU"),
        (["--resume", "--overwrite"], "exclude each other"),
    ],
)
def test_options_that_are_not_possible_are_refused(
    refused: Refused, picture_path: Path, words: list[str], part: str
) -> None:
    refused("train", picture_path, "--out", "run", *words, parts=(part,))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_without_a_device_is_refused(refused: Refused, picture_path: Path, trained_run: Path) -> None:
    refused("train", picture_path, "--out", "run", "--device", "cuda", parts=("cuda", "the device cpu"))
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
    refused(
        "train", "long.png", "--out", "run", *SMALL, "--set", "max_side=100", parts=("long.png", "32", "max_side=320")
    )


def test_transparency_is_told_before_a_training(ingan_fast: Command, picture: Pixels) -> None:
    opacity = np.full((*picture.shape[:2], 1), 255, np.uint8)
    opacity[:9] = 0
    Image.fromarray(np.dstack([picture, opacity])).save("logo.png")
    ended = ingan_fast("train", "logo.png", "--out", "run", *SMALL)
    assert ended.code == 0
    assert "logo.png is partly transparent" in " ".join(ended.err.split())
    assert (load("run", device="cpu").source[:9] == 255).all()


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


def test_a_disk_that_fills_up_ends_a_training_that_can_be_resumed(
    ingan_fast: Command,
    picture_path: Path,
    uninterrupted: Path,
    monkeypatch: pytest.MonkeyPatch,
    no_space: Callable[..., None],
) -> None:
    words = ("train", picture_path, "--out", "run", *AS_UNINTERRUPTED)
    replace, written = os.replace, []

    def full_after_the_first_checkpoint(source: Any, target: Any) -> None:
        if "checkpoint.pt" in written:
            no_space()
        written.append(Path(target).name)
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr("ingan_fast.files.os.replace", full_after_the_first_checkpoint)
        ended = ingan_fast(*words)
    assert ended.code == 1
    assert "No space left" in ended.err.splitlines()[-1]
    assert "Traceback" not in ended.err
    assert not list(Path("run").rglob(".*"))
    assert ingan_fast(*words, "--resume").code == 0
    assert Path("run/generator.safetensors").read_bytes() == (uninterrupted / "generator.safetensors").read_bytes()
