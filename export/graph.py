"""What is deployed: the folded generator as a function of tensors alone, geometry made outside."""

import torch
from torch import Tensor, nn

from ingan_fast.kernels import grid_warp
from ingan_fast.kernels.unit_scale import SHARPNESS
from ingan_fast.networks import Generator, shrink


class PlainGraph(nn.Module):
    """G(x; T) of the paper's generator: T is a sampling grid.

    The warp and its grid stay float32 whatever the convolutions are: a half-precision grid would shift pixels.
    """

    def __init__(self, generator: Generator):
        super().__init__()
        self.generator = generator
        self.dtype = generator.exit.weight.dtype

    def forward(self, image: Tensor, grid: Tensor) -> Tensor:
        """image [N, 3, H, W] in [-1, 1] and grid [N, Ho, Wo, 2], both float32 → [N, 3, Ho, Wo] in [-1, 1]."""
        every = self.generator.coarse
        features = self.generator.entry(shrink(image, every).to(self.dtype)).float()
        # No arithmetic on the grid: after a convolution OpenVINO would do it in bfloat16, and shift pixels.
        warped = grid_warp(features, grid[:, ::every, ::every]).to(self.dtype)
        picture = torch.tanh(self.generator.trunk(warped).float())
        return self.generator.refine(picture)[..., : grid.shape[1], : grid.shape[2]]


class UnitScaleGraph(nn.Module):
    """G(x; T) of a unit-scale generator: T is four sampling grids and how much each is preferred.

    They are sampled one by one: no tensor has to be made larger or taken apart by a size that is only known later.
    """

    def __init__(self, generator: Generator):
        super().__init__()
        self.generator = generator
        self.dtype = generator.exit.weight.dtype

    def forward(self, image: Tensor, grid: Tensor, preference: Tensor) -> Tensor:
        """As `PlainGraph`, with grid [N, 4, Ho, Wo, 2] and preference [N, 4, Ho, Wo], logits."""
        candidates = [grid_warp(image, layout, padding="zeros") for layout in _fold_back(grid, image).unbind(dim=1)]
        laid_out = torch.cat([*candidates, preference / SHARPNESS], dim=1).to(self.dtype)
        painted = self.generator.trunk(self.generator.entry(laid_out)).float()
        y: Tensor = self.generator.compose(torch.stack(candidates, dim=1), preference, painted).image
        return y


def deployed(generator: Generator) -> PlainGraph | UnitScaleGraph:
    """The graph of a folded generator, in its own precision."""
    return UnitScaleGraph(generator) if generator.jump else PlainGraph(generator)


def _fold_back(grid: Tensor, image: Tensor) -> Tensor:
    """Reflect coordinates into the image and hold them to its outer pixels' centres: [..., 2] → the same shape.

    Sampling then never looks outside, whatever its padding; a runtime's reflecting GridSample does the same for each
    channel anew (ONNX Runtime's is ten times as slow as its GridSample over zeros).
    """
    turned = grid + 1
    turned = turned - 4 * torch.floor(turned / 4)
    inside = 1 - (turned - 2).abs()
    sides = [1 - 1 / side for side in (image.shape[3], image.shape[2])]
    return torch.stack([inside[..., axis].clamp(-sides[axis], sides[axis]) for axis in (0, 1)], dim=-1)


class FixedGraph(nn.Module):
    """One geometry, baked in: frames of one size in, pictures of one size out, both in [0, 1] as players have them."""

    def __init__(self, inner: PlainGraph | UnitScaleGraph, geometry: tuple[Tensor, ...]):
        super().__init__()
        self.inner = inner
        self.geometry = nn.ParameterList(nn.Parameter(tensor, requires_grad=False) for tensor in geometry)

    def forward(self, image: Tensor) -> Tensor:
        """[1, 3, H, W] → [1, 3, Ho, Wo], both in [0, 1]."""
        # Over interleaved values: over planes TensorRT-RTX (1.7.1) fails to compile what samples them.
        interleaved = image.permute(0, 2, 3, 1) * 2 - 1
        y: Tensor = self.inner(interleaved.permute(0, 3, 1, 2), *self.geometry)
        return (y + 1) / 2


class StillGraph(nn.Module):
    """One picture, baked in: geometry is all that it takes."""

    def __init__(self, inner: PlainGraph | UnitScaleGraph, image: Tensor):
        super().__init__()
        self.inner = inner
        self.register_buffer("image", image)

    image: Tensor

    def forward(self, *geometry: Tensor) -> Tensor:
        y: Tensor = self.inner(self.image, *geometry)
        return y
