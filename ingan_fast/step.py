"""One training iteration of InGAN (ICCV 2019, section 2 and figure 3), top to bottom."""

import torch
from torch import Tensor

from ingan_fast.losses import lsgan, reconstruction_l1
from ingan_fast.networks import power_iteration
from ingan_fast.sampling import Draw
from ingan_fast.state import TrainingState, mixed_precision

LOSSES = ("adversarial", "reconstruction", "invention", "discriminator")


def training_step(state: TrainingState, draw: Draw, noise: torch.Generator) -> Tensor:
    """Update G and D once.

    Args:
        state: networks and optimisers, changed in place; its iteration goes up by one.
        draw: this iteration's crops and transformation.
        noise: where what is random inside the step comes from.

    Returns:
        The losses, float32 [4] in the order of `LOSSES`, on the device (reading them would wait for it).
    """
    settings = state.settings
    fineness = state.iteration / max(settings.fine_at * settings.iterations, 1)
    state.set_learning_rates()
    power_iteration(state.generator)
    power_iteration(state.discriminator)

    # G: y = G(x; T) shall look real at every scale, and x̂ = G(y; T⁻¹) shall give x back.
    state.discriminator.requires_grad_(False)
    zero = torch.zeros((), device=state.device)
    with mixed_precision(state.device):
        y, invented = state.generator(draw.image, draw.transform, draw.size)
        adversarial = lsgan(state.discriminator(_noisy(y, settings.noise, noise)), 1.0, fineness)
        reconstruction = zero
        if settings.reconstruction:
            back = y.detach() if settings.detach_inverse else y
            x_hat = state.generator(back, draw.inverse, tuple(draw.image.shape[-2:])).image
            reconstruction = reconstruction_l1(x_hat, draw.image, draw.visible)
    invented = zero if invented is None else invented
    loss_g = adversarial + settings.reconstruction * reconstruction + settings.invention * invented
    state.optimizer_g.zero_grad(set_to_none=True)
    loss_g.backward()
    state.optimizer_g.step()

    # D: real crops are 1, generated ones 0.
    state.discriminator.requires_grad_(True)
    with mixed_precision(state.device):
        on_real = lsgan(state.discriminator(_noisy(draw.real, settings.noise, noise)), 1.0, fineness)
        on_fake = lsgan(state.discriminator(_noisy(y.detach(), settings.noise, noise)), 0.0, fineness)
        loss_d = (on_real + on_fake) / 2
    state.optimizer_d.zero_grad(set_to_none=True)
    loss_d.backward()
    state.optimizer_d.step()

    state.iteration += 1
    state.average_generator()
    return torch.stack([adversarial, reconstruction, invented, loss_d]).detach()


def _noisy(image: Tensor, level: float, generator: torch.Generator) -> Tensor:
    """What D sees: noise on real and fake alike keeps it from winning by their finest grain."""
    image = image.float()
    if not level:
        return image
    return image + level * torch.randn(image.shape, generator=generator, device=image.device)
