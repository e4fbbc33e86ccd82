"""The networks' convolutions: over a reflected border, and with spectral norm (Miyato et al., ICLR 2018)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ingan_fast.kernels import reflect_pad


class ReflectConv2d(nn.Conv2d):
    """A convolution over a reflected border, that pads in the input's own dtype."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, *, stride: int = 1, padding: int = 0):
        super().__init__(in_channels, out_channels, kernel, stride=stride)
        self.border = padding

    def convolve(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if self.border:
            input = reflect_pad(input, self.border)
        return F.conv2d(input, weight, bias, self.stride)

    def forward(self, input: Tensor) -> Tensor:
        return self.convolve(input, self.weight, self.bias)


class SpectralConv2d(ReflectConv2d):
    """A convolution whose weight is divided by its largest singular value σ (Miyato et al. 2018).

    σ = uᵀWv with u, v from power iteration. The iteration runs only when `power_iteration` is called, once a
    training step and in float32, not in every forward: a step passes through each network several times with
    the same weights (`shared_weights`).
    """

    u: Tensor
    v: Tensor

    def __init__(self, in_channels: int, out_channels: int, kernel: int, *, stride: int = 1, padding: int = 0):
        super().__init__(in_channels, out_channels, kernel, stride=stride, padding=padding)
        self.shared: Tensor | None = None
        self.register_buffer("u", F.normalize(torch.randn(out_channels), dim=0))
        self.register_buffer("v", F.normalize(torch.randn(self.weight[0].numel()), dim=0))

    def normalised_weight(self) -> Tensor:
        """W/σ in float32."""
        with torch.autocast(self.weight.device.type, enabled=False):
            return self.weight / self.u.dot(self.weight.flatten(1) @ self.v)

    def forward(self, input: Tensor) -> Tensor:
        return self.convolve(input, self.normalised_weight() if self.shared is None else self.shared, self.bias)


@torch.no_grad()
def power_iteration(network: nn.Module, steps: int = 1) -> None:
    """Power iterations of every spectrally normalised convolution in `network`."""
    convolutions = spectral_convolutions(network)
    matrices = [convolution.weight.flatten(1) for convolution in convolutions]
    u, v = ([getattr(convolution, name) for convolution in convolutions] for name in "uv")
    for _ in range(steps):
        for matrix, left, right in zip(matrices, u, v, strict=True):
            torch.mv(matrix.T, left, out=right)
        _make_unit_vectors(v)
        for matrix, left, right in zip(matrices, u, v, strict=True):
            torch.mv(matrix, right, out=left)
        _make_unit_vectors(u)


def _make_unit_vectors(vectors: list[Tensor]) -> None:
    lengths = torch._foreach_norm(vectors)
    torch._foreach_clamp_min_(lengths, 1e-12)
    torch._foreach_div_(vectors, lengths)


@contextmanager
def shared_weights(*networks: nn.Module) -> Iterator[None]:
    """Normalise (and cast, under autocast) each weight once for all passes inside; they share its gradient, too."""
    every = [spectral_convolutions(network) for network in networks]
    for convolutions in every:
        device = convolutions[0].weight.device.type
        autocast = torch.is_autocast_enabled(device)
        dtype = torch.get_autocast_dtype(device) if autocast else convolutions[0].weight.dtype
        parts = [(convolution.weight, convolution.u, convolution.v) for convolution in convolutions]
        normalised = SpectralNorm.apply(dtype, *(part for triple in parts for part in triple))
        for convolution, weight in zip(convolutions, normalised, strict=True):
            convolution.shared = weight
    try:
        yield
    finally:
        for convolutions in every:
            for convolution in convolutions:
                convolution.shared = None


def spectral_convolutions(network: nn.Module) -> list[SpectralConv2d]:
    return [module for module in network.modules() if isinstance(module, SpectralConv2d)]


class SpectralNorm(torch.autograd.Function):
    """W/σ of many weights at once, σ = uᵀWv with fixed u and v; weights are thought of as matrices [out, in·k·k].

    Its gradient is (g − ⟨g, W/σ⟩ · uvᵀ) / σ (Miyato et al. 2018, equation 12). Written out, since autograd's way to
    it makes and adds up several copies of every weight.
    """

    @staticmethod
    def forward(ctx: Any, dtype: torch.dtype, *parts: Tensor) -> tuple[Tensor, ...]:
        """Weights [out, in, k, k], u [out] and v [in·k·k] in turn, float32 → W/σ each, channels_last in `dtype`."""
        ctx.set_materialize_grads(False)  # a discriminator's scale may be left out
        with torch.autocast(parts[0].device.type, enabled=False):
            sigmas = [u.dot(weight.flatten(1) @ v) for weight, u, v in _triples(parts)]
        ctx.save_for_backward(*parts, *sigmas)
        return tuple(
            (weight / sigma).to(dtype, memory_format=torch.channels_last)
            for (weight, _, _), sigma in zip(_triples(parts), sigmas, strict=True)
        )

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        count = len(gradients)
        parts, sigmas = ctx.saved_tensors[: 3 * count], ctx.saved_tensors[3 * count :]
        result: list[Tensor | None] = [None]  # of dtype
        for gradient, (weight, u, v), sigma in zip(gradients, _triples(parts), sigmas, strict=True):
            result += [None if gradient is None else _spectral_gradient(gradient, weight, u, v, sigma), None, None]
        return tuple(result)


def _triples(parts: tuple[Tensor, ...]) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    return zip(parts[::3], parts[1::3], parts[2::3], strict=True)


def _spectral_gradient(gradient: Tensor, weight: Tensor, u: Tensor, v: Tensor, sigma: Tensor) -> Tensor:
    matrix = gradient.to(weight.dtype, memory_format=torch.contiguous_format).flatten(1)
    along = matrix.flatten().dot(weight.flatten()) / sigma
    return torch.addr(matrix, u * along, v, alpha=-1).div_(sigma).view_as(weight)
