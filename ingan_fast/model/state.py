"""Complete state of a training: networks, optimisers, averaged generator, iteration."""

import copy
from dataclasses import astuple
from typing import Any

import torch
from torch import Tensor, nn

from ingan_fast.model.adam import Adam
from ingan_fast.model.convolutions import SpectralConv2d
from ingan_fast.model.discriminator import MultiScaleDiscriminator
from ingan_fast.model.gradients import in_memory_order
from ingan_fast.model.networks import Generator
from ingan_fast.model.pace import Pace
from ingan_fast.model.precision import LOSS_SCALE, choose_precision, mixed_precision
from ingan_fast.model.sampling import Sampler
from ingan_fast.settings import Settings

CALIBRATION_DRAWS = 60
ORDER = "channels last"  # of convolutions' weights in one vector


class TrainingState:
    """The mutable state of a training; `state_dict` and `load_state_dict` are the checkpoint.

    Args:
        precision: precision of the convolutions (`precision.PRECISIONS`).
    """

    def __init__(self, settings: Settings, seed: int, device: torch.device, precision: str = "auto"):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            generator, discriminator = Generator(settings), MultiScaleDiscriminator(settings)
        self.settings = settings
        self.device = device
        self.precision = choose_precision(device) if precision == "auto" else precision
        self.loss_scale = LOSS_SCALE if self.precision == "float16" else 1.0
        self.iteration = 0  # completed iterations
        self.pace = Pace()
        self.norm_frozen = False
        self.generator = generator.to(device)
        self.discriminator = discriminator.to(device)
        self.averaged = copy.deepcopy(self.generator).requires_grad_(False)
        set_norm_mode(self.generator, training=True)
        self.weights_g, self.weights_d, self.weights_averaged = (
            flatten(network) for network in (self.generator, self.discriminator, self.averaged)
        )
        self.optimizer_g, self.optimizer_d = Adam(self.weights_g), Adam(self.weights_d)
        # Values that change with the iteration are scalars on the device: a captured step reads their current value.
        self.scale_progress = torch.zeros((), device=device)
        self.ema_rate = torch.zeros((), device=device)

    @property
    def position(self) -> float:
        """The schedules' position, in planned iterations."""
        return self.pace.at(self.iteration)

    @property
    def total(self) -> int:
        """The total number of iterations."""
        return self.pace.total(self.settings.iterations)

    def set_schedules(self) -> None:
        """Set what the step reads: learning rates, weights of D's scales, EMA rate."""
        settings, progress = self.settings, self.position / self.settings.iterations
        factor = min(1.0, (1 - progress) / (1 - settings.decay_from))  # constant, then linear to zero
        self.optimizer_g.rate.fill_(settings.learning_rate_g * factor)
        self.optimizer_d.rate.fill_(settings.learning_rate_d * factor)
        self.scale_progress.fill_(self.position / max(settings.fine_at * settings.iterations, 1))
        self.ema_rate.fill_(1 - min(settings.ema, (2 + self.iteration) / (11 + self.iteration)))  # warm-up

    @torch.no_grad()
    def average_generator(self) -> None:
        """Exponential moving average of G's weights."""
        self.weights_averaged.lerp_(self.weights_g, self.ema_rate)

    def freeze_norm(self, sampler: Sampler) -> None:
        """Fix the statistics of G's batch norms, so that the trained network is the deployed one."""
        self.norm_frozen = True
        set_norm_mode(self.generator, training=False)  # statistics are measured with the biases
        recalibrate(self.generator, sampler, self.precision)
        set_norm_mode(self.generator, training=False)

    def deployable(self, sampler: Sampler) -> Generator:
        """The averaged generator with recalibrated statistics, in eval mode."""
        generator = copy.deepcopy(self.averaged)
        for own, current in zip(generator.buffers(), self.generator.buffers(), strict=True):
            own.copy_(current)
        if not self.norm_frozen:
            recalibrate(generator, sampler, self.precision)
        return generator.eval()

    def state_dict(self) -> dict[str, Any]:
        return {
            "iteration": self.iteration,
            "weights": ORDER,
            "pace": astuple(self.pace),
            "norm_frozen": self.norm_frozen,
            **{name: getattr(self, name).state_dict() for name in _PARTS},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint.

        Raises:
            ValueError: its optimisers' vectors are in another order.
        """
        if state.get("weights") != ORDER:
            raise ValueError("the weights of this checkpoint are in another order")
        for name in _PARTS:
            getattr(self, name).load_state_dict(state[name])
        self.iteration = state["iteration"]
        self.pace = Pace(*state["pace"])
        self.norm_frozen = state["norm_frozen"]
        set_norm_mode(self.generator, training=not self.norm_frozen)


_PARTS = ("generator", "discriminator", "averaged", "optimizer_g", "optimizer_d")


@torch.no_grad()
def recalibrate(generator: Generator, sampler: Sampler, precision: str) -> None:
    """Set batch norm's running statistics to their mean over draws of the full range of transformations.

    At batch size 1 a batch norm uses the statistics of the current image; folding needs fixed ones.
    """
    norms = [module for module in generator.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # cumulative mean
    generator.train()
    for draw in sampler.calibration(CALIBRATION_DRAWS):
        with mixed_precision(sampler.device, precision):
            generator(draw.image, draw.transform, draw.size)


def set_norm_mode(generator: Generator, training: bool) -> None:
    """Let batch norms use each picture's own statistics, or fixed ones.

    Each spectrally normalised convolution of G is followed by a batch norm. With a picture's own statistics its bias
    has no effect, so that time for adding it and for its gradient, which is zero, is saved.
    """
    for module in generator.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.train(training)
        elif isinstance(module, SpectralConv2d):
            module.biased = not training


@torch.no_grad()
def flatten(network: nn.Module) -> Tensor:
    """Make the parameters of `network` views of one vector, in `gradients.in_memory_order`, and return it.

    Optimiser and average then run one operation instead of one for each of a hundred small tensors.
    """
    parameters = list(network.parameters())
    vector = torch.cat([in_memory_order(parameter) for parameter in parameters])
    for parameter, part in zip(parameters, vector.split([p.numel() for p in parameters]), strict=True):
        parameter.data = _in_shape_of(parameter, part)
    return vector


def _in_shape_of(parameter: Tensor, values: Tensor) -> Tensor:
    """The reverse of `in_memory_order`, a view."""
    if parameter.dim() != 4:
        return values.view_as(parameter)
    outputs, inputs, height, width = parameter.shape
    return values.view(outputs, height, width, inputs).permute(0, 3, 1, 2)
