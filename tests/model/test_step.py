"""One pass of D over y serves both losses: each network gets the gradients of its own loss alone."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from ingan_fast.model import step
from ingan_fast.model.convolutions import power_iteration
from ingan_fast.model.gradients import in_memory_order
from ingan_fast.model.losses import lsgan, reconstruction_l1
from ingan_fast.model.precision import mixed_precision
from ingan_fast.model.sampling import Batch, Sampler
from ingan_fast.model.state import TrainingState
from ingan_fast.model.step import LOSSES, first_stage, training_step, window
from ingan_fast.settings import SMOKE, Settings
from ingan_fast.threads import using_threads

CPU = torch.device("cpu")


def gradients(network: torch.nn.Module) -> torch.Tensor:
    every = [torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in network.parameters()]
    return torch.cat([in_memory_order(gradient) for gradient in every])


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-4), ("bfloat16", 0.03), ("float16", 0.01)])
def test_a_step_gives_the_gradients_of_two_separate_steps(precision: str, tolerance: float) -> None:
    settings = replace(SMOKE, stages=1, places=0.0, copies=0.0, moments=0.0, reconstruction=0.1, size_multiple=8)
    picture = np.random.default_rng(0).integers(0, 256, (64, 72, 3)).astype(np.uint8)
    sampler = Sampler([picture], settings, 0, CPU)
    draw = sampler.calibration(3)[2]
    together, apart = (TrainingState(settings, 0, CPU, precision) for _ in range(2))
    losses = training_step(together, draw)

    start = torch.zeros(())
    power_iteration(apart.generator)
    power_iteration(apart.discriminator)
    with mixed_precision(CPU, precision):
        y = apart.generator(draw.image, draw.transform, draw.size)
        x_hat = apart.generator(y, draw.inverse, tuple(draw.image.shape[-2:]))
        seen = y + settings.noise * draw.noise
        loss_g = lsgan(apart.discriminator(seen), 1.0, start)
        loss_g = loss_g + 0.1 * reconstruction_l1(x_hat, draw.image, draw.visible)
    (loss_g * apart.loss_scale).backward()
    apart.discriminator.zero_grad()  # G's step leaves them, too
    with mixed_precision(CPU, precision):
        on_fake = lsgan(apart.discriminator(seen.detach()), 0.0, start)
        on_real = lsgan(apart.discriminator(draw.real + settings.noise * draw.real_noise), 1.0, start)
        loss_d = (on_real + on_fake) / 2
    (loss_d * apart.loss_scale).backward()

    assert losses[2].item() == pytest.approx(loss_d.item(), rel=1e-2)
    for mine, network in ((together.weights_g.grad, apart.generator), (together.weights_d.grad, apart.discriminator)):
        theirs = gradients(network) / apart.loss_scale
        assert mine is not None
        assert (mine - theirs).norm() < tolerance * theirs.norm()  # sums in another order


STAGED = replace(SMOKE, crop=64, size_multiple=16)
UNGUIDED = replace(STAGED, places=0.0, copies=0.0, moments=0.0)


def staged(settings: Settings = STAGED) -> tuple[TrainingState, Batch]:
    picture = np.random.default_rng(0).integers(0, 256, (80, 96, 3)).astype(np.uint8)
    return TrainingState(settings, 0, CPU), Sampler([picture], settings, 0, CPU).calibration(4)[3]


def test_a_further_stage_trains_itself_and_leaves_the_first_one_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    state, draw = staged(UNGUIDED)
    training_step(state, draw)
    first, _ = staged(UNGUIDED)
    monkeypatch.setattr(step, "learn_from_further_stages", lambda *given: [])
    training_step(first, draw)
    further = {name for name, _ in state.generator.named_parameters() if name.startswith("refiners")}
    sizes = [(name in further, p.numel()) for name, p in state.generator.named_parameters()]
    theirs = torch.cat([torch.full((count,), own) for own, count in sizes])
    assert state.weights_g.grad is not None
    assert first.weights_g.grad is not None
    assert torch.equal(state.weights_g.grad[~theirs], first.weights_g.grad[~theirs])
    assert first.weights_g.grad[theirs].abs().max() == 0
    assert state.weights_g.grad[theirs].abs().max() > 0


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("stages", [1, 2])
def test_two_things_at_a_time_give_the_same_bits_as_one_after_the_other(precision: str, stages: int) -> None:
    settings = replace(STAGED, stages=stages, reconstruction=0.1)
    picture = np.random.default_rng(0).integers(0, 256, (80, 96, 3)).astype(np.uint8)
    draws = Sampler([picture], settings, 0, CPU).calibration(6)
    trained = []
    for threads in (1, 2, 3):
        state = TrainingState(settings, 0, CPU, precision)
        state.iteration = 6  # rates above zero
        state.set_schedules()
        with using_threads(threads):
            losses = torch.stack([training_step(state, draw) for draw in draws])
        trained.append((losses, state.weights_g, state.weights_d, state.weights_averaged))
    for values in trained[1:]:
        assert all(torch.equal(one, other) for one, other in zip(trained[0], values, strict=True))


@pytest.mark.parametrize("name", ["places", "copies", "moments"])
def test_guidance_is_part_of_what_the_generator_learns_from(name: str) -> None:
    with_it, draw = staged(replace(UNGUIDED, **{name: 1.0}))
    without, _ = staged(UNGUIDED)
    likely = replace(draw, likeness=torch.ones(()))
    guided, free = training_step(with_it, likely), training_step(without, likely)
    index = LOSSES.index("guidance")
    assert guided[index] > free[index] + 0.05
    assert not torch.equal(with_it.weights_g.grad, without.weights_g.grad)
    assert torch.equal(guided[:index], free[:index])


@pytest.mark.parametrize("name", ["places", "copies", "moments"])
def test_guidance_weighs_as_much_as_its_setting(name: str) -> None:
    found = []
    for weight in (0.0, 0.5, 1.0):
        state, draw = staged(replace(UNGUIDED, **{name: weight}))
        losses = training_step(state, replace(draw, likeness=torch.ones(())))
        found.append(losses[LOSSES.index("guidance")].item())
    nothing, half, whole = found
    assert whole - nothing == pytest.approx(2 * (half - nothing), rel=1e-3)


def test_guidance_has_little_weight_once_the_scales_have_moved() -> None:
    unrefined, found = replace(UNGUIDED, places=1.0, copies=1.0, stages=1, guidance_left=0.1), []
    for position in (0.0, unrefined.fine_at * unrefined.iterations):
        state, draw = staged(unrefined)
        state.scale_progress.fill_(position / (unrefined.fine_at * unrefined.iterations))
        found.append(first_stage(state, draw).guidance.item())
    assert found[1] == pytest.approx(0.1 * found[0], rel=0.05)


def test_moments_keep_their_weight_once_the_scales_have_moved() -> None:
    found = []
    for progress in (0.0, 1.0):
        state, draw = staged(replace(UNGUIDED, moments=1.0))
        state.scale_progress.fill_(progress)
        found.append(first_stage(state, draw).guidance.item())
    assert found[1] == pytest.approx(found[0])
    assert found[0] > 0.05


def test_windows_lie_anywhere_in_a_picture_and_a_small_one_is_seen_whole() -> None:
    picture = torch.arange(7.0 * 9).view(1, 1, 7, 9)
    assert torch.equal(window(picture, torch.tensor([0.0, 0.0]), 4), picture[..., :4, :4])
    assert torch.equal(window(picture, torch.tensor([0.999, 0.5]), 4), picture[..., 3:, 3:7])
    assert torch.equal(window(picture, torch.tensor([0.3, 0.999]), 8), picture[..., 1:])


@pytest.mark.parametrize("stages", [1, 2, 3])
def test_a_step_reads_nothing_back_from_the_device(stages: int) -> None:
    """It can be captured: no value of a tensor decides what is launched."""
    state, draw = staged(replace(STAGED, stages=stages, downscales=1, crop=96, reconstruction=0.1))
    with using_threads(1), HostReads() as reads:  # it sees this thread alone
        training_step(state, draw)
    assert reads.names == []


class HostReads(TorchDispatchMode):
    """Operations that wait for a value."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.nonzero.default):
            self.names.append(str(func))
        return func(*args, **(kwargs or {}))


def test_operations_of_a_step_with_a_way_back_can_be_counted() -> None:
    """torch's counter follows modules through both passes of G."""
    counts = []
    for reconstruction in (0.0, 0.1):
        state, draw = staged(replace(STAGED, reconstruction=reconstruction))
        with FlopCounterMode(display=False) as counter:
            training_step(state, draw)
        counts.append(counter.get_total_flops())
    assert 1.1 * counts[0] < counts[1] < 2 * counts[0]
