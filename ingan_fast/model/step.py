"""One training iteration of InGAN (ICCV 2019, section 2 and figure 3), top to bottom."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
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
from ingan_fast.threads import side_by_side

LOSSES = ("adversarial", "reconstruction", "discriminator", "guidance")


@dataclass(frozen=True)
class Outputs:
    """Outputs of G, and its losses that don't involve D, as scalars.

    Attributes:
        fakes: y of each stage, or a window of it, first stage first: float32 [N, 3, H, W] in [-1, 1].
    """

    fakes: list[Tensor]
    reconstruction: Tensor
    guidance: Tensor


def training_step(state: TrainingState, batch: Batch) -> Tensor:
    """Update G and D once.

    What D learns from real crops does not depend on G, and both losses of y begin from the same score maps. So a CPU
    works on two things at a time (`side_by_side`): beside the passes of G, D's pass over real crops; beside the
    gradient of G, that of D.

    All randomness and all schedules come in through `batch` or tensors of the state, so that a GPU can capture the
    step and replay it.

    Args:
        state: networks and optimisers are updated in place; schedules and the iteration number are not.
        batch: this iteration's crops, transformation and noise.

    Returns:
        The losses, float32 [4] in the order of `LOSSES`, on the device (reading them waits for it).
    """
    settings, generator, discriminator = state.settings, state.generator, state.discriminator
    with side_by_side(state.device) as start:
        iterated = start(lambda: power_iteration(discriminator))
        power_iteration(generator)
        iterated()
        with _prepared_weights(state):
            from_real = start(lambda: _learn_from_real(state, batch))
            with mixed_precision(state.device, state.precision):
                outputs = generate(state, batch)
                maps = score_maps(state, outputs.fakes, batch.noise)
            adversarial, taken_for_real = lsgan_of_stages(state, maps, 1.0), lsgan_of_stages(state, maps, 0.0) / 2
            from_fake = start(lambda: gradient(taken_for_real, discriminator, state.loss_scale))
            loss_g = adversarial + settings.reconstruction * outputs.reconstruction + outputs.guidance
            # Both losses use one pass of D over y; each is differentiated by its own network's weights only.
            state.weights_g.grad = gradient(loss_g, generator, state.loss_scale)
            taken_for_fake, gradient_d = from_real()
            state.weights_d.grad = gradient_d.add_(from_fake())
        updated = start(state.optimizer_d.step)
        state.optimizer_g.step()
        state.average_generator()
        updated()
    discrimination = taken_for_fake + taken_for_real
    return torch.stack([adversarial, outputs.reconstruction, discrimination, outputs.guidance]).detach()


@contextmanager
def _prepared_weights(state: TrainingState) -> Iterator[None]:
    """`shared_weights` of both networks in the state's precision; gradients inside are computed without autocast."""
    with ExitStack() as stack:
        with mixed_precision(state.device, state.precision):
            stack.enter_context(shared_weights(state.generator, state.discriminator))
        yield


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

    fakes, reals = [to_contiguous_float32(y)], real_pictures(state, batch)
    for stage in range(1, settings.stages):
        fine, owed = _refine(state, batch, stage, fakes[-1], reals[stage])
        fakes.append(fine)
        guidance = guidance + owed
    return Outputs(fakes, reconstruction, guidance)


def _refine(state: TrainingState, batch: Batch, stage: int, coarse: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
    """Refine a window of the previous stage's picture to twice the resolution; also returns `refinement_l1`.

    The coarse picture gets no gradient: the previous stage decides on the layout, this one on the detail. Real crops,
    shrunk and refined, teach which detail fits which coarse content.
    """
    refiner = state.generator.refiners[stage - 1]
    part = window(coarse.detach(), batch.windows[0], state.settings.window // 2)
    fine, again = to_contiguous_float32(refiner(part)), to_contiguous_float32(refiner(shrink(real, 2)))
    return fine, refinement_l1(fine, part, again, real)


def real_pictures(state: TrainingState, batch: Batch) -> list[Tensor]:
    """What D compares each stage's output with: a real crop at that resolution, for further stages a window of it."""
    settings = state.settings
    pictures = [
        to_contiguous_float32(shrink(batch.real, 2 ** (settings.stages - 1 - stage)))
        for stage in range(settings.stages)
    ]
    return pictures[:1] + [window(picture, batch.windows[1], settings.window) for picture in pictures[1:]]


def _learn_from_real(state: TrainingState, batch: Batch) -> tuple[Tensor, Tensor]:
    """D's loss on real crops, and its gradient."""
    with mixed_precision(state.device, state.precision):
        maps = score_maps(state, real_pictures(state, batch), batch.real_noise)
    loss = lsgan_of_stages(state, maps, 1.0) / 2
    return loss.detach(), gradient(loss, state.discriminator, state.loss_scale)


def score_maps(state: TrainingState, pictures: list[Tensor], noise: Tensor) -> list[list[Tensor]]:
    """D's maps of each stage's picture. Noise on both real and fake keeps D from winning by the finest grain."""
    weight = state.settings.noise
    return [
        state.discriminator.of_stage(stage, picture + weight * part_of(noise, picture))
        for stage, picture in enumerate(pictures)
    ]


def lsgan_of_stages(state: TrainingState, maps: list[list[Tensor]], target: float) -> Tensor:
    """LSGAN loss summed over the stages. In further stages D's finest scales weigh most, from the start."""
    finest = torch.ones((), device=state.device)
    return torch.stack(
        [lsgan(of_stage, target, finest if stage else state.scale_progress) for stage, of_stage in enumerate(maps)]
    ).sum()


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
