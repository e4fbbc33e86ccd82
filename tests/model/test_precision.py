"""The arithmetic of convolutions: chosen by what the CPU has, kept in a run, the run's own when it goes on."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ingan_fast.errors import UserError
from ingan_fast.model import precision
from ingan_fast.model.precision import choose_precision, describe_precision
from ingan_fast.training.run_folder import RunFolder
from trainings import generator_bytes, run

pytestmark = pytest.mark.usefixtures("unwatched", "quick_calibration")

CPU = torch.device("cpu")
CHOSEN = "import torch; from ingan_fast.model.precision import *; print(choose_precision(torch.device('cpu')))"


def test_without_units_for_bfloat16_float32_is_chosen() -> None:
    """oneDNN held to instructions that have none, whatever the CPU says of itself."""
    limited = os.environ | {"ONEDNN_MAX_CPU_ISA": "AVX2"}
    ended = subprocess.run([sys.executable, "-c", CHOSEN], env=limited, capture_output=True, text=True, check=True)
    assert ended.stdout == "float32\n"


@pytest.mark.parametrize(("limit", "bfloat16", "has"), [("AVX512_CORE", 0.9, False), ("AVX512_CORE_BF16", 0.5, True)])
def test_where_onednn_is_limited_what_is_measured_counts(
    limit: str, bfloat16: float, has: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    monkeypatch.setattr(precision, "_convolution_seconds", {torch.float32: 1.0, torch.bfloat16: bfloat16}.get)
    assert precision._cpu_has_bfloat16.__wrapped__() is has


def test_a_word_says_what_was_chosen() -> None:
    best = choose_precision(CPU)
    assert describe_precision(best, CPU) == f"convolutions in {best}, the fastest on this CPU"
    assert describe_precision("float16", CPU) == f"convolutions in float16, as requested; {best} is fastest here"


@pytest.mark.parametrize("name", ["float32", "bfloat16", "float16"])
def test_a_run_keeps_its_precision(picture_path: Path, tmp_path: Path, name: str) -> None:
    told: list[str] = []
    few = {"iterations": 2}
    assert run(picture_path, tmp_path / "run", precision=name, settings=few, notice=told.append).finished
    assert json.loads((tmp_path / "run" / "config.json").read_text())["precision"] == name
    assert any(f"convolutions in {name}" in text for text in told)
    assert RunFolder(tmp_path / "run").read_config().precision == name


def test_a_run_goes_on_in_its_own_precision(
    picture_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "run"
    run(picture_path, whole, precision="bfloat16")
    shutil.copytree(whole, stopped)
    # Back to a checkpoint that is as good as new, in a folder written before there was a choice.
    for path in (stopped / "checkpoint.pt", stopped / "generator.safetensors"):
        path.unlink()
    config = stopped / "config.json"
    content = json.loads(config.read_text())
    del content["precision"]
    config.write_text(json.dumps(content))
    monkeypatch.setattr("ingan_fast.training.loop.choose_precision", lambda device: "float32")
    assert run(picture_path, stopped, resume=True).finished
    assert generator_bytes(stopped) == generator_bytes(whole)


def test_another_precision_is_another_training(run_copy: Path, picture_path: Path) -> None:
    config = RunFolder(run_copy).read_config()
    other = "float32" if config.precision != "float32" else "bfloat16"
    with pytest.raises(UserError, match=rf"precision \({config.precision}, now {other}\)"):
        run(picture_path, run_copy, settings={"freeze_norm_at": 0.85, "log_every": 4}, precision=other, resume=True)


def test_an_unknown_precision_is_refused(picture_path: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown precision 'half'; choose auto, float32, bfloat16 or float16"):
        run(picture_path, tmp_path / "run", precision="half")
    assert not (tmp_path / "run").exists()
