"""Benchmarks under conditions that this machine imitates."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingan_fast.bench import conditions
from ingan_fast.bench.conditions import AVX2, BESIDE, BUSY, measure_under
from ingan_fast.bench.results import Results, Row
from ingan_fast.bench.retarget import RetargetRequest, _under
from ingan_fast.bench.timing import Spread
from ingan_fast.bench.train import TrainRequest, _words
from ingan_fast.pictures import Pixels

TRAIN = _words(TrainRequest("smoke", ("eager",), 2, plain=False))


class Measured:
    """Instead of a process: what it was given, and how many busy ones were beside it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.command: list[str] = []
        self.environment: dict[str, str] = {}
        self.neighbours = 0
        self._run = subprocess.run
        monkeypatch.setattr(subprocess, "run", self.run)

    def run(self, command: list[str], **options: Any) -> Any:
        if "ingan_fast" not in command:
            return self._run(command, **options)
        self.command, self.environment, self.neighbours = command, options["env"], self.busy()
        rows = [Row("case", name, Spread(1.0, 1.0, 1.0, 1.0), ceiling="matmul") for name in ("torch", "onnxruntime")]
        machine = {"device": "cpu", "name": "one", "threads": 1, "versions": {"torch": "2"}}
        Results("train", machine, {}, rows).write(Path(command[-1]))
        return subprocess.CompletedProcess(command, 0, "", "")

    def busy(self) -> int:
        found = self._run(["pgrep", "-P", str(os.getpid()), "-f", BUSY], capture_output=True, text=True)
        return len(found.stdout.split())


@pytest.mark.slow
def test_a_training_is_measured_with_avx2_alone(picture: Pixels) -> None:
    rows = measure_under(AVX2, TRAIN, picture)
    assert [(row.name, row.error) for row in rows] == [("eager", None)]
    assert rows[0].case.endswith("preset smoke, AVX2 imitated")
    assert rows[0].milliseconds is not None
    assert rows[0].milliseconds.median > 0


def test_instructions_are_limited_in_the_measured_process_alone(
    picture: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured, before = Measured(monkeypatch), dict(os.environ)
    rows = measure_under(AVX2, TRAIN, picture)
    assert measured.environment.items() >= {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}.items()
    assert dict(os.environ) == before
    assert "--no-conditions" in measured.command  # it would measure others in turn
    assert measured.neighbours == 0
    assert [(row.case, row.ceiling) for row in rows] == [("case, AVX2 imitated", None)] * 2


def test_a_neighbour_is_there_while_it_is_measured(picture: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = Measured(monkeypatch)
    measure_under(replace(BESIDE, neighbours=2), TRAIN, picture)
    assert measured.neighbours == 2
    assert measured.busy() == 0


def test_backends_that_are_not_torch_s_have_no_row_of_avx2(picture: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    Measured(monkeypatch)
    found = {one.name: [row.name for row in _under(one, RetargetRequest(), picture)] for one in conditions.CONDITIONS}
    assert found == {"AVX2 imitated": ["torch"], "beside a busy process": ["torch", "onnxruntime"]}


def test_what_fails_there_is_told(picture: Pixels) -> None:
    (row,) = measure_under(AVX2, ["train", "--device", "cpu", "--preset", "none"], picture)
    assert row.case == "AVX2 imitated"
    assert row.error is not None
    assert "unknown preset 'none'" in row.error
