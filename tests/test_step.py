"""One pass of D over y serves both losses: each network gets the gradients of its own loss alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ingan_fast.config import SMOKE
from ingan_fast.convolutions import power_iteration
from ingan_fast.losses import lsgan, reconstruction_l1
from ingan_fast.precision import mixed_precision
from ingan_fast.sampling import Sampler
from ingan_fast.state import TrainingState
from ingan_fast.step import training_step

CPU = torch.device("cpu")


def gradients(network: torch.nn.Module) -> torch.Tensor:
    every = [torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in network.parameters()]
    return torch.cat([gradient.flatten() for gradient in every])


@pytest.mark.parametrize("unit_scale", [False, True])
@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-4), ("bfloat16", 0.03), ("float16", 0.005)])
def test_a_step_gives_the_gradients_of_two_separate_steps(unit_scale: bool, precision: str, tolerance: float) -> None:
    settings = replace(SMOKE, unit_scale=unit_scale, reconstruction=0.1, size_multiple=8)
    picture = np.random.default_rng(0).integers(0, 256, (64, 72, 3)).astype(np.uint8)
    sampler = Sampler([picture], settings, 0, CPU)
    draw = sampler.calibration(3)[2]
    together, apart = (TrainingState(settings, 0, CPU, precision) for _ in range(2))
    losses = training_step(together, draw)

    start = torch.zeros(())
    power_iteration(apart.generator)
    power_iteration(apart.discriminator)
    with mixed_precision(CPU, precision):
        y, invented = apart.generator(draw.image, draw.transform, draw.size)
        x_hat = apart.generator(y, draw.inverse, tuple(draw.image.shape[-2:])).image
        seen = y + settings.noise * draw.noise
        loss_g = lsgan(apart.discriminator(seen), 1.0, start)
        loss_g = loss_g + 0.1 * reconstruction_l1(x_hat, draw.image, draw.visible)
        loss_g = loss_g if invented is None else loss_g + settings.invention * invented
    (loss_g * apart.loss_scale).backward()
    apart.discriminator.zero_grad()  # G's step leaves them, too
    with mixed_precision(CPU, precision):
        on_fake = lsgan(apart.discriminator(seen.detach()), 0.0, start)
        on_real = lsgan(apart.discriminator(draw.real + settings.noise * draw.real_noise), 1.0, start)
        loss_d = (on_real + on_fake) / 2
    (loss_d * apart.loss_scale).backward()

    assert losses[3].item() == pytest.approx(loss_d.item(), rel=1e-2)
    for mine, network in ((together.weights_g.grad, apart.generator), (together.weights_d.grad, apart.discriminator)):
        theirs = gradients(network) / apart.loss_scale
        assert mine is not None
        assert (mine - theirs).norm() < tolerance * theirs.norm()  # sums in another order
