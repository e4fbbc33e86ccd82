"""One training iteration of InGAN (ICCV 2019, section 2 and figure 3), top to bottom."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ingan_fast.kernels import homography_warp
from ingan_fast.model.convolutions import power_iteration, shared_weights
from ingan_fast.model.losses import guidance_weight, lsgan, out_of_place, reconstruction_l1, refinement_l1
from ingan_fast.model.networks import shrink, to_contiguous_float32
from ingan_fast.model.precision import mixed_precision
from ingan_fast.model.sampling import Batch
from ingan_fast.model.state import TrainingState, gradient

LOSSES = ("adversarial", "reconstruction", "discriminator", "guidance")


@dataclass(frozen=True)
class StageOutput:
    """Output of one stage of G and its real counterpart, for D: both float32 [N, 3, H, W] in [-1, 1].

    Attributes:
        fake: y of this stage, or a window of it.
        real: a real crop at the same resolution.
        scale_progress: scalar; weights of D's scales, from coarsest-heavy (0) to finest-heavy (1).
    """

    fake: Tensor
    real: Tensor
    scale_progress: Tensor


@dataclass(frozen=True)
class Outputs:
    """Outputs of all stages, first stage first, and the losses of G that don't involve D, as scalars."""

    stages: list[StageOutput]
    reconstruction: Tensor
    guidance: Tensor


def training_step(state: TrainingState, batch: Batch) -> Tensor:
    """Update G and D once.

    All randomness and all schedules come in through `batch` or tensors of the state, so that a GPU can capture the
    step and replay it.

    Args:
        state: networks and optimisers are updated in place; schedules and the iteration number are not.
        batch: this iteration's crops, transformation and noise.

    Returns:
        The losses, float32 [4] in the order of `LOSSES`, on the device (reading them waits for it).
    """
    settings = state.settings
    power_iteration(state.generator)
    power_iteration(state.discriminator)
    with mixed_precision(state.device, state.precision), shared_weights(state.generator, state.discriminator):
        outputs = generate(state, batch)
        adversarial, discriminator = _adversarial(state, batch, outputs.stages)

    loss_g = adversarial + settings.reconstruction * outputs.reconstruction + outputs.guidance
    # Both losses use one pass of D over y; each is differentiated by its own network's weights only.
    state.weights_g.grad = gradient(loss_g, state.generator, state.loss_scale, retain_graph=True)
    state.weights_d.grad = gradient(discriminator, state.discriminator, state.loss_scale)
    state.optimizer_g.step()
    state.optimizer_d.step()

    state.average_generator()
    return torch.stack([adversarial, outputs.reconstruction, discriminator, outputs.guidance]).detach()


def generate(state: TrainingState, batch: Batch) -> Outputs:
    """Run G on the batch's crop: the first stage (the only one in the paper) on all of it, further ones on windows."""
    settings, generator = state.settings, state.generator
    x = shrink(batch.image, generator.coarse)
    y = generator.first_stage(x, batch.transform, batch.size)
    reconstruction = torch.zeros((), device=state.device)
    if settings.reconstruction:
        back = y.detach() if settings.detach_inverse else y
        x_hat = generator.first_stage(back, batch.inverse, (batch.image.shape[-2], batch.image.shape[-1]))
        reconstruction = reconstruction_l1(x_hat, x, shrink(batch.visible[None], generator.coarse)[0])
    guidance = torch.zeros((), device=state.device)
    if settings.places or settings.copies:
        warped = to_contiguous_float32(homography_warp(x, batch.transform, (y.shape[-2], y.shape[-1])))
        apart = to_contiguous_float32(y) - warped
        guidance = settings.places * out_of_place(apart, generator.coarse)
        guidance = guidance + settings.copies * batch.likeness * apart.abs().mean()
        guidance = guidance_weight(state.scale_progress, settings.guidance_left) * guidance

    fake, real = to_contiguous_float32(y), to_contiguous_float32(shrink(batch.real, generator.coarse))
    stages = [StageOutput(fake, real, state.scale_progress)]
    for stage in range(1, settings.stages):
        refined, owed = _refine(state, batch, stage, stages[-1].fake)
        stages.append(refined)
        guidance = guidance + owed
    return Outputs(stages, reconstruction, guidance)


def _refine(state: TrainingState, batch: Batch, stage: int, coarse: Tensor) -> tuple[StageOutput, Tensor]:
    """Refine a window of the previous stage's picture to twice the resolution; also returns `refinement_l1`.

    The coarse picture gets no gradient: the previous stage decides on the layout, this one on the detail. Real crops,
    shrunk and refined, teach which detail fits which coarse content.
    """
    settings = state.settings
    refiner = state.generator.refiners[stage - 1]
    part = window(coarse.detach(), batch.windows[0], settings.window // 2)
    real = to_contiguous_float32(shrink(batch.real, 2 ** (settings.stages - 1 - stage)))
    real = window(real, batch.windows[1], settings.window)
    fine, again = to_contiguous_float32(refiner(part)), to_contiguous_float32(refiner(shrink(real, 2)))
    finest = torch.ones((), device=state.device)
    return StageOutput(fine, real, finest), refinement_l1(fine, part, again, real)


def _adversarial(state: TrainingState, batch: Batch, stages: list[StageOutput]) -> tuple[Tensor, Tensor]:
    """The losses of G (look real at every scale) and of D (tell y from real crops), summed over the stages."""
    # Noise on both real and fake keeps D from winning by the finest grain.
    noise, discriminator = state.settings.noise, state.discriminator
    loss_g = loss_d = torch.zeros((), device=state.device)
    for stage, output in enumerate(stages):
        on_fake = discriminator.of_stage(stage, output.fake + noise * part_of(batch.noise, output.fake))
        on_real = discriminator.of_stage(stage, output.real + noise * part_of(batch.real_noise, output.real))
        loss_g = loss_g + lsgan(on_fake, 1.0, output.scale_progress)
        loss_d = loss_d + (lsgan(on_real, 1.0, output.scale_progress) + lsgan(on_fake, 0.0, output.scale_progress)) / 2
    return loss_g, loss_d


def window(picture: Tensor, place: Tensor, side: int) -> Tensor:
    """A window of at most `side` × `side` px at `place`, [2] in [0, 1) (down, across).

    `place` is a tensor, so that a captured step uses a new position on each replay.
    """
    for dim, at in zip((2, 3), place.unbind(), strict=True):
        length = picture.shape[dim]
        if length > side:
            start = (at * (length - side + 1)).long().clamp(max=length - side)
            picture = picture.index_select(dim, start + torch.arange(side, device=picture.device))
    return picture


def part_of(noise: Tensor, picture: Tensor) -> Tensor:
    """The top-left part of noise [N, 3, H, W] with the picture's size."""
    return noise[..., : picture.shape[-2], : picture.shape[-1]]
