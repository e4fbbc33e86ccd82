"""The deployed generator for CUDA: what lies between its convolutions is joined to one pass over each map.

A convolution runs without its bias. The bias, its LeakyReLU, pooling or pixel shuffle, a skip connection or residual
sum, and the border that the next convolution needs are one `kernels.epilogue`. Convolutions to pictures are computed by
columns (`kernels.columns`). Not for export, and not faster where the kernels don't run.
"""

from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ingan_fast.kernels import by_columns, epilogue, grid_warp, reflect_pad, sum_columns
from ingan_fast.model.convolutions import ReflectConv2d
from ingan_fast.model.deployed import entry_chunk
from ingan_fast.model.fold import SubPixelUp
from ingan_fast.model.networks import (
    SLOPE,
    Generator,
    Refiner,
    ResidualBlock,
    UpBlock,
    averaged_channels,
    pad_to_multiple,
    shrink,
)


@dataclass(frozen=True)
class Pending:
    """A convolution's result, with what is still to be done to it."""

    raw: Tensor
    bias: Tensor
    slope: float
    resize: str = "none"
    added: Tensor | None = None

    def finish(self, border: int = 0, edges: str = "reflect") -> Tensor:
        """The map, with the border that the next convolution needs."""
        return epilogue(
            self.raw, self.bias, self.slope, border=border, edges=edges, resize=self.resize, added=self.added
        )


class JoinedConv(nn.Module):
    """A folded convolution whose input already has its border."""

    weight: Tensor
    bias: Tensor

    def __init__(self, convolution: ReflectConv2d, slope: float = SLOPE):
        super().__init__()
        assert convolution.bias is not None
        self.border, self.slope = convolution.border, slope
        self.register_buffer("weight", convolution.weight.detach().contiguous(memory_format=torch.channels_last))
        self.register_buffer("bias", convolution.bias.detach())

    def forward(self, padded: Tensor) -> Pending:
        return Pending(F.conv2d(padded, self.weight), self.bias, self.slope)


class JoinedUp(nn.Module):
    """`SubPixelUp` with its channels ordered by phase first; its input has a replicated border of 1 px."""

    weight: Tensor
    bias: Tensor

    def __init__(self, up: nn.Module):
        super().__init__()
        merged = up if isinstance(up, SubPixelUp) else SubPixelUp(cast(UpBlock, up))
        weight = merged.weight.unflatten(0, (-1, 4)).transpose(0, 1).flatten(0, 1)
        self.register_buffer("weight", weight.contiguous(memory_format=torch.channels_last))
        self.register_buffer("bias", merged.bias[::4].clone())

    def forward(self, padded: Tensor) -> Pending:
        return Pending(F.conv2d(padded, self.weight), self.bias, SLOPE, "shuffle")


class JoinedExit(nn.Module):
    """A folded convolution to a picture, by columns; its input already has its border."""

    weight: Tensor
    bias: Tensor

    def __init__(self, convolution: ReflectConv2d, tanh: bool):
        super().__init__()
        assert convolution.bias is not None
        self.border, self.kernel, self.tanh = convolution.border, convolution.kernel_size[0], tanh
        self.register_buffer("weight", by_columns(convolution.weight.detach()))
        self.register_buffer("bias", convolution.bias.detach())

    def forward(self, padded: Tensor, size: tuple[int, int]) -> Tensor:
        """Float32, cut off to `size` (height, width)."""
        return sum_columns(F.conv2d(padded, self.weight), self.bias, self.kernel, size, self.tanh)


class JoinedBlock(nn.Module):
    """`ResidualBlock`."""

    def __init__(self, block: ResidualBlock):
        super().__init__()
        first, second, last, _ = block.body
        self.first, self.second = _joined(first), _joined(second)
        self.last = JoinedConv(cast(ReflectConv2d, last), slope=1.0)

    def forward(self, features: Tensor) -> Pending:
        inner = self.second(self.first(features).finish(self.second.border)).finish()
        return replace(self.last(inner), added=features)


