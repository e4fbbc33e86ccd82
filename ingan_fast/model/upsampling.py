"""Nearest-neighbour upsampling by two and the following 3×3 convolution, as one operation at the lower resolution."""

import torch
from torch import Tensor
from torch.nn import functional as F

# Weights of a 3×3 convolution that each weight of the transposed convolution sums up, along one axis. An upsampled
# picture has each pixel twice, so three taps read two pixels: the first tap one and the others the next, or the first
# two one and the last the next.
_SUMS = ((0.0, 0.0, 1.0), (0.0, 1.0, 1.0), (1.0, 1.0, 0.0), (1.0, 0.0, 0.0))


def upsample_convolve(input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Upsample by two (nearest), pad by reflection and convolve: [N, C, H, W], weight [C', C, 3, 3] → [N, C', 2H, 2W].

    A transposed convolution with a 4×4 kernel and stride 2 gives the same with four multiplications per output and
    channel instead of nine. Reflecting the upsampled picture equals replicating the border of the original.
    """
    rows = torch.tensor(_SUMS, dtype=weight.dtype, device=weight.device)
    sums = torch.kron(rows, rows)  # [4·4, 3·3]
    outputs, inputs = weight.shape[:2]
    taps = weight.permute(0, 2, 3, 1).reshape(outputs, 9, inputs)  # no copy of a weight in channels_last
    kernel = (sums @ taps).view(outputs, 4, 4, inputs).permute(3, 0, 1, 2)  # [C, C', 4, 4]
    padded = F.pad(input, [1] * 4, mode="replicate")
    return F.conv_transpose2d(padded, kernel, bias, stride=2, padding=3)
