"""One training iteration of InGAN (ICCV 2019, section 2 and figure 3), top to bottom."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from ingan_fast.kernels import homography_warp
from ingan_fast.model.convolutions import power_iteration, shared_weights
from ingan_fast.model.gradients import (
    Gradients,
    gradient,
    gradients_through,
    partial_gradients,
    partial_gradients_and_input,
)
from ingan_fast.model.losses import (
    guidance_weight,
    lsgan,
    moment_distance,
    out_of_place,
    reconstruction_l1,
    refinement_l1,
)
from ingan_fast.model.networks import shrink, to_contiguous_float32
from ingan_fast.model.precision import mixed_precision
from ingan_fast.model.sampling import Batch
from ingan_fast.model.state import TrainingState
from ingan_fast.threads import Start, side_by_side

LOSSES = ("adversarial", "reconstruction", "discriminator", "guidance")


@dataclass(frozen=True)
class Fake:
    """Output of a stage of G, and the losses of G that don't involve D, as scalars.

    Attributes:
        made: y, or a window of it, as G made it: [N, 3, H, W] in [-1, 1].
        picture: the same as contiguous float32.
    """

    made: Tensor
    picture: Tensor
    guidance: Tensor


@dataclass(frozen=True)
class Learnt:
    """What passes teach the networks: the losses, float32 [4] in the order of `LOSSES`, and their gradients, if any."""

    losses: Tensor
    generator: Gradients | None = None
    discriminator: Gradients | None = None


# Waits for what the way back teaches G, and for the gradient of y; the latter is None where nothing goes through y.
FromWayBack = Callable[[], tuple[Learnt, Tensor | None]]


def training_step(state: TrainingState, batch: Batch) -> Tensor:
    """Update G and D once.

    What D learns from real crops does not depend on G, a further stage of G and the way back to x only on the picture
    of the stage before, and the gradients of G and D begin from the same score maps. So two of them are worked on at a
    time (`side_by_side`).

    All randomness and all schedules come in through `batch` or tensors of the state, so that a GPU can capture the
    step and replay it.

    Args:
        state: networks and optimisers are updated in place; schedules and the iteration number are not.
        batch: this iteration's crops, transformation and noise.

    Returns:
        The losses, float32 [4] in the order of `LOSSES`, on the device (reading them waits for it).
    """
    generator, discriminator = state.generator, state.discriminator
    with side_by_side(state.device) as start:
        iterated = start(partial(power_iteration, discriminator))
        power_iteration(generator)
        iterated()
        with _prepared_weights(state):
            from_real = [start(partial(learn_from_real, state, batch, stage)) for stage in range(state.settings.stages)]
            with mixed_precision(state.device, state.precision):
                first = first_stage(state, batch)
            from_way_back = None
            if state.settings.reconstruction:
                from_way_back = start(partial(learn_from_way_back, state, batch, first.made))
            from_further = start(partial(learn_from_further_stages, state, batch, first.picture, start))
            learnt = learn_from_fake(state, batch, 0, first, start, from_way_back) + from_further()
            parts_g = [one.generator for one in learnt if one.generator is not None]
            state.weights_g.grad = gradient(generator, parts_g, state.loss_scale)
            learnt += [wait() for wait in from_real]
            parts_d = [one.discriminator for one in learnt if one.discriminator is not None]
            state.weights_d.grad = gradient(discriminator, parts_d, state.loss_scale)
        updated = start(state.optimizer_d.step)
        state.optimizer_g.step()
        state.average_generator()
        updated()
    return torch.stack([one.losses for one in learnt]).sum(dim=0)


@contextmanager
def _prepared_weights(state: TrainingState) -> Iterator[None]:
    """`shared_weights` of both networks in the state's precision; gradients inside are computed without autocast."""
    with ExitStack() as stack:
        with mixed_precision(state.device, state.precision):
            stack.enter_context(shared_weights(state.generator, state.discriminator))
        yield


def first_stage(state: TrainingState, batch: Batch) -> Fake:
    """Run G's first stage (the only one in the paper) on the batch's crop."""
    settings, generator = state.settings, state.generator
    x = shrink(batch.image, generator.coarse)
    y = generator.first_stage(x, batch.transform, batch.size)
    picture, guidance = to_contiguous_float32(y), torch.zeros((), device=state.device)
    if settings.places or settings.copies:
        apart = picture - to_contiguous_float32(homography_warp(x, batch.transform, (y.shape[-2], y.shape[-1])))
        guidance = settings.places * out_of_place(apart, generator.coarse)
        guidance = guidance + settings.copies * batch.likeness * apart.abs().mean()
        guidance = guidance_weight(state.scale_progress, settings.guidance_left) * guidance
    if settings.moments:
        distance = moment_distance(picture, to_contiguous_float32(x), batch.transform, generator.coarse)
        guidance = guidance + settings.moments * distance
    return Fake(y, picture, guidance)


def way_back(state: TrainingState, batch: Batch, y: Tensor) -> Tensor:
    """The reconstruction loss (paper section 2.1): y, transformed by G with T⁻¹, is x again."""
    generator = state.generator
    x = shrink(batch.image, generator.coarse)
    x_hat = generator.first_stage(y, batch.inverse, (batch.image.shape[-2], batch.image.shape[-1]))
    return reconstruction_l1(x_hat, x, shrink(batch.visible[None], generator.coarse)[0])