class JoinedRefiner(nn.Module):
    """`Refiner`."""

    def __init__(self, refiner: Refiner):
        super().__init__()
        self.body = nn.ModuleList(_joined(block) for block in refiner.body)
        self.up, self.exit = JoinedUp(refiner.up), JoinedExit(refiner.exit, tanh=False)

    def forward(self, picture: Tensor) -> Tensor:
        """[N, 3, H, W] → [N, 3, 2H, 2W], float32."""
        larger = F.interpolate(picture, scale_factor=2.0, mode="bilinear", align_corners=False)
        taken = picture.to(self.exit.weight.dtype, memory_format=torch.channels_last)
        first, *others = cast(list[JoinedConv], list(self.body))
        pending = first(reflect_pad(taken, first.border))
        for convolution in others:
            pending = convolution(pending.finish(convolution.border))
        detail = self.up(pending.finish(1, "replicate")).finish(self.exit.border)
        return larger + cast(Tensor, self.exit(detail, larger.shape[2:]))


class JoinedGraph(nn.Module):
    """`DeployedGraph` of a folded generator, equal to it up to rounding.

    It also warps in the generator's precision: the kernel computes positions and sums in float32.
    """

    def __init__(self, generator: Generator):
        super().__init__()
        self.coarse, self.multiple = generator.coarse, generator.multiple
        self.skips, self.grey = generator.skips, generator.grey
        self.entry = _joined(generator.entry)
        self.down = nn.ModuleList(_joined(stage) for stage in generator.down)
        self.blocks = nn.ModuleList(JoinedBlock(cast(ResidualBlock, block)) for block in generator.blocks)
        self.up = nn.ModuleList(JoinedUp(up) for up in generator.up)
        self.exit = JoinedExit(generator.exit, tanh=True)
        self.refiners = nn.ModuleList(JoinedRefiner(cast(Refiner, refiner)) for refiner in generator.refiners)

    def forward(self, image: Tensor, grid: Tensor) -> Tensor:
        """image [N, 3, H, W] in [-1, 1] and grid [N, Ho, Wo, 2], both float32 → [N, 3, Ho, Wo] in [-1, 1]."""
        places = grid[:, :: self.coarse, :: self.coarse]
        features = self.trunk(self.warped(image, self.with_border(places)))
        picture = self.in_its_colours(self.exit(features, places.shape[1:3]))
        for refiner in self.refiners:
            picture = refiner(picture)
        if len(self.refiners):
            picture = self.in_its_colours(picture.clamp(-1, 1))
        return picture[..., : grid.shape[1], : grid.shape[2]]

    def in_its_colours(self, picture: Tensor) -> Tensor:
        """`Generator.in_its_colours`."""
        return averaged_channels(picture) if self.grey else picture

    def with_border(self, places: Tensor) -> Tensor:
        """Where the warped map is sampled, with the border that the first convolution after the warp needs.

        Positions are padded instead of features, which saves a pass over the largest map.
        """
        planes = pad_to_multiple(places.permute(0, 3, 1, 2), self.multiple)
        if len(self.down):
            planes = reflect_pad(planes, cast(JoinedConv, self.down[0]).border)
        return planes.permute(0, 2, 3, 1)

    def warped(self, image: Tensor, places: Tensor) -> Tensor:
        """The entry's features, sampled; a large entry map is computed in chunks of channels."""
        weight, bias = self.entry.weight, self.entry.bias
        small = shrink(image, self.coarse).to(weight.dtype, memory_format=torch.channels_last)
        padded, parts = reflect_pad(small, self.entry.border), []
        chunk = entry_chunk(len(weight), small[:, 0].numel(), weight.element_size())
        for part, its_bias in zip(weight.split(chunk), bias.split(chunk), strict=True):
            parts.append(grid_warp(epilogue(F.conv2d(padded, part), its_bias, SLOPE), places))
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1).contiguous(memory_format=torch.channels_last)

    def trunk(self, features: Tensor) -> Tensor:
        """Everything between the warp and the exit, with its border; with downscales, `features` has one of 1 px."""
        skipped = []
        pending: Pending | None = None
        for stage in self.down:
            if pending is not None:
                features = pending.finish(cast(JoinedConv, stage).border)
            skipped.append(features)
            pending = replace(stage(features), resize="pool")
        for block in self.blocks:
            pending = block(features if pending is None else pending.finish())
        for stage in self.up:
            assert pending is not None  # there are as many as in `down`
            pending = stage(pending.finish(1, "replicate"))
            if self.skips:
                pending = replace(pending, added=skipped.pop())
        border = self.exit.border
        return reflect_pad(features, border) if pending is None else pending.finish(border)


def _joined(block: nn.Module) -> JoinedConv:
    """Of a folded `ConvBlock`."""
    return JoinedConv(cast(ReflectConv2d, cast(nn.Sequential, block)[0]))
