"""Deployment graphs: the folded generator as a function of tensors; the geometry is computed outside."""

from typing import cast

import torch
from torch import Tensor, nn

from ingan_fast.kernels import grid_warp, is_exporting
from ingan_fast.model.networks import Generator, ReflectConv2d, shrink

MAX_ENTRY_BYTES = 512 << 20  # of the entry map of a source


class DeployedGraph(nn.Module):
    """G(x; T) of a folded generator, with T as a sampling grid; convolutions run in the generator's precision.

    The warp and its grid are always float32: a half-precision grid would shift pixels.
    """

    def __init__(self, generator: Generator):
        super().__init__()
        self.generator = generator
        self.dtype = generator.exit.weight.dtype

    def forward(self, image: Tensor, grid: Tensor) -> Tensor:
        """image [N, 3, H, W] in [-1, 1] and grid [N, Ho, Wo, 2], both float32 → [N, 3, Ho, Wo] in [-1, 1]."""
        features = self.generator.trunk(self.warped(image, grid).to(self.dtype))
        return self.pictured(features)[..., : grid.shape[1], : grid.shape[2]]

    def pictured(self, features: Tensor) -> Tensor:
        """The output from what the trunk gives, with the padding that further stages need."""
        picture = self.generator.in_its_colours(torch.tanh(features.float()))
        return self.generator.refine(picture)

    def warped(self, image: Tensor, grid: Tensor) -> Tensor:
        """The entry's features of the image, sampled at the first stage's grid, in float32."""
        every = self.generator.coarse
        features = self.generator.entry(shrink(image, every).to(self.dtype)).float()
        if is_exporting():
            # Nothing may be done to the grid, not even slicing: OpenVINO would do it in bfloat16, which shifts pixels.
            return grid_warp(features, grid)[:, :, ::every, ::every]
        return grid_warp(features, grid[:, ::every, ::every])


class BoundedGraph(DeployedGraph):
    """A `DeployedGraph` that computes a large entry map in chunks of channels; not for export."""

    def warped(self, image: Tensor, grid: Tensor) -> Tensor:
        convolution, every = self.generator.entry[0], self.generator.coarse
        assert isinstance(convolution, ReflectConv2d)
        chunk = entry_chunk(convolution.out_channels, image[:, 0].numel() // every**2, 4)
        if chunk == convolution.out_channels:
            return super().warped(image, grid)
        # From the entry's convolution to the warp, channels are independent.
        after, parts = nn.Sequential(*list(self.generator.entry)[1:]), []
        small, places = shrink(image, every).to(self.dtype), grid[:, ::every, ::every]
        weights, biases = convolution.weight, cast(Tensor, convolution.bias)
        for weight, bias in zip(weights.split(chunk), biases.split(chunk), strict=True):
            parts.append(grid_warp(after(convolution.convolve(small, weight, bias)).float(), places))
        return torch.cat(parts, dim=1).contiguous(memory_format=torch.channels_last)


def entry_chunk(channels: int, pixels: int, bytes_each: int) -> int:
    """How many channels of an entry map to compute at a time."""
    chunk = channels
    while pixels * bytes_each * chunk > MAX_ENTRY_BYTES and chunk > 1:
        chunk = (chunk + 1) // 2
    return chunk


class FixedGraph(nn.Module):
    """One baked-in geometry: frames of a fixed size to pictures of a fixed size, both in [0, 1] as players use."""

    def __init__(self, inner: DeployedGraph, grid: Tensor):
        super().__init__()
        self.inner = inner
        self.grid = nn.Parameter(grid, requires_grad=False)

    def forward(self, image: Tensor) -> Tensor:
        """[1, 3, H, W] → [1, 3, Ho, Wo], both in [0, 1]."""
        # Interleaved, because TensorRT-RTX 1.7.1 fails to compile sampling from planar values.
        interleaved = image.permute(0, 2, 3, 1) * 2 - 1
        y: Tensor = self.inner(interleaved.permute(0, 3, 1, 2), self.grid)
        return (y + 1) / 2


class StillGraph(nn.Module):
    """One baked-in picture: the grid is the only input."""

    def __init__(self, inner: DeployedGraph, image: Tensor):
        super().__init__()
        self.inner = inner
        self.register_buffer("image", image)

    image: Tensor

    def forward(self, grid: Tensor) -> Tensor:
        y: Tensor = self.inner(self.image, grid)
        return y
