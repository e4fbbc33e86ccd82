"""The networks' convolutions: reflection padding and spectral normalisation (Miyato et al., ICLR 2018)."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ingan_fast.kernels import reflect_pad

# oneDNN compiles code for every layer of every size, and keeps that of the last 1024 by default. A training needs 1500
# and more, in turn, so it would compile them again and again. oneDNN reads this at its first convolution.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "8192")


class ReflectConv2d(nn.Conv2d):
    """Convolution with reflection padding, done in the input's own dtype."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, *, stride: int = 1, padding: int = 0):
        super().__init__(in_channels, out_channels, kernel, stride=stride)
        self.border = padding
        self.shared: Tensor | None = None  # prepared weight, set inside `shared_weights`
        self.biased = True  # False: the bias is left out, because a batch norm subtracts it again

    def convolve(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if self.border:
            input = reflect_pad(input, self.border)
        return F.conv2d(input, weight, bias, self.stride)

    def forward(self, input: Tensor) -> Tensor:
        return self.convolve(input, self.current_weight(), self.current_bias())

    def current_weight(self) -> Tensor:
        """The weight to convolve with: the prepared one inside `shared_weights`."""
        return self.own_weight() if self.shared is None else self.shared

    def current_bias(self) -> Tensor | None:
        return self.bias if self.biased else None

    def own_weight(self) -> Tensor:
        return self.weight


class ScoreConv2d(ReflectConv2d):
    """A convolution to a single channel, without padding or stride.

    On a CPU, the products of all kernel positions are made as channels by a 1×1 convolution, then shifted and added up
    by a second one. oneDNN pads a single output channel to a full block, which this avoids: the same layer is 2.2 times
    as fast in float32 and 1.4 times in bfloat16.
    """

    shifts: Tensor

    def __init__(self, in_channels: int, kernel: int):
        super().__init__(in_channels, 1, kernel)
        shifts = torch.eye(kernel * kernel).view(1, kernel * kernel, kernel, kernel)
        self.register_buffer("shifts", shifts, persistent=False)

    def convolve(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if input.is_cuda:
            return super().convolve(input, weight, bias)
        products = F.conv2d(input, weight.permute(2, 3, 0, 1).flatten(0, 2)[:, :, None, None])
        return F.conv2d(products, self.shifts.to(products.dtype), bias)


class SpectralConv2d(ReflectConv2d):
    """A convolution whose weight is divided by its largest singular value σ (Miyato et al. 2018).

    σ = uᵀWv, W being a matrix (`as_matrix`), u and v found by power iteration. It runs in float32 and only when
    `power_iteration` is called (once per training step), not in every forward: a step passes through each network
    several times with the same weights (`shared_weights`).
    """

    u: Tensor
    v: Tensor

    def __init__(self, in_channels: int, out_channels: int, kernel: int, *, stride: int = 1, padding: int = 0):
        super().__init__(in_channels, out_channels, kernel, stride=stride, padding=padding)
        self.register_buffer("u", F.normalize(torch.randn(out_channels), dim=0))
        self.register_buffer("v", F.normalize(torch.randn(self.weight[0].numel()), dim=0))

    def normalised_weight(self) -> Tensor:
        """W/σ in float32."""
        with torch.autocast(self.weight.device.type, enabled=False):
            return self.weight / self.u.dot(as_matrix(self.weight) @ self.v)

    def own_weight(self) -> Tensor:
        return self.normalised_weight()


@torch.no_grad()
def power_iteration(network: nn.Module, steps: int = 1) -> None:
    """Run power iterations for every spectrally normalised convolution in `network`."""
    groups = _of_one_shape(spectral_convolutions(network))
    matrices = [as_matrix(_stacked([one.weight for one in group])) for group in groups]
    left = [torch.stack([one.u for one in group]) for group in groups]
    for _ in range(steps):
        right = [_products(matrix.mT, u) for matrix, u in zip(matrices, left, strict=True)]
        _make_unit_vectors(right)
        left = [_products(matrix, v) for matrix, v in zip(matrices, right, strict=True)]
        _make_unit_vectors(left)
    every = [one for group in groups for one in group]
    torch._foreach_copy_([one.u for one in every] + [one.v for one in every], _rows(left) + _rows(right))


def _make_unit_vectors(matrices: list[Tensor]) -> None:
    """Normalise each row in place."""
    vectors = _rows(matrices)
    lengths = torch._foreach_norm(vectors)
    torch._foreach_clamp_min_(lengths, 1e-12)
    torch._foreach_div_(vectors, lengths)


def _rows(matrices: list[Tensor]) -> list[Tensor]:
    return [row for matrix in matrices for row in matrix.unbind()]


@contextmanager
def shared_weights(*networks: nn.Module) -> Iterator[None]:
    """Normalise (and under autocast cast) each weight once for all passes in the block, which share one gradient."""
    every = [module for network in networks for module in network.modules() if isinstance(module, ReflectConv2d)]
    device = every[0].weight.device.type
    autocast = torch.is_autocast_enabled(device)
    dtype = torch.get_autocast_dtype(device) if autocast else every[0].weight.dtype
    for network in networks:
        for group in _of_one_shape(spectral_convolutions(network)):
            vectors = torch.stack([one.u for one in group]), torch.stack([one.v for one in group])
            normalised = SpectralNorm.apply(dtype, *vectors, *(one.weight for one in group))
            for convolution, weight in zip(group, normalised, strict=True):
                convolution.shared = weight
    for module in every:
        if not isinstance(module, SpectralConv2d):
            module.shared = module.weight.to(dtype, memory_format=torch.channels_last)
    try:
        yield
    finally:
        for module in every:
            module.shared = None


def spectral_convolutions(network: nn.Module) -> list[SpectralConv2d]:
    return [module for module in network.modules() if isinstance(module, SpectralConv2d)]


def _of_one_shape(convolutions: list[SpectralConv2d]) -> list[list[SpectralConv2d]]:
    """Group convolutions by weight shape (D's scales, G's residual blocks): a GPU processes a group in one launch."""
    groups: dict[torch.Size, list[SpectralConv2d]] = {}
    for convolution in convolutions:
        groups.setdefault(convolution.weight.shape, []).append(convolution)
    return list(groups.values())


def as_matrix(weights: Tensor) -> Tensor:
    """Weights [..., out, in, k, k] as matrices [..., out, k·k·in]: views of weights in channels_last."""
    return weights.movedim(-3, -1).flatten(-3)


def _as_weights(matrices: Tensor, weight: Tensor) -> Tensor:
    """The reverse of `as_matrix` for weights like `weight`: in channels_last, a view."""
    _, inputs, height, width = weight.shape
    return matrices.unflatten(-1, (height, width, inputs)).movedim(-1, -3)


def _stacked(weights: Sequence[Tensor]) -> Tensor:
    """Stack weights of one shape to [K, ...]: a view if they are evenly spaced in one storage (`state.flatten`)."""
    first = weights[0]
    places = [weight.storage_offset() for weight in weights]
    distances = {after - before for before, after in pairwise(places)}
    together = {weight.untyped_storage().data_ptr() for weight in weights}
    if len(together) == 1 and len(distances) <= 1 and len({weight.stride() for weight in weights}) == 1:
        distance = distances.pop() if distances else first.numel()
        return first.detach().as_strided((len(weights), *first.shape), (distance, *first.stride()), places[0])
    return torch.stack([weight.detach() for weight in weights])


def _products(matrices: Tensor, vectors: Tensor) -> Tensor:
    """Matrices [K, M, N] times vectors [K, N] → [K, M]. On a CPU, `bmm` takes seven times as long as this sum."""
    if matrices.is_cuda:
        return torch.bmm(matrices, vectors[:, :, None])[:, :, 0]
    return (matrices * vectors[:, None]).sum(dim=2)


class SpectralNorm(torch.autograd.Function):
    """W/σ for K weights of one shape, σ = uᵀWv with fixed u and v; W is the weight by `as_matrix`.

    The gradient is (g − ⟨g, W/σ⟩ · uvᵀ) / σ (Miyato et al. 2018, equation 12). It is written out because autograd
    would make and add up several copies of every weight.
    """

    @staticmethod
    def forward(ctx: Any, dtype: torch.dtype, u: Tensor, v: Tensor, *weights: Tensor) -> tuple[Tensor, ...]:
        """u [K, out], v [K, k·k·in] and K weights [out, in, k, k], float32 → W/σ each, channels_last in `dtype`."""
        ctx.set_materialize_grads(False)  # a small image skips coarse scales of D, whose gradients are then None
        matrices = as_matrix(_stacked(weights))
        with torch.autocast(u.device.type, enabled=False):
            sigmas = (u * _products(matrices, v)).sum(dim=1)
        ctx.save_for_backward(u, v, sigmas, *weights)
        normalised = (matrices / sigmas[:, None, None]).to(dtype)
        return _as_weights(normalised.flatten(0, 1), weights[0]).split(weights[0].shape[0])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        *vectors, sigmas = ctx.saved_tensors[:3]
        weights = ctx.saved_tensors[3:]
        used = [index for index, gradient in enumerate(gradients) if gradient is not None]
        result: list[Tensor | None] = [None] * len(gradients)
        if used:
            u, v, sigmas = (
                whole if len(used) == len(gradients) else torch.stack([whole[index] for index in used])
                for whole in (*vectors, sigmas)
            )
            given = [as_matrix(gradient) for gradient in gradients if gradient is not None]
            together = given[0][None] if len(given) == 1 else torch.stack(given)
            matrices = as_matrix(_stacked([weights[index] for index in used]))
            parts = _as_weights(_spectral_gradients(together, matrices, u, v, sigmas), weights[0])
            for index, part in zip(used, parts, strict=True):
                result[index] = part
        return None, None, None, *result


def _spectral_gradients(gradient: Tensor, weights: Tensor, u: Tensor, v: Tensor, sigmas: Tensor) -> Tensor:
    """Gradient of W/σ → gradient of W, both, and W, as matrices [K, out, k·k·in]; u [K, out], v [K, k·k·in], σ [K]."""
    gradient = gradient.to(weights.dtype)
    along = torch.linalg.vecdot(gradient.flatten(1), weights.flatten(1)) / sigmas
    left = (u * along[:, None])[:, :, None]
    return torch.addcmul(gradient, left, v[:, None, :], value=-1).div_(sigmas[:, None, None])
