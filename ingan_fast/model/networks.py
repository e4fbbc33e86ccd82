"""InGAN's generator (ICCV 2019, section 2.2), and the refiners of multi-stage training."""

from itertools import pairwise
from typing import TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ingan_fast.kernels import homography_warp, is_exporting
from ingan_fast.model.convolutions import ReflectConv2d, SpectralConv2d, power_iteration
from ingan_fast.model.upsampling import upsample_convolve
from ingan_fast.settings import Settings

SLOPE = 0.2  # of LeakyReLU


class ActivatedNorm(nn.BatchNorm2d):
    """Batch norm, then LeakyReLU 0.2 in place."""

    def forward(self, input: Tensor) -> Tensor:
        return F.leaky_relu(super().forward(input), SLOPE, inplace=True)


class ConvBlock(nn.Sequential):
    """Reflect-padded convolution, batch norm, LeakyReLU 0.2: [N, C, H, W] → [N, C', H, W]."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int):
        super().__init__(
            SpectralConv2d(in_channels, out_channels, kernel, padding=kernel // 2),
            ActivatedNorm(out_channels),
        )


class UpBlock(ConvBlock):
    """Nearest-neighbour upsampling by two, then a 3×3 `ConvBlock`: [N, C, H, W] → [N, C', 2H, 2W].

    In float32 on a CPU, both are one transposed convolution: 2.2 times as fast there, but slower in bfloat16.
    """

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__(in_channels, out_channels, 3)

    def forward(self, input: Tensor) -> Tensor:
        convolution, norm = self
        if isinstance(convolution, SpectralConv2d) and input.device.type == "cpu" and input.dtype == torch.float32:
            weight, bias = convolution.current_weight(), convolution.current_bias()
            return cast(Tensor, norm(upsample_convolve(input, weight, bias)))
        return cast(Tensor, super().forward(_doubled(input)))


def _doubled(features: Tensor) -> Tensor:
    """Nearest-neighbour upsampling by two, in the features' own dtype: autocast on CUDA would do it in float32."""
    if torch.is_autocast_enabled(features.device.type):
        with torch.autocast(features.device.type, enabled=False):
            return F.interpolate(features, scale_factor=2.0, mode="nearest")
    return F.interpolate(features, scale_factor=2.0, mode="nearest")


class ResidualBlock(nn.Module):
    """Bottleneck residual block: 1×1 C → C/4, 3×3, 1×1 C/4 → C, added to its input."""

    def __init__(self, channels: int):
        super().__init__()
        inner = channels // 4
        self.body = nn.Sequential(
            ConvBlock(channels, inner, 1),
            ConvBlock(inner, inner, 3),
            SpectralConv2d(inner, channels, 1),
            nn.BatchNorm2d(channels),
        )

    def forward(self, features: Tensor) -> Tensor:
        return cast(Tensor, features + self.body(features))


class Generator(nn.Module):
    """G(x; T): the input's patches rearranged under T (paper section 2.2, figure 4).

    Entry 7×7 → warp by T → down → residual blocks → up (with U-net skips) → exit 7×7 → tanh. The warp stretches
    elements; the network learns to restore their size.

    With several stages, the first stage works at reduced resolution and `refiners` enlarge its output.
    """

    def __init__(self, settings: Settings):
        super().__init__()
        widths = [settings.channels * 2**depth for depth in range(settings.downscales + 1)]
        self.skips = settings.skips
        self.grey = settings.grey
        self.multiple = 2**settings.downscales
        self.entry = ConvBlock(3, widths[0], 7)
        self.down = nn.ModuleList(ConvBlock(a, b, 3) for a, b in pairwise(widths))
        self.blocks = nn.Sequential(*(ResidualBlock(widths[-1]) for _ in range(settings.blocks)))
        self.up = nn.ModuleList(UpBlock(b, a) for a, b in zip(widths[-2::-1], widths[:0:-1], strict=True))
        self.exit = ReflectConv2d(widths[0], 3, 7, padding=3)
        self.refiners = nn.ModuleList(Refiner(3 * widths[0] // 2) for _ in range(settings.stages - 1))
        self.coarse = 2 ** len(self.refiners)  # output px per pixel of the first stage
        self.apply(initialise)
        with torch.no_grad():
            self.exit.weight *= settings.exit_gain
        for refiner in self.refiners:
            nn.init.zeros_(cast(Refiner, refiner).exit.weight)  # initially plain upsampling
        power_iteration(self, steps=15)

    def forward(self, image: Tensor, matrix: Tensor, size: tuple[int, int]) -> Tensor:
        """Retarget `image` by a homography.

        Args:
            image: [N, 3, H, W] in [-1, 1].
            matrix: [N, 3, 3], the sampling matrix (output → source, normalised coordinates).
            size: (Ho, Wo), each at least 16.

        Returns:
            [N, 3, Ho, Wo] in [-1, 1].
        """
        coarse = self.first_stage(shrink(image, self.coarse), matrix, size)
        return self.refine(coarse)[..., : size[0], : size[1]]

    def first_stage(self, image: Tensor, matrix: Tensor, size: tuple[int, int]) -> Tensor:
        """`image` at 1/`coarse` resolution → the first stage's output, [N, 3, ⌈Ho / coarse⌉, ⌈Wo / coarse⌉]."""
        warped = homography_warp(self.entry(image), _every(self.coarse, matrix, size), coarse_size(size, self.coarse))
        return self.in_its_colours(torch.tanh(self.trunk(warped)))

    def refine(self, picture: Tensor) -> Tensor:
        """Enlarge the first stage's picture to full resolution, one refiner after the other."""
        for refiner in self.refiners:
            picture = refiner(picture)
        return self.in_its_colours(picture.clamp(-1, 1)) if self.refiners else picture

    def in_its_colours(self, picture: Tensor) -> Tensor:
        """Average the channels of a stage's picture if the training pictures are grey."""
        return averaged_channels(picture) if self.grey else picture

    def trunk(self, warped: Tensor) -> Tensor:
        """Everything between the warp and tanh: [N, C, Ho, Wo] → [N, 3, Ho, Wo]."""
        height, width = warped.shape[-2:]
        return self.convolved(pad_to_multiple(warped, self.multiple))[..., :height, :width]

    def convolved(self, features: Tensor) -> Tensor:
        """`trunk` for features whose sides are multiples of `multiple`."""
        skipped = []
        for stage in self.down:
            skipped.append(features)
            features = F.max_pool2d(stage(features), 2)
        features = self.blocks(features)
        for stage in self.up:
            features = stage(features)
            if self.skips:
                features = features + skipped.pop()
        return cast(Tensor, self.exit(features))


def averaged_channels(picture: Tensor) -> Tensor:
    return torch.cat([picture.mean(dim=1, keepdim=True)] * 3, dim=1)


def shrink(image: Tensor, factor: int) -> Tensor:
    """Downscale by averaging blocks of `factor`² px; drops incomplete blocks at the right and bottom."""
    return image if factor == 1 else F.avg_pool2d(image, factor)


def coarse_size(size: tuple[int, int], factor: int) -> tuple[int, int]:
    """(height, width) when keeping every `factor`-th pixel, starting at the first."""
    return -(-size[0] // factor), -(-size[1] // factor)


def _every(factor: int, matrix: Tensor, size: tuple[int, int]) -> Tensor:
    """The sampling matrix for every `factor`-th pixel of an output of `size`, starting at the first.

    A coarse stage then samples at a subset of the full output's grid, for any size: deployed graphs need no arithmetic
    on coordinates.
    """
    if factor == 1:
        return matrix
    columns = list(matrix.unbind(dim=2))
    for axis, (whole, coarse) in enumerate(zip(size[::-1], coarse_size(size, factor)[::-1], strict=True)):
        columns[2] = columns[2] + columns[axis] * ((factor * coarse - factor + 1) / whole - 1)
        columns[axis] = columns[axis] * (factor * coarse / whole)
    return torch.stack(columns, dim=2)


class Refiner(nn.Module):
    """Doubles a picture's resolution and adds detail: [N, 3, H, W] → [N, 3, 2H, 2W]."""

    def __init__(self, channels: int):
        super().__init__()
        self.body = nn.Sequential(
            ConvBlock(3, channels, 3),
            ConvBlock(channels, channels, 3),
            ConvBlock(channels, channels, 3),
        )
        self.up = UpBlock(channels, channels // 2)
        self.exit = ReflectConv2d(channels // 2, 3, 3, padding=1)

    def forward(self, picture: Tensor) -> Tensor:
        picture = picture.float()
        larger = F.interpolate(picture, scale_factor=2.0, mode="bilinear", align_corners=False)
        # A deployed network has half-precision weights and no autocast.
        taken = picture.to(self.exit.weight.dtype, memory_format=torch.channels_last)
        return larger + self.exit(self.up(self.body(taken))).float()


def to_contiguous_float32(image: Tensor) -> Tensor:
    """Convert to contiguous (NCHW) float32: resizing and per-channel work are faster in this layout."""
    return image.to(torch.float32, memory_format=torch.contiguous_format)


Network = TypeVar("Network", bound=nn.Module)


def to_channels_last(network: Network, device: torch.device | str = "cpu") -> Network:
    """Move `network` to `device`, with weights in channels_last, which convolutions are fastest in."""
    return cast(Network, network.to(device, memory_format=torch.channels_last))  # type: ignore[call-overload]


def pad_to_multiple(features: Tensor, multiple: int) -> Tensor:
    """Repeat the last row and column until both sides are multiples of `multiple`."""
    height, width = features.shape[-2:]
    bottom = (height + multiple - 1) // multiple * multiple - height
    right = (width + multiple - 1) // multiple * multiple - width
    if not is_exporting() and not bottom and not right:
        return features
    return F.pad(features, (0, right, 0, bottom), mode="replicate")


def initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.xavier_normal_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
