"""The graph that the ONNX exporter traces at one size, and that runs at any."""

import torch
from torch import Tensor
from torch.onnx.ops import symbolic

from ingan_fast.model.deployed import DeployedGraph


class AnySizeGraph(DeployedGraph):
    """A `DeployedGraph` that computes sizes with ONNX's operators while it runs; for the ONNX exporter alone.

    Only padding and cutting depend on sizes. Everything else is written the same for every size.
    """

    def forward(self, image: Tensor, grid: Tensor) -> Tensor:
        warped = self.warped(image, grid).to(self.dtype)
        features = self.generator.convolved(_pad_to_multiple(warped, self.generator.multiple))
        return _cut(self.pictured(_cut(features, warped, 2)), grid, 1)


def _pad_to_multiple(features: Tensor, multiple: int) -> Tensor:
    """`networks.pad_to_multiple`."""
    size, factor = _size(features, 2), torch.tensor([multiple] * 2)
    # TensorRT's builder rejects remainders.
    parts = _of_sizes("Div", _of_sizes("Add", size, factor - 1), factor)
    missing = _of_sizes("Sub", _of_sizes("Mul", parts, factor), size)
    pads = torch.cat([torch.zeros(6, dtype=torch.int64), missing])
    padded = [-(-side // multiple) * multiple for side in features.shape[2:]]
    shape = [*features.shape[:2], *padded]
    return symbolic("Pad", (features, pads), {"mode": "edge"}, dtype=features.dtype, shape=shape)


def _cut(picture: Tensor, like: Tensor, first: int) -> Tensor:
    """Cut a picture [N, C, H, W] off to the height and width of `like`, which are its axes `first` and `first` + 1."""
    inputs = picture, torch.zeros(2, dtype=torch.int64), _size(like, first), torch.tensor([2, 3])
    shape = [*picture.shape[:2], *like.shape[first : first + 2]]
    return symbolic("Slice", inputs, dtype=picture.dtype, shape=shape)


def _size(tensor: Tensor, first: int) -> Tensor:
    """Lengths of two axes, int64 [2]."""
    return symbolic("Shape", (tensor,), {"start": first, "end": first + 2}, dtype=torch.int64, shape=[2])


def _of_sizes(operator: str, one: Tensor, other: Tensor) -> Tensor:
    """An operator of integers, int64 [2]; ONNX's division drops the remainder."""
    return symbolic(operator, (one, other), dtype=torch.int64, shape=[2])