def refine(state: TrainingState, batch: Batch, stage: int, coarse: Tensor) -> Fake:
    """Refine a window of the previous stage's picture to twice the resolution.

    The coarse picture gets no gradient: the previous stage decides on the layout, this one on the detail. Real crops,
    shrunk and refined, teach which detail fits which coarse content.
    """
    refiner = state.generator.refiners[stage - 1]
    part = window(coarse.detach(), batch.windows[0], state.settings.window // 2)
    real = real_picture(state, batch, stage)
    fine, again = to_contiguous_float32(refiner(part)), to_contiguous_float32(refiner(shrink(real, 2)))
    return Fake(fine, fine, refinement_l1(fine, part, again, real))


def real_picture(state: TrainingState, batch: Batch, stage: int) -> Tensor:
    """What D compares a stage's output with: a real crop at that resolution, for further stages a window of it."""
    settings = state.settings
    picture = to_contiguous_float32(shrink(batch.real, 2 ** (settings.stages - 1 - stage)))
    return window(picture, batch.windows[1], settings.window) if stage else picture


def learn_from_real(state: TrainingState, batch: Batch, stage: int) -> Learnt:
    """D's loss on real crops at the resolution of a stage."""
    with mixed_precision(state.device, state.precision):
        maps = score_maps(state, stage, real_picture(state, batch, stage), batch.real_noise)
    loss = lsgan(maps, 1.0, progress_of_scales(state, stage)) / 2
    nothing = torch.zeros_like(loss)
    losses = torch.stack([nothing, nothing, loss, nothing]).detach()
    return Learnt(losses, discriminator=partial_gradients(state.discriminator, loss, state.loss_scale))


def learn_from_fake(
    state: TrainingState, batch: Batch, stage: int, fake: Fake, start: Start, from_way_back: FromWayBack | None = None
) -> list[Learnt]:
    """The losses of G (look real at every scale) and of D (tell y from real crops).

    Both use one pass of D over y; each is differentiated by its own network's weights only.
    """
    with mixed_precision(state.device, state.precision):
        maps = score_maps(state, stage, fake.picture, batch.noise)
    progress = progress_of_scales(state, stage)
    of_d = start(partial(learn_to_tell, state, maps, progress))
    adversarial = lsgan(maps, 1.0, progress)
    loss_g, further = adversarial + fake.guidance, []
    if from_way_back is None:
        gradients_g = partial_gradients(state.generator, loss_g, state.loss_scale)
    else:
        (of_y,) = torch.autograd.grad(loss_g * state.loss_scale, fake.made, retain_graph=True)
        learnt, of_y_back = from_way_back()
        further.append(learnt)
        of_y = of_y if of_y_back is None else of_y + of_y_back
        gradients_g = gradients_through(state.generator, fake.made, of_y)
    discriminator, gradients_d = of_d()
    nothing = torch.zeros_like(adversarial)
    losses = torch.stack([adversarial, nothing, discriminator, fake.guidance]).detach()
    return [Learnt(losses, gradients_g, gradients_d), *further]


def learn_from_way_back(state: TrainingState, batch: Batch, y: Tensor) -> tuple[Learnt, Tensor | None]:
    """G's reconstruction loss, differentiated by its weights on the way back, and by y."""
    settings = state.settings
    y = y.detach().requires_grad_(not settings.detach_inverse)
    y = y.view_as(y)  # because torch's FLOP counter fails where a module's input is a leaf
    with mixed_precision(state.device, state.precision):
        loss = way_back(state, batch, y)
    nothing = torch.zeros_like(loss)
    losses = torch.stack([nothing, loss, nothing, nothing]).detach()
    weighted = settings.reconstruction * loss
    gradients, of_y = partial_gradients_and_input(state.generator, weighted, state.loss_scale, y)
    return Learnt(losses, generator=gradients), of_y


def learn_to_tell(state: TrainingState, maps: list[Tensor], progress: Tensor) -> tuple[Tensor, Gradients]:
    """D's loss on y, from its maps, with the gradients."""
    loss = lsgan(maps, 0.0, progress) / 2
    return loss.detach(), partial_gradients(state.discriminator, loss, state.loss_scale)


def learn_from_further_stages(state: TrainingState, batch: Batch, coarse: Tensor, start: Start) -> list[Learnt]:
    """`learn_from_fake` of all stages after the first, whose picture is `coarse`."""
    learnt: list[Learnt] = []
    for stage in range(1, state.settings.stages):
        with mixed_precision(state.device, state.precision):
            fake = refine(state, batch, stage, coarse)
        learnt += learn_from_fake(state, batch, stage, fake, start)
        coarse = fake.picture
    return learnt


def score_maps(state: TrainingState, stage: int, picture: Tensor, noise: Tensor) -> list[Tensor]:
    """D's maps of a stage's picture. Noise on both real and fake keeps D from winning by the finest grain."""
    height, width = picture.shape[-2:]
    return state.discriminator.of_stage(stage, picture + state.settings.noise * noise[..., :height, :width])


def progress_of_scales(state: TrainingState, stage: int) -> Tensor:
    """`progress` of `losses.scale_weights`: in further stages the finest scales weigh most, from the start."""
    return torch.ones((), device=state.device) if stage else state.scale_progress


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
