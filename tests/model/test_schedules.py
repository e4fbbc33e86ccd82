"""The weights of D's scales have gone from coarse to fine where the settings say."""

from dataclasses import replace

import pytest
import torch

from ingan_fast.model.state import TrainingState
from ingan_fast.settings import SMOKE


@pytest.mark.parametrize(("iteration", "progress"), [(0, 0.0), (20, 0.5), (40, 1.0), (80, 2.0)])
def test_the_finest_scale_weighs_most_from_fine_at_on(iteration: int, progress: float) -> None:
    settings = replace(SMOKE, iterations=100, fine_at=0.4)
    state = TrainingState(settings, 0, torch.device("cpu"), "float32")
    state.iteration = iteration
    state.set_schedules()
    assert state.scale_progress.item() == pytest.approx(progress)  # `scale_weights` holds it at 1
