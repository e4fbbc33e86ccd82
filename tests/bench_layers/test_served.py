"""A model in a process of its own, and what is known of a process's memory."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from ingan_fast.bench.memory import STATUS, forget_peak, process_peak
from ingan_fast.bench.served import Served
from ingan_fast.errors import UserError


@pytest.mark.skipif(not STATUS.is_file(), reason="only Linux counts a peak anew")
def test_a_peak_that_was_forgotten_is_counted_anew() -> None:
    many = np.ones(10_000_000)
    with_many = process_peak()
    del many
    resident = forget_peak()
    assert resident < with_many - 60e6
    assert process_peak() < with_many - 60e6


def test_outputs_of_a_process_of_its_own_have_times_and_memory(models: dict[str, Path]) -> None:
    with Served(models["onnxruntime"], "onnxruntime") as served:
        assert "ONNX Runtime" in served.about
        before = served.memory()
        call = served.output((640, 480))
        after = served.memory()
    assert call.seconds > 0
    assert call.pieces == 1
    assert after.for_outputs > before.for_outputs + 640 * 480
    assert 30e6 < after.peak < process_peak()  # without torch, which this process has


def test_what_a_model_refuses_is_told_by_who_asked(models: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        Served(tmp_path / "missing.onnx", "onnxruntime")
    with (
        pytest.raises(UserError, match="8x8 is out of range"),
        Served(models["onnxruntime"], "onnxruntime") as served,
    ):
        served.output((8, 8))


def test_a_process_that_is_killed_is_an_error_in_a_line(models: dict[str, Path]) -> None:
    with Served(models["onnxruntime"], "onnxruntime") as served:
        (process,) = served._process._processes
        os.kill(process, signal.SIGKILL)
        with pytest.raises(UserError, match="its process ended"):
            served.output((64, 48))
