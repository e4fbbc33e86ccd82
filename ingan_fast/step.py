"""One training iteration of InGAN (ICCV 2019, section 2 and figure 3), top to bottom."""

import torch
from torch import Tensor
from torch.nn import functional as F

from ingan_fast.convolutions import power_iteration, shared_weights
from ingan_fast.kernels import homography_warp
from ingan_fast.losses import lsgan, out_of_place, patch_swd, reconstruction_l1
from ingan_fast.networks import planes, shrink
from ingan_fast.sampling import Draw
from ingan_fast.state import TrainingState, gradient, mixed_precision

LOSSES = ("adversarial", "reconstruction", "invention", "discriminator")


def training_step(state: TrainingState, draw: Draw) -> Tensor:
    """Update G and D once.

    What is random or changes with the iteration comes with the draw, or lies in tensors of the state: so that a GPU
    can record the step and repeat it.

    Args:
        state: networks and optimisers, changed in place, but for the schedules and the number of the iteration.
        draw: this iteration's crops, transformation and noise.

    Returns:
        The losses, float32 [4] in the order of `LOSSES`, on the device (reading them would wait for it).
    """
    power_iteration(state.generator)
    power_iteration(state.discriminator)

    if state.settings.unit_scale:
        adversarial, reconstruction, invented, loss_g, loss_d = _unit_scale_losses(state, draw)
    else:
        adversarial, reconstruction, invented, loss_g, loss_d = _staged_losses(state, draw)

    # Both losses stand on one pass of D over y; each goes back to its own network's weights alone.
    state.weights_g.grad = gradient(loss_g, state.generator, retain_graph=True)
    state.weights_d.grad = gradient(loss_d, state.discriminator)
    state.optimizer_g.step()
    state.optimizer_d.step()

    state.average_generator()
    return torch.stack([adversarial, reconstruction, invented, loss_d]).detach()


def _unit_scale_losses(state: TrainingState, draw: Draw) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    settings, fineness = state.settings, state.fineness
    zero = torch.zeros((), device=state.device)
    # Noise on real and fake alike keeps D from winning by their finest grain.
    with mixed_precision(state.device), shared_weights(state.generator, state.discriminator):
        y, invented = state.generator(draw.image, draw.transform, draw.size)
        on_fake = state.discriminator(planes(y) + settings.noise * draw.noise)
        on_real = state.discriminator(planes(draw.real) + settings.noise * draw.real_noise)
    invented = zero if invented is None else invented
    adversarial = lsgan(on_fake, 1.0, fineness)
    loss_g = adversarial + settings.invention * invented
    loss_d = (lsgan(on_real, 1.0, fineness) + lsgan(on_fake, 0.0, fineness)) / 2
    return adversarial, zero, invented, loss_g, loss_d


def _staged_losses(state: TrainingState, draw: Draw) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    settings, fineness, generator, critic = state.settings, state.fineness, state.generator, state.discriminator
    zero = torch.zeros((), device=state.device)
    adversarial = reconstruction = extra = loss_d = zero
    factor = generator.coarse
    noise = settings.noise
    with mixed_precision(state.device), shared_weights(generator, critic):
        x = shrink(draw.image, factor)
        logits = generator.trunk(generator.warp(draw.image, draw.transform, draw.size))
        picture = planes(generator.squashed(logits))
        real = planes(shrink(draw.real, factor))
        if settings.restraint:
            extra = extra + settings.restraint * F.relu(logits.float().abs() - 1).square().mean()
        if settings.reconstruction:
            back = generator.trunk(homography_warp(generator.entry(picture.contiguous(memory_format=torch.channels_last)), draw.inverse, (x.shape[-2], x.shape[-1])))
            visible = F.interpolate(draw.visible[None, None], x.shape[-2:], mode="nearest")[0, 0]
            reconstruction = reconstruction_l1(generator.squashed(back), x, visible)
        if settings.places or settings.copy:
            warped = planes(homography_warp(x.contiguous(memory_format=torch.channels_last), draw.transform, (picture.shape[-2], picture.shape[-1])))
            if settings.places:
                extra = extra + settings.places * out_of_place(picture, warped, max(1, settings.place // factor))
            if settings.copy:
                extra = extra + settings.copy * draw.likeness * (picture - warped).abs().mean()
        if settings.swd:
            extra = extra + settings.swd * _swd(picture, planes(x), draw)
        on_fake = critic.of_stage(0, picture + noise * _like(draw.noise, picture))
        on_real = critic.of_stage(0, real + noise * _like(draw.real_noise, real))
        adversarial = lsgan(on_fake, 1.0, fineness)
        loss_d = (lsgan(on_real, 1.0, fineness) + lsgan(on_fake, 0.0, fineness)) / 2

        finest = torch.ones((), device=state.device)
        for stage, refiner in enumerate(generator.refiners, start=1):
            part = _window(picture.detach(), draw.windows[0], settings.window // 2)
            real = _window(planes(shrink(draw.real, 2 ** (settings.stages - 1 - stage))), draw.windows[1], settings.window)
            picture = planes(refiner(part))
            again = planes(refiner(F.avg_pool2d(real, 2)))
            extra = extra + 0.5 * (again - real).abs().mean() + 0.5 * (F.avg_pool2d(picture, 2) - part).abs().mean()
            if settings.swd:
                same = _window(planes(shrink(draw.image, 2 ** (settings.stages - 1 - stage))), draw.windows[0], settings.window)
                extra = extra + settings.swd * _swd(picture, same, draw)
            on_fake = critic.of_stage(stage, picture + noise * _like(draw.noise, picture))
            on_real = critic.of_stage(stage, real + noise * _like(draw.real_noise, real))
            adversarial = adversarial + lsgan(on_fake, 1.0, finest)
            loss_d = loss_d + (lsgan(on_real, 1.0, finest) + lsgan(on_fake, 0.0, finest)) / 2
    loss_g = adversarial + settings.reconstruction * reconstruction + extra
    return adversarial, reconstruction, extra, loss_g, loss_d


def _swd(picture: Tensor, image: Tensor, draw: Draw) -> Tensor:
    with torch.autocast(picture.device.type, enabled=False):
        return patch_swd(picture, image, draw.directions)


def _like(noise: Tensor, picture: Tensor) -> Tensor:
    return noise[..., : picture.shape[-2], : picture.shape[-1]]


def _window(picture: Tensor, place: Tensor, side: int) -> Tensor:
    """A square of at most `side` px a side at `place` [2] in [0, 1)."""
    for dim, at in zip((2, 3), place, strict=True):
        length = picture.shape[dim]
        if length > side:
            start = (at * (length - side + 1)).floor().clamp(max=length - side).long()
            picture = picture.index_select(dim, start + torch.arange(side, device=picture.device))
    return picture
