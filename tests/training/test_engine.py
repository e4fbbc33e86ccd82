"""Engines run the same training: captured and replayed, or as it stands."""

from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from ingan_fast.errors import UserError
from ingan_fast.model import discriminator, step
from ingan_fast.model.cuda_graphs import CapturedSteps
from ingan_fast.model.sampling import Batch, Sampler
from ingan_fast.model.state import TrainingState
from ingan_fast.model.step import training_step
from ingan_fast.pictures import Pixels
from ingan_fast.settings import SMOKE, Settings
from ingan_fast.threads import at_once
from ingan_fast.training.engine import TrainingEngine, check_engine, make_engine
from tape import Tape

CPU = torch.device("cpu")
STEPS = 20
FEW_SIZES = replace(
    SMOKE,
    iterations=STEPS,
    buckets=3,
    ramp=0.0,
    freeze_norm_at=0.7,
    stages=1,
    places=0.0,
    copies=0.0,
    moments=0.0,
    reconstruction=0.1,
)


def trained(engine: TrainingEngine, picture: Pixels, settings: Settings) -> tuple[Tensor, TrainingState]:
    """Losses [STEPS, 4] of a training that freezes its norms on the way, and its state afterwards."""
    sampler, state = Sampler([picture], settings, 0, CPU), TrainingState(settings, 0, CPU)
    losses = []
    for iteration in range(STEPS):
        if iteration == round(settings.freeze_norm_at * STEPS):
            state.freeze_norm(sampler)
        losses.append(engine.step(state, sampler.draw(iteration)).clone())
    return torch.stack(losses), state


def test_captured_steps_train_as_steps_do(picture: Pixels) -> None:
    """All that changes from step to step reaches a recording through the tensors that it reads."""
    tape, told = Tape(), list[str]()
    recorded = TrainingEngine([CapturedSteps(training_step, tape)], told.append)
    (losses, state), (same, expected) = (
        trained(engine, picture, FEW_SIZES) for engine in (recorded, make_engine("eager", CPU, told.append))
    )
    assert torch.equal(losses, same)
    assert torch.equal(state.weights_g, expected.weights_g)
    assert torch.equal(state.weights_averaged, expected.weights_averaged)
    # Three sizes, before and after the norms are frozen.
    assert 0 < tape.captured <= len(set(shapes_of(picture, FEW_SIZES))) <= 6


def shapes_of(picture: Pixels, settings: Settings) -> list[tuple[tuple[int, int], bool]]:
    sampler = Sampler([picture], settings, 0, CPU)
    return [(sampler.draw(i).size, i >= settings.freeze_norm_at * STEPS) for i in range(STEPS)]


def test_graphs_from_before_the_norms_were_frozen_are_let_go(picture: Pixels) -> None:
    steps = CapturedSteps(training_step, Tape())
    trained(TrainingEngine([steps], lambda text: None), picture, FEW_SIZES)
    assert {key[-1] for key in steps.captured} == {True}


class TritonError(Exception):
    """As Triton's own: no RuntimeError."""


@pytest.mark.parametrize("kind", [RuntimeError, TritonError])
def test_what_cannot_be_captured_runs_as_it_is_and_is_told_once(picture: Pixels, kind: type[Exception]) -> None:
    def broken(state: TrainingState, draw: Batch) -> Tensor:
        raise kind("no capture here\nand a long trace")

    told: list[str] = []
    losses, _ = trained(TrainingEngine([broken, training_step], told.append), picture, FEW_SIZES)
    expected, _ = trained(make_engine("eager", CPU, told.append), picture, FEW_SIZES)
    assert torch.equal(losses, expected)
    assert len(told) == 1
    assert "can't be captured" in told[0]
    assert told[0].endswith("no capture here")


def test_out_of_memory_is_not_taken_for_a_failed_capture(picture: Pixels) -> None:
    def full(state: TrainingState, draw: Batch) -> Tensor:
        raise torch.OutOfMemoryError("full")

    with pytest.raises(torch.OutOfMemoryError):
        trained(TrainingEngine([full, training_step], lambda text: None), picture, FEW_SIZES)


def test_a_cpu_runs_steps_as_they_are(picture: Pixels) -> None:
    assert make_engine("auto", CPU, print).ways == [training_step]
    with pytest.raises(UserError, match="engine graphs needs a GPU"):
        check_engine("graphs", CPU)
    with pytest.raises(UserError, match="auto, eager or graphs"):
        check_engine("turbo", CPU)


@pytest.mark.gpu
def test_a_gpu_trains_the_same_with_every_engine(picture: Pixels) -> None:
    device = torch.device("cuda")
    told: list[str] = []
    every = []
    for engine in (make_engine("graphs", device, told.append), make_engine("eager", device, told.append)):
        sampler, state = Sampler([picture], FEW_SIZES, 0, device), TrainingState(FEW_SIZES, 0, device)
        every.append(torch.stack([engine.step(state, sampler.draw(i)).clone() for i in range(STEPS)]).cpu())
    assert not any("can't be captured" in text for text in told), told
    assert every[0].isfinite().all()
    assert (every[0] - every[1]).abs().max() < 0.05 * every[1].abs().max()


@pytest.mark.gpu
def test_a_cpu_s_checkpoint_goes_on_as_recorded_steps(picture: Pixels) -> None:
    device, told = torch.device("cuda"), list[str]()
    state = TrainingState(FEW_SIZES, 0, device)
    state.load_state_dict(TrainingState(FEW_SIZES, 0, CPU).state_dict())
    sampler, engine = Sampler([picture], FEW_SIZES, 0, device), make_engine("graphs", device, told.append)
    ways = len(engine.ways)
    for _ in range(3):
        losses = engine.step(state, sampler.draw(0))
    assert losses.isfinite().all()
    assert len(engine.ways) == ways, told


@pytest.mark.gpu
@pytest.mark.parametrize("reconstruction", [0.0, 0.1])
def test_steps_on_several_streams_are_those_in_order(
    picture: Pixels, monkeypatch: pytest.MonkeyPatch, reconstruction: float
) -> None:
    """Each weight's gradient is the sum of the same values in the same order: only kernels with atomics differ."""
    changes = {"iterations": 1000, "crop": 64, "scales": 4, "d_channels": 32, "reconstruction": reconstruction}
    device, settings = torch.device("cuda"), replace(SMOKE, **changes)
    sampler = Sampler([picture], settings, 0, device)
    found, losses = [], []
    for name in ("graphs", "eager", "in order"):
        if name == "in order":
            monkeypatch.setattr(discriminator, "branches", lambda device: nullcontext(lambda number: nullcontext()))
            monkeypatch.setattr(step, "side_by_side", lambda device: nullcontext(at_once))
        state = TrainingState(settings, 0, device)
        engine = make_engine("eager" if name == "in order" else name, device, pytest.fail)
        losses.append(torch.stack([engine.step(state, sampler.draw(0)).clone() for _ in range(4)]).cpu())
        assert state.weights_g.grad is not None
        assert state.weights_d.grad is not None
        found.append(torch.cat([state.weights_g.grad, state.weights_d.grad]).cpu())
    for gradients, its_losses in zip(found[:2], losses[:2], strict=True):
        assert (gradients - found[2]).norm() < 0.01 * found[2].norm()
        torch.testing.assert_close(its_losses, losses[2], rtol=0.01, atol=0.001)
