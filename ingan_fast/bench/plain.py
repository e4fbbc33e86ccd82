"""The training iteration as one would first write it: what the engines are compared with."""

import copy

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from ingan_fast.convolutions import SpectralConv2d
from ingan_fast.losses import lsgan, reconstruction_l1
from ingan_fast.sampling import Draw
from ingan_fast.state import TrainingState


class PlainIteration:
    """The paper's iteration in float32 on contiguous tensors, with torch's own parts and defaults.

    Torch's spectral norm (a power iteration in every forward), an optimiser that is not fused, D's gradients computed
    in G's step too, a second pass of D over y. Takes over the networks of `state`.
    """

    def __init__(self, state: TrainingState):
        self.state = state
        for network in (state.generator, state.discriminator):
            _plain_convolutions(network)
            network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        settings = state.settings
        self.averaged = copy.deepcopy(state.generator)
        self.optimizer_g = _plain_adam(state.generator, settings.learning_rate_g)
        self.optimizer_d = _plain_adam(state.discriminator, settings.learning_rate_d)

    def __call__(self, draw: Draw) -> None:
        state, settings = self.state, self.state.settings
        generator, discriminator, fineness = state.generator, state.discriminator, state.fineness
        image, real = draw.image.contiguous(), draw.real.contiguous()
        y, invented = generator(image, draw.transform, draw.size)
        loss = lsgan(discriminator(_noisy(y, draw.noise, settings.noise)), 1.0, fineness)
        if settings.reconstruction:
            x_hat = generator(y, draw.inverse, tuple(image.shape[-2:])).image
            loss = loss + settings.reconstruction * reconstruction_l1(x_hat, image, draw.visible)
        if invented is not None:
            loss = loss + settings.invention * invented
        self.optimizer_g.zero_grad()
        loss.backward()
        self.optimizer_g.step()
        on_real = lsgan(discriminator(_noisy(real, draw.real_noise, settings.noise)), 1.0, fineness)
        on_fake = lsgan(discriminator(_noisy(y.detach(), draw.noise, settings.noise)), 0.0, fineness)
        self.optimizer_d.zero_grad()
        ((on_real + on_fake) / 2).backward()
        self.optimizer_d.step()
        for averaged, weight in zip(self.averaged.parameters(), generator.parameters(), strict=True):
            averaged.data.lerp_(weight.data, 1 - settings.ema)


def _plain_convolutions(network: nn.Module) -> None:
    """Put torch's own spectrally normalised convolution, which iterates in every forward, in place of ours."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, SpectralConv2d):
                plain = nn.Conv2d(
                    child.in_channels,
                    child.out_channels,
                    child.kernel_size[0],
                    stride=child.stride[0],
                    padding=child.border,
                    padding_mode="reflect" if child.border else "zeros",
                    device=child.weight.device,
                )
                plain.load_state_dict({"weight": child.weight, "bias": child.bias})
                setattr(parent, name, spectral_norm(plain))


def _plain_adam(network: nn.Module, learning_rate: float) -> torch.optim.Adam:
    return torch.optim.Adam(network.parameters(), learning_rate, betas=(0.5, 0.999), foreach=False, fused=False)


def _noisy(image: Tensor, noise: Tensor, level: float) -> Tensor:
    return image + level * noise
