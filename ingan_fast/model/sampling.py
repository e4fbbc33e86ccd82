"""Input of one training iteration: two crops, a transformation and its inverse.

All randomness is seeded by (seed, iteration), so an iteration's input does not depend on what ran before: this makes
resuming exact.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ingan_fast.geometry import MIN_SIZE, Size, Transform
from ingan_fast.model.curriculum import curriculum_progress, random_transform
from ingan_fast.pictures import Pixels
from ingan_fast.settings import Settings


@dataclass(frozen=True)
class Batch:
    """Input of one iteration. Images are [1, 3, h, w] in [-1, 1]; matrices are sampling matrices [1, 3, 3]."""

    image: Tensor  # x
    real: Tensor  # another crop of the same picture, for the discriminator
    transform: Tensor  # T
    size: tuple[int, int]  # (height, width) of T's output
    inverse: Tensor  # T⁻¹
    visible: Tensor  # [h, w] in [0, 1]: the part of x that T keeps inside its output
    noise: Tensor  # standard normal, shaped like y: disturbs D's view of y
    real_noise: Tensor  # the same for `real`
    windows: Tensor  # [2, 2] in [0, 1): window positions (down, across) of further stages, in y and in `real`
    likeness: Tensor  # 1 if T keeps the size, falling to 0 where a side changes by a factor √2


class Sampler:
    """Draws crops of the pictures and random transformations."""

    def __init__(self, sources: list[Pixels], settings: Settings, seed: int, device: torch.device):
        self.settings = settings
        self.seed = seed
        self.device = device
        self.sources = [to_tensor(source, device) for source in sources]

    def rng(self, iteration: int) -> np.random.Generator:
        return np.random.default_rng((self.seed, iteration))

    def noise_generator(self, iteration: int) -> torch.Generator:
        """A generator on the device, where the noise is used."""
        seed = int(np.random.SeedSequence((self.seed, iteration, 1)).generate_state(1, np.uint64)[0] >> 1)
        return torch.Generator(self.device).manual_seed(seed)

    def draw(self, iteration: int, position: float | None = None) -> Batch:
        """The input of an iteration, with schedules at `position` (`Pace`); None: at the iteration."""
        ramp = round(self.settings.ramp * self.settings.iterations)
        return self._draw(
            self.rng(iteration),
            self.noise_generator(iteration),
            curriculum_progress(iteration if position is None else position, ramp),
        )

    def calibration(self, count: int) -> list[Batch]:
        """Draws over the full range, the same on every call, for measuring statistics."""
        rng, noise = np.random.default_rng((self.seed, 0, 2)), self.noise_generator(0)
        return [self._draw(rng, noise, 1.0) for _ in range(count)]

    def _draw(self, rng: np.random.Generator, noise: torch.Generator, progress: float) -> Batch:
        source = self.sources[int(rng.integers(len(self.sources)))]
        image, real = self._crop(rng, source), self._crop(rng, source)
        height, width = image.shape[-2:]
        settings = self.settings
        transform = random_transform(
            rng,
            (width, height),
            progress,
            min_scale=settings.min_scale,
            max_scale=settings.max_scale,
            max_corner_shift=settings.max_corner_shift,
            min_size=MIN_SIZE * 2 ** (settings.stages - 1),
            size_multiple=settings.size_multiple,
            buckets=settings.buckets,
            resize_probability=settings.resize_probability,
        )
        inverse = transform.inverse((width, height))
        noises = [
            torch.randn(1, 3, *size, generator=noise, device=self.device)
            for size in (transform.size[::-1], real.shape[-2:])
        ]
        return Batch(
            image=image,
            real=real,
            transform=sampling_tensor(transform, self.device),
            size=transform.size[::-1],
            inverse=sampling_tensor(inverse, self.device),
            visible=(
                _upload(inverse.mask(), self.device)
                if settings.reconstruction
                else torch.ones(height, width, device=self.device)  # unused; computing the mask takes time
            ),
            noise=noises[0],
            real_noise=noises[1],
            windows=torch.rand(2, 2, generator=noise, device=self.device),
            likeness=_upload(_likeness(transform, (width, height)), self.device),
        )

    def _crop(self, rng: np.random.Generator, source: Tensor) -> Tensor:
        height, width = source.shape[-2:]
        size = self.crop_size((width, height))
        left, top = _offset(rng, width, size[0]), _offset(rng, height, size[1])
        crop = source[..., top : top + size[1], left : left + size[0]]
        return crop.contiguous(memory_format=torch.channels_last)

    def crop_size(self, source_size: Size) -> Size:
        """(width, height) of the crops of a picture of size `source_size`."""
        return min(self.settings.crop, source_size[0]), min(self.settings.crop, source_size[1])


def _likeness(transform: Transform, size: Size) -> NDArray[np.float32]:
    octaves = max(abs(math.log2(new / old)) for new, old in zip(transform.size, size, strict=True))
    return np.asarray(max(0.0, 1 - 2 * octaves), np.float32)


def _offset(rng: np.random.Generator, side: int, crop: int) -> int:
    # Drawn from a range extended by a quarter crop at both ends, then clamped: with uniform offsets the networks
    # would see the picture's border only once in hundreds of crops.
    margin = crop // 4
    return int(np.clip(rng.integers(-margin, side - crop + margin + 1), 0, side - crop))


def sampling_tensor(transform: Transform, device: torch.device) -> Tensor:
    """A transform's sampling matrix as float32 [1, 3, 3]."""
    return _upload(transform.sampling_matrix().astype(np.float32)[None], device)


def _upload(values: NDArray[np.float32], device: torch.device) -> Tensor:
    tensor = torch.from_numpy(values)
    # A copy from pinned memory is asynchronous; from other memory the host would wait for the GPU.
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor


def to_tensor(pixels: Pixels, device: torch.device | str = "cpu") -> Tensor:
    """uint8 [H, W, 3] → float32 [1, 3, H, W] in [-1, 1], channels_last."""
    tensor = torch.from_numpy(pixels).to(device).permute(2, 0, 1)[None].float() / 127.5 - 1
    return tensor.contiguous(memory_format=torch.channels_last)


def to_pixels(image: Tensor) -> Pixels:
    """float [1, 3, H, W] in [-1, 1] → uint8 [H, W, 3]."""
    values = ((image[0].float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return np.ascontiguousarray(values.permute(1, 2, 0).cpu().numpy())
