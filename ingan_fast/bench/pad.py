"""Benchmark of reflection padding: our operator compared with torch's, forward and backward together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ingan_fast.bench.timing import Stopwatch, take_turns
from ingan_fast.kernels import reflect_pad

OURS, TORCH = "ours", "torch"
WARM_UP = 3  # untimed calls of each
# Largest allowed error of the gradient, relative to its largest value, compared with a float32 sum.
TOLERANCE = {torch.float32: 1e-5, torch.float16: 4e-3, torch.bfloat16: 3e-2}


@dataclass(frozen=True)
class PadCase:
    """Features [1, channels, height, width], padded on all sides."""

    channels: int
    height: int
    width: int
    border: int

    def __str__(self) -> str:
        return f"[1, {self.channels}, {self.height}, {self.width}], {self.border} px"


# From the preset `paper` at a crop of 256: before the exit, in the bottleneck, in between.
CASES = (PadCase(64, 256, 256, 3), PadCase(512, 32, 32, 1), PadCase(128, 128, 128, 1))


def measure_pad(
    device: torch.device, cases: Sequence[PadCase] = CASES, dtype: torch.dtype = torch.bfloat16, repeat: int = 30
) -> list[dict[str, Any]]:
    """A row per case and operator: case, name, milliseconds (median, p20, p80, mean) and bytes_per_second.

    Features, gradients and results are channels_last. The bytes are the minimum to move. If our result differs from
    torch's, its row has an `error` and no times.
    """
    stopwatch = Stopwatch(device, cold=True)
    rows: list[dict[str, Any]] = []
    for case in cases:
        features, gradient = _tensors(case, dtype, device)
        calls: dict[str, Callable[[], Any]] = {
            name: partial(_both_ways, way, features, gradient, case.border) for name, way in WAYS.items()
        }
        error = _error(calls, features, gradient, case.border)
        moved = 2 * (features.numel() + gradient.numel()) * features.element_size()
        if error is not None:
            rows.append({"case": str(case), "name": OURS, "error": error})
            del calls[OURS]
        take_turns(calls, WARM_UP, stopwatch)
        for name, spread in take_turns(calls, repeat, stopwatch).items():
            rate = moved / (spread.median / 1e3)
            rows.append({"case": str(case), "name": name, "milliseconds": spread.as_dict(), "bytes_per_second": rate})
    return rows


def _torch_pad(features: Tensor, border: int) -> Tensor:
    """torch's padding for a channels_last convolution; on CUDA it returns contiguous maps, which are converted."""
    padded = F.pad(features, [border] * 4, mode="reflect")
    return padded.contiguous(memory_format=torch.channels_last)


WAYS: dict[str, Callable[[Tensor, int], Tensor]] = {OURS: reflect_pad, TORCH: _torch_pad}


def _tensors(case: PadCase, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """Features, and a gradient of their padded map: normal noise, deterministic."""
    generator = torch.Generator().manual_seed(0)

    def noise(height: int, width: int) -> Tensor:
        return torch.randn(1, height, width, case.channels, generator=generator).to(device, dtype).permute(0, 3, 1, 2)

    more = 2 * case.border
    return noise(case.height, case.width).requires_grad_(), noise(case.height + more, case.width + more)


def _both_ways(way: Callable[[Tensor, int], Tensor], features: Tensor, gradient: Tensor, border: int) -> Any:
    """The padded map, and the gradient of the features."""
    padded = way(features, border)
    return padded, torch.autograd.grad(padded, features, gradient)[0]


def _error(calls: dict[str, Callable[[], Any]], features: Tensor, gradient: Tensor, border: int) -> str | None:
    """What is wrong with our result; None if correct."""
    exact = features.detach().float().requires_grad_()
    values, wanted = _both_ways(_torch_pad, exact, gradient.float(), border)
    padded, back = calls[OURS]()
    if not torch.equal(padded.float(), values):
        return "wrong result: the padded map differs"
    off = float((back.float() - wanted).abs().max() / wanted.abs().max())
    if not off <= TOLERANCE[features.dtype]:  # also if NaN
        return f"wrong result: the gradient is off by {off:.2g}, allowed is {TOLERANCE[features.dtype]:g}"
    return None
