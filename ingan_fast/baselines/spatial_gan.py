"""Spatial GAN: Jetchev, Bergmann & Vollgraf, "Texture Synthesis with Spatial Generative Adversarial Networks", 2016
(arXiv 1611.08207).

A fully convolutional generator maps a tensor of independent noise to a texture of any size; a discriminator with the
mirrored architecture classifies each place, of generated textures and of random source crops. Both use 5x5 kernels
with stride 2.

Differences from the paper, to fit two minutes on one core: four layers of 32 to 128 channels, batches of four 64-px
crops, some thousand iterations. The learning rate falls to zero in the second half and G's weights are averaged,
because the last iterate of such a short training varies.
"""

import copy
from typing import Any

import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ingan_fast.baselines.inputs import check_task, report
from ingan_fast.callbacks import Progress
from ingan_fast.geometry import Size
from ingan_fast.model.networks import to_channels_last
from ingan_fast.model.sampling import to_pixels, to_tensor
from ingan_fast.pictures import Pixels

LAYERS = 4
STEP = 2**LAYERS  # px of the texture per noise position
CHANNELS = 32  # of the finest hidden layer; doubled in each coarser one
NOISE = 20  # noise channels
BATCH = 4
CROP = 64  # px
AVERAGE = 0.005  # EMA rate of G's weights
BORDER = 2  # noise positions around the texture that zero padding affects; they are cropped


def spatial_gan_texture(
    source: NDArray[Any],
    size: Size,
    *,
    iterations: int = 3000,
    learning_rate: float = 5e-4,
    seed: int = 0,
    progress: Progress | None = None,
) -> Pixels:
    """Synthesise a texture at a size with a Spatial GAN trained for it (Jetchev et al., 2016).

    Args:
        source, size, progress: see `inputs.check_task`, also for what is returned and raised.
        iterations: training iterations, about 35 ms each on one core.
        learning_rate: Adam's, for both networks.
        seed: seed of the weights, crops and noise.
    """
    source, size = check_task(source, size)
    generator = train_spatial_gan(
        source, iterations=iterations, learning_rate=learning_rate, seed=seed, progress=progress
    )
    return sample_spatial_gan(generator, size, seed=seed)


def train_spatial_gan(
    source: Pixels,
    *,
    iterations: int = 3000,
    learning_rate: float = 5e-4,
    seed: int = 0,
    progress: Progress | None = None,
) -> nn.Module:
    """Train a generator of textures like `source`; arguments as for `spatial_gan_texture`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _train(to_tensor(source), iterations, learning_rate, progress)


def sample_spatial_gan(generator: nn.Module, size: Size, *, seed: int = 0) -> Pixels:
    """A texture of `size` (width, height), uint8 [height, width, 3]."""
    columns, rows = (-(-side // STEP) + 2 * BORDER for side in size)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        texture = generator(_noise(1, rows, columns))
    first = BORDER * STEP
    return to_pixels(texture[..., first : first + size[1], first : first + size[0]])


def _train(source: Tensor, iterations: int, learning_rate: float, progress: Progress | None) -> nn.Module:
    """Train on crops of the source, [1, 3, h, w] in [-1, 1]; returns the averaged generator."""
    generator, discriminator = _generator(), _discriminator()
    averaged = copy.deepcopy(generator).requires_grad_(False)
    optimisers = [
        torch.optim.Adam(network.parameters(), learning_rate, betas=(0.5, 0.999))
        for network in (discriminator, generator)
    ]
    schedules = [torch.optim.lr_scheduler.LambdaLR(o, lambda i: min(1.0, 2 - 2 * i / iterations)) for o in optimisers]
    height, width = (min(side, CROP) // STEP * STEP for side in source.shape[2:])
    for iteration in range(iterations):
        real = _crops(source, height, width)
        fake = generator(_noise(BATCH, height // STEP, width // STEP))
        # Cross-entropy of the discriminator's logits, where positive means "real"
        loss = F.softplus(-discriminator(real)).mean() + F.softplus(discriminator(fake.detach())).mean()
        _step(optimisers[0], loss)
        discriminator.requires_grad_(False)
        _step(optimisers[1], F.softplus(-discriminator(fake)).mean())
        discriminator.requires_grad_(True)
        for schedule in schedules:
            schedule.step()
        with torch.no_grad():
            for mean, current in zip(averaged.parameters(), generator.parameters(), strict=True):
                mean.lerp_(current, max(AVERAGE, 9 / (11 + iteration)))  # warm-up
        report(progress, iteration + 1, iterations)
    return averaged


def _step(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


def _noise(count: int, rows: int, columns: int) -> Tensor:
    """Uniform noise in [-1, 1]: [count, 20, rows, columns]."""
    noise = torch.rand(count, NOISE, rows, columns) * 2 - 1
    return noise.contiguous(memory_format=torch.channels_last)


def _crops(source: Tensor, height: int, width: int) -> Tensor:
    tops = torch.randint(source.shape[2] - height + 1, (BATCH,)).tolist()
    lefts = torch.randint(source.shape[3] - width + 1, (BATCH,)).tolist()
    return torch.cat(
        [source[..., top : top + height, left : left + width] for top, left in zip(tops, lefts, strict=True)]
    )


def _generator() -> nn.Module:
    """Noise [N, 20, h, w] -> texture [N, 3, 16 h, 16 w] in [-1, 1]."""
    layers: list[nn.Module] = []
    given = NOISE
    for level in reversed(range(LAYERS - 1)):
        channels = CHANNELS << level
        layers += [_up(given, channels), _norm(channels), nn.ReLU()]
        given = channels
    return _initialised(nn.Sequential(*layers, _up(given, 3), nn.Tanh()))


def _discriminator() -> nn.Module:
    """Texture [N, 3, H, W] -> logits [N, 1, H / 16, W / 16]."""
    layers: list[nn.Module] = [_down(3, CHANNELS), nn.LeakyReLU(0.2)]
    for level in range(1, LAYERS - 1):
        layers += [_down(CHANNELS << level - 1, CHANNELS << level), _norm(CHANNELS << level), nn.LeakyReLU(0.2)]
    return _initialised(nn.Sequential(*layers, _down(CHANNELS << LAYERS - 2, 1)))


def _up(given: int, channels: int) -> nn.Module:
    return nn.ConvTranspose2d(given, channels, 5, stride=2, padding=2, output_padding=1)


def _down(given: int, channels: int) -> nn.Module:
    return nn.Conv2d(given, channels, 5, stride=2, padding=2)


def _norm(channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels, track_running_stats=False)


def _initialised(network: nn.Module) -> nn.Module:
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, 0.02)
    return to_channels_last(network)
