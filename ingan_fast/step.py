"""One training iteration of InGAN (ICCV 2019, section 2 and figure 3), top to bottom."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ingan_fast.convolutions import power_iteration, shared_weights
from ingan_fast.kernels import homography_warp
from ingan_fast.losses import lsgan, out_of_place, reconstruction_l1, refinement_l1
from ingan_fast.networks import planes, shrink
from ingan_fast.precision import mixed_precision
from ingan_fast.sampling import Draw
from ingan_fast.state import TrainingState, gradient

LOSSES = ("adversarial", "reconstruction", "invention", "discriminator", "guidance")


@dataclass
class Losses:
    """The terms of both networks' losses, scalars."""

    adversarial: Tensor
    reconstruction: Tensor
    invention: Tensor
    discriminator: Tensor
    guidance: Tensor


def training_step(state: TrainingState, draw: Draw) -> Tensor:
    """Update G and D once.

    What is random or changes with the iteration comes with the draw, or lies in tensors of the state: so that a GPU
    can record the step and repeat it.

    Args:
        state: networks and optimisers, changed in place, but for the schedules and the number of the iteration.
        draw: this iteration's crops, transformation and noise.

    Returns:
        The losses, float32 [5] in the order of `LOSSES`, on the device (reading them would wait for it).
    """
    settings = state.settings
    power_iteration(state.generator)
    power_iteration(state.discriminator)
    with mixed_precision(state.device, state.precision), shared_weights(state.generator, state.discriminator):
        picture, losses = _first_stage(state, draw)
        for stage in range(1, settings.stages):
            picture = _further_stage(state, draw, stage, picture, losses)

    loss_g = losses.adversarial + settings.reconstruction * losses.reconstruction
    loss_g = loss_g + settings.invention * losses.invention + losses.guidance
    # Both losses stand on one pass of D over y; each goes back to its own network's weights alone.
    state.weights_g.grad = gradient(loss_g, state.generator, state.loss_scale, retain_graph=True)
    state.weights_d.grad = gradient(losses.discriminator, state.discriminator, state.loss_scale)
    state.optimizer_g.step()
    state.optimizer_d.step()

    state.average_generator()
    return torch.stack([getattr(losses, name) for name in LOSSES]).detach()


def _first_stage(state: TrainingState, draw: Draw) -> tuple[Tensor, Losses]:
    """What the first stage makes of the whole crop, the only one in the paper, and all losses of it."""
    settings, generator = state.settings, state.generator
    zero = torch.zeros((), device=state.device)
    x = shrink(draw.image, generator.coarse)
    y, invented = generator.lay(x, draw.transform, draw.size)
    reconstruction = zero
    if settings.reconstruction:
        back = y.detach() if settings.detach_inverse else y
        x_hat = generator.lay(back, draw.inverse, (draw.image.shape[-2], draw.image.shape[-1])).image
        reconstruction = reconstruction_l1(x_hat, x, shrink(draw.visible[None], generator.coarse)[0])
    guidance = zero
    if settings.places or settings.copies:
        warped = planes(homography_warp(x, draw.transform, (y.shape[-2], y.shape[-1])))
        apart = planes(y) - warped
        guidance = settings.places * out_of_place(apart, generator.coarse)
        guidance = guidance + settings.copies * draw.likeness * apart.abs().mean()

    picture, real = planes(y), planes(shrink(draw.real, generator.coarse))
    adversarial, discriminator = _adversarial(state, draw, 0, picture, real, state.fineness)
    return picture, Losses(adversarial, reconstruction, zero if invented is None else invented, discriminator, guidance)


def _further_stage(state: TrainingState, draw: Draw, stage: int, coarse: Tensor, losses: Losses) -> Tensor:
    """Make a window of the picture before twice as large, and add what that costs to `losses`.

    The coarse picture gets no gradient from it: what lies where is its own business, what it looks like from near
    this stage's. Real crops made small and large again teach the stage what detail belongs to what.
    """
    settings = state.settings
    refiner = state.generator.refiners[stage - 1]
    part = window(coarse.detach(), draw.windows[0], settings.window // 2)
    real = window(planes(shrink(draw.real, 2 ** (settings.stages - 1 - stage))), draw.windows[1], settings.window)
    fine, again = planes(refiner(part)), planes(refiner(shrink(real, 2)))
    finest = torch.ones((), device=state.device)
    adversarial, discriminator = _adversarial(state, draw, stage, fine, real, finest)
    losses.adversarial = losses.adversarial + adversarial
    losses.discriminator = losses.discriminator + discriminator
    losses.guidance = losses.guidance + refinement_l1(fine, part, again, real)
    return fine


def _adversarial(
    state: TrainingState, draw: Draw, stage: int, picture: Tensor, real: Tensor, fineness: Tensor
) -> tuple[Tensor, Tensor]:
    """What G and D have of a stage's picture: G's shall look real at every scale, D shall tell it from real crops."""
    # Noise on real and fake alike keeps D from winning by their finest grain.
    noise, discriminator = state.settings.noise, state.discriminator
    on_fake = discriminator.of_stage(stage, picture + noise * _part(draw.noise, picture))
    on_real = discriminator.of_stage(stage, real + noise * _part(draw.real_noise, real))
    loss_d = (lsgan(on_real, 1.0, fineness) + lsgan(on_fake, 0.0, fineness)) / 2
    return lsgan(on_fake, 1.0, fineness), loss_d


def window(picture: Tensor, place: Tensor, side: int) -> Tensor:
    """A part of at most `side` px a side, by a place [2] in [0, 1), down and across.

    The place is a tensor, so that a recorded step looks elsewhere each time.
    """
    for dim, at in zip((2, 3), place.unbind(), strict=True):
        length = picture.shape[dim]
        if length > side:
            start = (at * (length - side + 1)).long().clamp(max=length - side)
            picture = picture.index_select(dim, start + torch.arange(side, device=picture.device))
    return picture


def _part(noise: Tensor, picture: Tensor) -> Tensor:
    return noise[..., : picture.shape[-2], : picture.shape[-1]]
