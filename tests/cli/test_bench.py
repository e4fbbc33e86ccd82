"""`ingan-fast bench`."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bench_models import export_once

from ingan_fast.bench.results import Results
from ingan_fast.pictures import Pixels

Command = Callable[..., Any]
Refused = Callable[..., None]

WARP = ("bench", "warp", "--device", "cpu", "--size", "32x24", "--channels", 4, "--repeat", 2)
TRAIN = ("bench", "train", "--device", "cpu", "--preset", "smoke", "--iterations", 2, "--no-conditions")


def test_bench_warp_prints_tables_and_writes_numbers(ingan_fast: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    ended = ingan_fast(*WARP, "--dtype", "float16", "--padding", "zeros", "--json", "warp.json")
    assert ended.code == 0, ended
    assert re.search(r"x1\.5, forward\+backward *\n +ours +\d", ended.out)
    report = json.loads(Path("warp.json").read_text())
    assert report["benchmark"] == "warp"
    assert report["settings"] == {
        "size": [32, 24], "channels": 4, "dtype": "float16", "padding": "zeros", "repeat": 2, "compiled": False
    }  # fmt: skip


def test_bench_train_prints_a_table_and_writes_numbers(
    ingan_fast: Command, picture_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    ended = ingan_fast(*TRAIN, "--image", picture_path, "--crop", 32, "--json", "train.json")
    assert ended.code == 0, ended
    assert re.search(r"plain .* x1\.00", ended.out)
    report = json.loads(Path("train.json").read_text())
    assert report["benchmark"] == "train"
    assert report["settings"]["crop"] == 32
    assert report["rows"][0]["case"] == "crops 32x32, preset smoke"


def test_a_wrong_result_ends_with_a_line_and_code_1(ingan_fast: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    from ingan_fast.bench import warp_methods

    monkeypatch.setattr(warp_methods, "homography_warp", lambda features, *_: features.new_zeros(()))
    ended = ingan_fast(*WARP, "--json", "warp.json")
    assert ended.code == 1
    assert "no speed of x1, forward, ours: wrong result" in ended.err
    assert "wrong result" in json.loads(Path("warp.json").read_text())["rows"][0]["error"]


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("--dtype", "float64"), "bfloat16, float16 or float32"),
        (("--padding", "wrap"), "reflection, border or zeros"),
        (("--size", "0x480"), "16"),
        (("--size", "large"), "640x480"),
        (("--size", "8192x8192", "--channels", 4096), "GB"),
        (("--channels", 0), "--channels 0"),
        (("--repeat", -1), "--repeat -1"),
        (("--device", "tpu"), "auto, cpu, cuda"),
        (("--json", "missing/warp.json"), "missing"),
        (("--json", "warp.txt"), ".json"),
    ],
)
def test_bench_warp_refuses(refused: Refused, words: tuple[object, ...], part: str) -> None:
    refused(*WARP, *words, parts=(part,))


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("--preset", "papre"), "paper"),
        (("--engine", "turbo"), "auto, eager or graphs"),
        (("--engine", "eager", "--engine", "graphs"), "needs a GPU"),
        (("--crop", 0), "crop"),
        (("--iterations", 0), "--iterations 0"),
        (("--image", "missing.png"), "missing.png"),
        (("--json", "missing/train.json"), "missing"),
    ],
)
def test_bench_train_refuses(refused: Refused, words: tuple[object, ...], part: str) -> None:
    refused(*TRAIN, *words, parts=(part,))


def test_the_numbers_may_not_replace_the_picture(refused: Refused) -> None:
    refused(*TRAIN, "--image", "a.json", "--json", "a.json", parts=("would replace an input",))


@pytest.mark.parametrize("words", [["bench"], ["bench", "warp"], ["bench", "train"]])
def test_bench_has_examples_in_its_help(ingan_fast: Command, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    ended = ingan_fast(*words, "--help")
    assert ended.code == 0
    assert re.search(rf"Example.*ingan-fast {' '.join(words)}", ended.out, re.DOTALL)


@pytest.mark.slow
def test_retargeting_is_measured_by_every_backend(
    ingan_fast: Command,
    picture: Pixels,
    picture_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    export_once(monkeypatch, tmp_path_factory, picture)
    words = ("--preset", "smoke", "--size", "96x64", "--repeat", 2, "--no-conditions", "--json", "r.json")
    ended = ingan_fast("bench", "retarget", "--image", picture_path, *words)
    assert ended.code == 0, ended.err
    results = Results.read(Path("r.json"))
    rows = {row.name: row for row in results.rows}
    assert list(rows) == ["eager, unfolded", "torch", "onnxruntime", "openvino"]
    assert results.errors == []
    assert rows["eager, unfolded"].times_as_fast == 1
    for name in ("torch", "onnxruntime", "openvino"):
        assert 0 < rows[name].details["milliseconds_inside"]["median"] <= rows[name].milliseconds.median
        assert 0 < rows[name].details["overhead"] < 1
        assert rows[name].peak_memory_bytes > 10_000_000
