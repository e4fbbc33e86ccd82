"""A package of AOTInductor, in torch."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from untrained_runs import write_run

from ingan_fast.export.run import ExportOptions, export
from ingan_fast.pictures import Pixels
from ingan_fast.runtime import Retargeter
from ingan_fast.runtime.opening import opened_run
from ingan_fast.settings import SMOKE
from ingan_fast.training.trained import read_run


@pytest.mark.slow
def test_a_package_runs_at_any_size(picture: Pixels, tmp_path: Path) -> None:
    """Of few layers, without vector instructions, and what calls the kernels is not optimised: compiling takes long."""
    settings = replace(SMOKE, stages=1, downscales=1, blocks=0, channels=4, skips=True)
    trained = read_run(write_run(tmp_path / "run", settings, picture), merge=False)
    with torch._inductor.config.patch({"cpp.simdlen": 1, "aot_inductor.compile_wrapper_opt_level": "O0"}):
        written = export(trained, tmp_path / "package", ExportOptions(format="pt2"))
    assert written.check.error < 0.1
    retargeter, ours = Retargeter.open(written.path), Retargeter(opened_run(trained, "cpu", "float32"))
    for size in [(64, 56), (97, 41), (16, 16), (33, 120)]:
        expected = ours(size=size)
        assert np.abs(retargeter(size=size).astype(int) - expected).max() <= 1
