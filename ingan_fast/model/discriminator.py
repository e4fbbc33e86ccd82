"""The multi-scale discriminator of InGAN (ICCV 2019, section 2.3)."""

from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

from ingan_fast.model.convolutions import ScoreConv2d, SpectralConv2d, power_iteration
from ingan_fast.model.networks import SLOPE, initialise, shrink
from ingan_fast.settings import Settings
from ingan_fast.streams import branches


class Discriminator(nn.Module):
    """Patch discriminator of one scale: four convolutions, the second with stride 2 (paper section 2.3)."""

    def __init__(self, channels: int):
        super().__init__()
        self.body = nn.Sequential(
            SpectralConv2d(3, channels, 3),
            nn.LeakyReLU(SLOPE, inplace=True),
            SpectralConv2d(channels, 2 * channels, 3, stride=2),
            nn.LeakyReLU(SLOPE, inplace=True),
            SpectralConv2d(2 * channels, 4 * channels, 3),
            nn.LeakyReLU(SLOPE, inplace=True),
            ScoreConv2d(4 * channels, 3),
        )

    def forward(self, image: Tensor) -> Tensor:
        return cast(Tensor, self.body(image))


class MultiScaleDiscriminator(nn.Module):
    """Discriminators at scales 1, 1/√2, 1/2, … with separate weights (paper section 2.3), for each generator stage.

    Maps an image [N, 3, H, W] to a list of score maps [N, 1, h, w]: by stage, first stage first, and within a stage
    by scale, finest first. A stage skips coarser scales whose shorter side would be under `SMALLEST` px.
    """

    SMALLEST = 16
    FINE_SCALES = 2  # scales of each further stage: earlier stages judge the coarser ones

    def __init__(self, settings: Settings):
        super().__init__()
        self.counts = [settings.scales, *[self.FINE_SCALES] * (settings.stages - 1)]
        self.nets = nn.ModuleList(Discriminator(settings.d_channels) for _ in range(sum(self.counts)))
        self.apply(initialise)
        power_iteration(self, steps=15)

    def forward(self, image: Tensor) -> list[Tensor]:
        """The maps of a whole picture, for all stages."""
        last = len(self.counts) - 1
        return [
            scores for stage in range(last + 1) for scores in self.of_stage(stage, shrink(image, 2 ** (last - stage)))
        ]

    def of_stage(self, stage: int, image: Tensor) -> list[Tensor]:
        """The maps of a picture at the output resolution of `stage`."""
        start = sum(self.counts[:stage])
        height, width = image.shape[-2:]
        maps = []
        with branches(image.device) as branch:
            for index in range(self.counts[stage]):
                factor = 2 ** (-index / 2)
                size = (round(height * factor), round(width * factor))
                if index and min(size) < self.SMALLEST:
                    break
                with branch(start + index):
                    maps.append(self.nets[start + index](_resized(image, size)))
        return maps


def _resized(image: Tensor, size: tuple[int, int]) -> Tensor:
    if image.shape[-2:] == size:
        return image
    return F.interpolate(image, size, mode="bilinear", align_corners=False, antialias=True)
