"""A convolution to a few channels as two steps, for inference on CUDA.

cuDNN computes at least 32 output channels, of which a picture needs three. Here each column of the kernel has its own
output channels (7 · 3 for 7 × 7), which a convolution with a kernel of one column computes: a seventh of the
multiplications. The columns' results are then shifted and added up.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from ingan_fast.kernels import ops

CHANNELS = 8  # tensor cores take channels in multiples of this


def by_columns(weight: Tensor) -> Tensor:
    """Weights of the first step: [O, C, K, K] → [K·O, C, K, 1], with zeros up to a multiple of 8 outputs."""
    apart = weight.permute(3, 0, 1, 2).flatten(0, 1)[..., None]
    missing = -len(apart) % CHANNELS
    return F.pad(apart, [0] * 7 + [missing]).contiguous(memory_format=torch.channels_last)


def sum_columns(raw: Tensor, bias: Tensor, kernel: int, size: tuple[int, int], tanh: bool = False) -> Tensor:
    """The second step. Not differentiable.

    Args:
        raw: result of the first step, [N, K·O or more, H, W + K - 1].
        bias: [O].
        kernel: K.
        size: (height, width) of the result, at most (H, W): the rest is cut off.
        tanh: of the sums.

    Returns:
        float32 [N, O, height, width], channels_last.

    Raises:
        ValueError: `raw` is too small.
    """
    least = (kernel * len(bias), size[0], size[1] + kernel - 1)
    if any(side < needed for side, needed in zip(raw.shape[1:], least, strict=True)) or min(size) < 1:
        raise ValueError(f"raw has shape {list(raw.shape)}; needed is at least [N, {', '.join(map(str, least))}]")

    def plain() -> Tensor:
        return _plain(raw, bias, kernel, size, tanh)

    if not raw.is_cuda:
        return plain()
    return ops._run(raw, lambda kernels: kernels.sum_columns(raw, bias, kernel, size, tanh), plain, channels_last=True)


def _plain(raw: Tensor, bias: Tensor, kernel: int, size: tuple[int, int], tanh: bool) -> Tensor:
    total, outputs = bias.float()[:, None, None], len(bias)
    for j in range(kernel):
        total = total + raw[:, j * outputs : (j + 1) * outputs, : size[0], j : j + size[1]].float()
    return (torch.tanh(total) if tanh else total).contiguous(memory_format=torch.channels_last)
