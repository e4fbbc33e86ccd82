"""A straightforward implementation of the training iteration, the baseline of the engines."""

import copy
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from ingan_fast.model.convolutions import ScoreConv2d, SpectralConv2d
from ingan_fast.model.losses import lsgan
from ingan_fast.model.sampling import Batch
from ingan_fast.model.state import TrainingState
from ingan_fast.model.step import first_stage, progress_of_scales, real_picture, refine, score_maps, way_back


class PlainIteration:
    """The training iteration in float32 on contiguous tensors, with torch's standard parts and defaults.

    Uses torch's spectral norm (a power iteration in every forward) and an unfused optimiser, computes D's gradients
    in G's step too, and runs D twice over y. Takes over the networks of `state`.
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

    def __call__(self, batch: Batch) -> None:
        settings = self.state.settings
        batch = replace(batch, image=batch.image.contiguous(), real=batch.real.contiguous())
        fakes = [first_stage(self.state, batch)]
        for stage in range(1, settings.stages):
            fakes.append(refine(self.state, batch, stage, fakes[-1].picture))
        loss = torch.zeros((), device=self.state.device)
        if settings.reconstruction:
            loss = settings.reconstruction * way_back(self.state, batch, fakes[0].made)
        for stage, fake in enumerate(fakes):
            loss = loss + fake.guidance + self._judged(stage, fake.picture, batch.noise, 1.0)
        self.optimizer_g.zero_grad()
        loss.backward()
        self.optimizer_g.step()
        loss = torch.zeros(())
        for stage, fake in enumerate(fakes):
            loss = loss + self._judged(stage, real_picture(self.state, batch, stage), batch.real_noise, 1.0) / 2
            loss = loss + self._judged(stage, fake.picture.detach(), batch.noise, 0.0) / 2
        self.optimizer_d.zero_grad()
        loss.backward()
        self.optimizer_d.step()
        for averaged, weight in zip(self.averaged.parameters(), self.state.generator.parameters(), strict=True):
            averaged.data.lerp_(weight.data, 1 - settings.ema)

    def _judged(self, stage: int, picture: Tensor, noise: Tensor, target: float) -> Tensor:
        """LSGAN loss of a stage's picture, with noise added."""
        return lsgan(score_maps(self.state, stage, picture, noise), target, progress_of_scales(self.state, stage))


def _plain_convolutions(network: nn.Module) -> None:
    """Replace our convolutions by torch's; its spectral norm iterates in every forward."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, SpectralConv2d | ScoreConv2d):
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
                setattr(parent, name, spectral_norm(plain) if isinstance(child, SpectralConv2d) else plain)


def _plain_adam(network: nn.Module, learning_rate: float) -> torch.optim.Adam:
    return torch.optim.Adam(network.parameters(), learning_rate, betas=(0.5, 0.999), foreach=False, fused=False)
