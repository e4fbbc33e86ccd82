"""The average of G's weights forgets its start soon, and later has the settings' memory."""

import numpy as np
import pytest
import torch

from ingan_fast.model.state import TrainingState
from ingan_fast.settings import SMOKE


@pytest.mark.parametrize(
    ("iteration", "kept"), [(0, 2 / 11), (1, 3 / 12), (7, 9 / 18), (10**6, SMOKE.ema)], ids=["0", "1", "7", "late"]
)
def test_how_much_of_the_average_is_kept(iteration: int, kept: float) -> None:
    state = TrainingState(SMOKE, 0, torch.device("cpu"), "float32")
    state.iteration = iteration
    state.set_schedules()
    with torch.no_grad():
        state.weights_g.fill_(0.0)
        state.weights_averaged.fill_(1.0)
    state.average_generator()
    np.testing.assert_allclose(state.weights_averaged.numpy(), np.float32(kept), rtol=1e-5)
