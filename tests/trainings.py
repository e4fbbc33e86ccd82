"""Small trainings and their files, for tests of training and resuming."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingan_fast import train
from ingan_fast.layout import Layouts
from ingan_fast.pictures import Pixels
from ingan_fast.quality.validation import MEASURES, WIDTHS, Quality
from ingan_fast.training.curves import read_log
from ingan_fast.training.loop import Result
from ingan_fast.training.run_folder import RunFolder

# Checkpoints at 4, 8 and 12, previews at 6 and 12, the norms frozen at 6 of 12 iterations.
SETTINGS: dict[str, Any] = {"freeze_norm_at": 0.5, "log_every": 1}
FEW_DRAWS = 6


def run(picture: Path | list[Path], out: Path, *, seed: int = 0, resume: bool = False, **more: Any) -> Result:
    settings = SETTINGS | more.pop("settings", {})
    options = {"preset_name": "smoke", "settings": settings, "device": "cpu"} | more
    return train(picture, out, seed=seed, resume=resume, **options)


def leave_unwatched(patch: pytest.MonkeyPatch, quality: Quality | None = None) -> None:
    """Trainings neither judge their outputs nor plot curves, which takes longer than small trainings themselves.

    Args:
        quality: what they find instead; None: 0.01 for every measure.
    """
    found = quality or {f"{measure}_x{ratio:g}": 0.01 for measure in MEASURES for ratio in WIDTHS}
    patch.setattr("ingan_fast.training.monitor.judge", lambda *_: found)
    leave_unplotted(patch)


def leave_unplotted(patch: pytest.MonkeyPatch) -> None:
    """Trainings plot no curves, and show layouts that an earlier one of the same picture has found."""
    patch.setattr("ingan_fast.training.monitor.Layouts", lambda picture: _layouts(picture.tobytes(), picture.shape))
    for plot in ("plot_losses", "plot_quality"):
        patch.setattr(f"ingan_fast.training.monitor.{plot}", lambda *_: None)


class _KnownLayouts:
    """Layouts of a picture, each found once."""

    def __init__(self, picture: Pixels):
        self.lay_out = cache(Layouts(picture).lay_out)


@cache
def _layouts(content: bytes, shape: tuple[int, ...]) -> _KnownLayouts:
    return _KnownLayouts(np.frombuffer(content, np.uint8).reshape(shape))


def calibrate_quickly(patch: pytest.MonkeyPatch) -> None:
    """Trainings measure the statistics of norms with few draws; those of the presets take longer than they train."""
    patch.setattr("ingan_fast.model.state.CALIBRATION_DRAWS", FEW_DRAWS)


def generator_bytes(path: Path) -> bytes:
    return RunFolder(path).generator_path.read_bytes()


def losses_of(path: Path) -> list[dict[str, Any]]:
    """The log lines with losses."""
    return [line for line in read_log(path / "log.jsonl") if "adversarial" in line]


def leftovers(path: Path) -> list[str]:
    """Temporary files, which are hidden until they are renamed."""
    return [file.name for file in path.rglob(".*")]
