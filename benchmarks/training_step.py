"""One training iteration of the `cpu` preset, beside the same iteration written plainly.

Plainly: float32, contiguous tensors, torch's own spectral norm (a power iteration in every forward), an unfused
optimiser, D's gradients computed in G's step, a second pass of D over y. The two are interleaved on the same draws.

    python benchmarks/training_step.py [--iterations 40] [--json FILE]
"""

import argparse
import copy
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "8192")

import torch
from rich.console import Console
from rich.table import Table
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from ingan_fast.config import PRESETS
from ingan_fast.convolutions import SpectralConv2d
from ingan_fast.images import load_image
from ingan_fast.jumps import with_jumps
from ingan_fast.losses import lsgan, reconstruction_l1
from ingan_fast.sampling import Draw, Sampler
from ingan_fast.state import TrainingState
from ingan_fast.step import training_step

PICTURE = Path(__file__).parent.parent / "ingan_fast" / "assets" / "market.png"


class PlainIteration:
    """The paper's iteration as one would first write it."""

    def __init__(self, state: TrainingState):
        self.state = state
        for network in (state.generator, state.discriminator):
            _plain_convolutions(network)
            network.to(memory_format=torch.contiguous_format)
        settings = state.settings
        self.averaged = copy.deepcopy(state.generator)
        self.optimizer_g = _plain_adam(state.generator, settings.learning_rate_g)
        self.optimizer_d = _plain_adam(state.discriminator, settings.learning_rate_d)

    def __call__(self, draw: Draw) -> None:
        settings, generator, discriminator = self.state.settings, self.state.generator, self.state.discriminator
        image, real = draw.image.contiguous(), draw.real.contiguous()
        y, invented = generator(image, draw.transform, draw.size)
        loss = lsgan(discriminator(_noisy(y, settings.noise)), 1.0, 0.0)
        if settings.reconstruction:
            x_hat = generator(y, draw.inverse, tuple(image.shape[-2:])).image
            loss = loss + settings.reconstruction * reconstruction_l1(x_hat, image, draw.visible)
        if invented is not None:
            loss = loss + settings.invention * invented
        self.optimizer_g.zero_grad()
        loss.backward()
        self.optimizer_g.step()
        on_real = lsgan(discriminator(_noisy(real, settings.noise)), 1.0, 0.0)
        on_fake = lsgan(discriminator(_noisy(y.detach(), settings.noise)), 0.0, 0.0)
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
                )
                plain.load_state_dict({"weight": child.weight, "bias": child.bias})
                setattr(parent, name, spectral_norm(plain))


def _plain_adam(network: nn.Module, learning_rate: float) -> torch.optim.Adam:
    return torch.optim.Adam(network.parameters(), learning_rate, betas=(0.5, 0.999), foreach=False, fused=False)


def _noisy(image: torch.Tensor, level: float) -> torch.Tensor:
    return image + level * torch.randn_like(image)


def measure(iterations: int) -> dict[str, dict[str, float]]:
    """Milliseconds an iteration, {"ours" | "plain": {median, p20, p80}}, over the full range of transformations."""
    device = torch.device("cpu")
    picture = load_image(PICTURE)
    ours_settings = with_jumps(PRESETS["cpu"], [picture])
    sampler = Sampler([picture], ours_settings, 0, device)
    ours = TrainingState(ours_settings, 0, device)
    plain = PlainIteration(TrainingState(ours_settings, 0, device))
    draws = sampler.calibration(iterations)
    noise = sampler.noise_generator(0)
    times: dict[str, list[float]] = {"ours": [], "plain": []}
    for index, draw in enumerate([*draws, *draws]):
        mine = _milliseconds(lambda draw=draw: training_step(ours, draw, noise))
        theirs = _milliseconds(lambda draw=draw: plain(draw))
        if index >= iterations:  # the first round fills the caches of kernels by shape, as a training soon has
            times["ours"].append(mine)
            times["plain"].append(theirs)
    return {
        name: {
            "median": statistics.median(values),
            "p20": statistics.quantiles(values, n=5)[0],
            "p80": statistics.quantiles(values, n=5)[-1],
            "mean": statistics.fmean(values),
        }
        for name, values in times.items()
    }


def _milliseconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return (time.perf_counter() - start) * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--iterations", type=int, default=60, help="timed iterations, after as many untimed ones")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    arguments = parser.parse_args()
    result = measure(arguments.iterations)
    ratio = result["plain"]["mean"] / result["ours"]["mean"]
    where = (
        f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    )
    table = Table(title=f"training iteration, preset cpu ({where})", title_justify="left")
    for column in ("", "median ms", "p20", "p80", "mean"):
        table.add_column(column, justify="right")
    for name, row in result.items():
        table.add_row(name, *(f"{row[key]:.0f}" for key in ("median", "p20", "p80", "mean")))
    Console().print(table)
    print(f"ours is {ratio:.2f} times as fast (ratio of means; sizes differ from draw to draw)")
    if arguments.json:
        arguments.json.write_text(json.dumps({"milliseconds": result, "ratio": ratio, "where": where}, indent=2) + "\n")


if __name__ == "__main__":
    main()
