"""One training iteration of InGAN (ICCV 2019, section 2 and figure 3), top to bottom."""

import torch
from torch import Tensor

from ingan_fast.convolutions import power_iteration, shared_weights
from ingan_fast.losses import lsgan, reconstruction_l1
from ingan_fast.networks import planes
from ingan_fast.precision import mixed_precision
from ingan_fast.sampling import Draw
from ingan_fast.state import TrainingState, gradient

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
    settings, fineness = state.settings, state.fineness
    power_iteration(state.generator)
    power_iteration(state.discriminator)

    zero = torch.zeros((), device=state.device)
    reconstruction = zero
    # Noise on real and fake alike keeps D from winning by their finest grain.
    with mixed_precision(state.device, state.precision), shared_weights(state.generator, state.discriminator):
        y, invented = state.generator(draw.image, draw.transform, draw.size)
        if settings.reconstruction:
            back = y.detach() if settings.detach_inverse else y
            x_hat = state.generator(back, draw.inverse, (draw.image.shape[-2], draw.image.shape[-1])).image
            reconstruction = reconstruction_l1(x_hat, draw.image, draw.visible)
        on_fake = state.discriminator(planes(y) + settings.noise * draw.noise)
        on_real = state.discriminator(planes(draw.real) + settings.noise * draw.real_noise)
    invented = zero if invented is None else invented

    # G: y = G(x; T) shall look real at every scale, and x̂ = G(y; T⁻¹) shall give x back.
    adversarial = lsgan(on_fake, 1.0, fineness)
    loss_g = adversarial + settings.reconstruction * reconstruction + settings.invention * invented
    # D: real crops are 1, generated ones 0.
    loss_d = (lsgan(on_real, 1.0, fineness) + lsgan(on_fake, 0.0, fineness)) / 2

    # Both losses stand on one pass of D over y; each goes back to its own network's weights alone.
    state.weights_g.grad = gradient(loss_g, state.generator, state.loss_scale, retain_graph=True)
    state.weights_d.grad = gradient(loss_d, state.discriminator, state.loss_scale)
    state.optimizer_g.step()
    state.optimizer_d.step()

    state.average_generator()
    return torch.stack([adversarial, reconstruction, invented, loss_d]).detach()
