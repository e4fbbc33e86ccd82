"""Memory pools of CUDA graphs, with a stand-in that refuses what torch's allocator refuses."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from fake_graphs import FakeGraphs
from ingan_fast.model.cuda_graphs import CapturedSteps, GraphPool
from ingan_fast.model.sampling import Batch, Sampler
from ingan_fast.model.state import TrainingState
from ingan_fast.pictures import Pixels
from ingan_fast.settings import SMOKE

CPU = torch.device("cpu")
SETTINGS = replace(SMOKE, iterations=12, buckets=2, ramp=0.0)


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> FakeGraphs:
    fake = FakeGraphs()
    fake.install(monkeypatch)
    return fake


def zeros() -> Tensor:
    return torch.zeros(4)


def test_after_the_norms_are_frozen_steps_can_be_recorded_again(picture: Pixels, graphs: FakeGraphs) -> None:
    def step(state: TrainingState, draw: Batch) -> Tensor:
        return zeros()

    sampler, state = Sampler([picture], SETTINGS, 0, CPU), TrainingState(SETTINGS, 0, CPU)
    steps = CapturedSteps(step, GraphPool().capture)
    for frozen in (False, True):
        state.norm_frozen = frozen
        for iteration in range(12):
            steps(state, sampler.draw(iteration))
    sizes = len({sampler.draw(iteration).size for iteration in range(12)})
    assert sizes > 1
    assert [len(set(part)) for part in (graphs.captured[:sizes], graphs.captured[sizes:])] == [1, 1]
    assert len(graphs.captured) == 2 * sizes


def test_a_pool_is_shared_while_one_of_its_graphs_is_left(graphs: FakeGraphs) -> None:
    pool = GraphPool()
    first, second = pool.capture(zeros), pool.capture(zeros)
    del first
    third = pool.capture(zeros)
    assert len(set(graphs.captured)) == 1
    del second, third
    fourth = pool.capture(zeros)
    assert fourth().shape == (4,)
    assert len(set(graphs.captured)) == 2


def test_a_capture_that_fails_keeps_no_later_one_from_working(graphs: FakeGraphs) -> None:
    def fails() -> Tensor:
        raise RuntimeError("can't be captured")

    pool = GraphPool()
    with pytest.raises(RuntimeError, match="can't be captured"):
        pool.capture(fails)
    assert pool.capture(zeros)().shape == (4,)


def test_pools_of_their_own_share_no_memory(graphs: FakeGraphs) -> None:
    replays = [pool.capture(zeros) for pool in (GraphPool(), GraphPool())]
    assert len(replays) == len(set(graphs.captured)) == 2
