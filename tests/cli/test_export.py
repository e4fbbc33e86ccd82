"""`ingan-fast export`: what it writes, that it runs, and one clear line with exit code 2 for all that it can't use."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingan_fast.export import run as export_run
from ingan_fast.pictures import load_image
from ingan_fast.training import progress

Command = Callable[..., Any]
Refused = Callable[..., None]


def test_an_export_is_a_model_its_description_and_its_picture(
    ingan_fast: Command, trained_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LINE_EVERY", "LINE_EVERY_PART"):
        monkeypatch.setattr(progress, name, 0.0)
    ended = ingan_fast("export", trained_run, "--out", "out")
    assert ended.code == 0, ended.err
    assert ended.out.startswith("out/model.onnx: ")
    assert "any input and output size" in ended.out
    assert "6 sizes within" in ended.err
    assert "making model.onnx: 20 % after" in ended.err
    assert "checking it against the generator: 70 % after" in ended.err
    assert sorted(path.name for path in Path("out").iterdir()) == ["model.onnx", "model.onnx.json", "source.png"]
    for command in (["retarget", trained_run], ["retarget", "out", "--backend", "onnxruntime", "--device", "cpu"]):
        assert ingan_fast(*command, "--size", "90x50", "--out", f"{len(command)}.png").code == 0
    off = np.abs(load_image("2.png").astype(int) - load_image("6.png"))
    assert off.max() <= 1


def test_a_fixed_export_is_told_by_its_sidecar_and_replaces_an_earlier_one_only_when_told_so(
    ingan_fast: Command, refused: Refused, trained_run: Path, exported_run: Path
) -> None:
    shutil.copytree(exported_run, "out")
    refused("export", trained_run, "--out", "out", parts=("model.onnx", "--overwrite"))
    corners = "10,0 90,5 96,60 0,64"
    words = ("--fixed", "96x64", "--transform", corners, "--frame", "70x41", "--precision", "fp16")
    ended = ingan_fast("export", trained_run, "--out", "out", "--overwrite", *words)
    assert ended.code == 0, ended.err
    content = json.loads(Path("out/model.onnx.json").read_text())
    assert (content["fixed"]["frame"], content["fixed"]["size"]) == ([70, 41], [96, 64])
    assert content["inputs"] == [
        {"name": "image", "dtype": "float32", "shape": [1, 3, 41, 70], "meaning": "RGB in [0, 1]"}
    ]


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["--format", "tflite"], ("tflite", "onnx, pt2, triton-server")),
        (["--precision", "int8"], ("int8", "fp32, fp16, bf16")),
        (["--fixed", "640"], ("640", "WIDTHxHEIGHT")),
        (["--fixed", "8x64"], ("8x64", "16")),
        (["--fixed", "64x64", "--frame", "9x64"], ("9x64",)),
        (["--fixed", "64x64", "--bake-source"], ("both be baked in",)),
        (["--fixed", "64x64", "--transform", "1,2 3,4"], ("4 points",)),
        (["--fixed", "64x64", "--transform", "none.json"], ("none.json",)),
        (["--fixed", "64x64", "--transform", "nan.json"], ("finite",)),
        (["--transform", "0,0 9,0 9,9 0,9"], ("--fixed",)),
        (["--frame", "64x64"], ("frame size", "transform")),
        (["--profile", "64x64:64x64:64x64"], ("--trt",)),
        (["--workspace", "1G"], ("--trt",)),
        (["--trt", "--workspace", "lots"], ("lots", "512M")),
        (["--trt", "--format", "pt2"], ("pt2",)),
        (["--format", "triton-server", "--trt"], ("triton-server",)),
        (["--format", "triton-server", "--precision", "bf16"], ("bf16",)),
        (["--trt", "--trt-flavor", "mild"], ("mild", "rtx")),
        (["--trt", "--profile", "64x64:640x480"], ("MIN:OPT:MAX",)),
        (["--trt", "--profile", "640x480:320x240:1920x1080"], ("640x480",)),
        (["--device", "tpu", "--format", "pt2"], ("tpu",)),
    ],
)
def test_what_cant_be_exported_is_refused_before_any_work(
    refused: Refused, trained_run: Path, words: list[str], parts: tuple[str, ...], ingan_fast: Command
) -> None:
    Path("nan.json").write_text("[[NaN, 0, 0], [0, 1, 0], [0, 0, 1]]")
    refused("export", trained_run, "--out", "out", *words, parts=parts)


def test_what_is_no_run_is_refused(refused: Refused, broken_run: tuple[Path, str]) -> None:
    path, part = broken_run
    refused("export", path, "--out", "out", parts=(part,))


def test_a_place_that_cant_be_written_is_refused(refused: Refused, trained_run: Path, ingan_fast: Command) -> None:
    Path("file").write_text("text")
    refused("export", trained_run, "--out", "file", parts=("file", "folder"))


def test_a_full_disk_leaves_nothing(
    ingan_fast: Command, trained_run: Path, monkeypatch: pytest.MonkeyPatch, no_space: Callable[..., None]
) -> None:
    monkeypatch.setattr(export_run, "write_onnx", no_space)
    ended = ingan_fast("export", trained_run, "--out", "out")
    assert ended.code == 1
    assert "No space left" in ended.err
    assert list(Path("out").iterdir()) == []


def test_an_exported_model_that_was_changed_is_refused(refused: Refused, trained_run: Path, exported_run: Path) -> None:
    shutil.copytree(exported_run, "out")
    shutil.copy("out/model.onnx", "foreign.onnx")
    refused("retarget", "foreign.onnx", "--size", "40x40", "--out", "o.png", parts=("foreign.onnx.json",))
    with open("out/model.onnx", "r+b") as file:
        file.truncate(2000)
    refused("retarget", "out/model.onnx", "--size", "40x40", "--out", "o.png", parts=("truncated",))
    refused("retarget", "none.onnx", "--size", "40x40", "--out", "o.png", parts=("does not exist",))
    refused("retarget", trained_run, "--size", "64x64", "--out", "o.png", "--backend", "openvino", parts=("export",))


def test_a_repository_of_triton_server_has_its_configuration(ingan_fast: Command, trained_run: Path) -> None:
    ended = ingan_fast("export", trained_run, "--out", "models", "--format", "triton-server", "--fixed", "64x64")
    assert ended.code == 0, ended.err
    assert 'backend: "onnxruntime"' in Path("models/ingan/config.pbtxt").read_text()
    assert Path("models/ingan/1/model.onnx").is_file()
