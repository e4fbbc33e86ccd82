"""Precision of the convolutions: by default the fastest that the device supports."""

import functools
import os
import time

import torch
from torch.nn import functional as F

from ingan_fast.errors import UserError

PRECISIONS = ("auto", "float32", "bfloat16", "float16")
# The precision of runs whose config.json names none: it was fixed before it became a setting.
FORMERLY = "bfloat16"
# float16 underflows: losses are multiplied by this before backward, and gradients divided by it.
LOSS_SCALE = 1024.0
# bfloat16 is used if its convolution takes less than this fraction of float32's time: then hardware supports it.
WORTHWHILE = 0.8


def check_precision(name: str) -> str:
    """
    Raises:
        UserError: an unknown precision.
    """
    if name not in PRECISIONS:
        raise UserError(f"unknown precision {name!r}; choose {', '.join(PRECISIONS[:-1])} or {PRECISIONS[-1]}")
    return name


def choose_precision(device: torch.device) -> str:
    """The name of the fastest precision for convolutions on the device; constant within a process."""
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"
    if device.type == "mps":
        return "float32"  # autocast is incomplete on MPS, and float16 is hardly faster
    return "bfloat16" if _cpu_has_bfloat16() else "float32"


def describe_precision(name: str, device: torch.device) -> str:
    """A line for the user about the chosen precision."""
    best = choose_precision(device)
    if name != best:
        return f"convolutions in {name}, as requested; {best} is fastest here"
    return f"convolutions in {name}, the fastest on this {'CPU' if device.type == 'cpu' else 'GPU'}"


def mixed_precision(device: torch.device, precision: str) -> torch.autocast:
    """Autocast: `precision` for convolutions, float32 for sums and comparisons.

    Autocast's store of casted biases is off: the process has one, which each thread empties (`side_by_side`).
    """
    if precision == "float32":
        return torch.autocast(device.type, enabled=False)
    return torch.autocast(device.type, getattr(torch, precision), cache_enabled=False)


@functools.cache
def _cpu_has_bfloat16() -> bool:
    """Whether oneDNN computes convolutions in bfloat16 faster than in float32.

    Without hardware support it either can't, or converts to float32 and back. CPU flags are not reliable where the
    environment limits oneDNN's instruction set; there, and on other CPUs, it is measured.
    """
    if not torch.backends.mkldnn.is_available() or not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return False
    limited = any(name in os.environ for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"))
    if not limited and (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()):
        return True
    # Alternating, so that a slow moment affects both; the minimum is the machine's capability.
    seconds = [(_convolution_seconds(torch.float32), _convolution_seconds(torch.bfloat16)) for _ in range(6)]
    float32, bfloat16 = (min(values) for values in zip(*seconds, strict=True))
    return bfloat16 < WORTHWHILE * float32


def _convolution_seconds(dtype: torch.dtype) -> float:
    """Time of a typical training convolution with both gradients: a few milliseconds."""
    image = torch.ones(1, 64, 34, 34, dtype=dtype).contiguous(memory_format=torch.channels_last).requires_grad_()
    weight = torch.ones(128, 64, 3, 3, dtype=dtype).contiguous(memory_format=torch.channels_last).requires_grad_()
    start = time.perf_counter()
    F.conv2d(image, weight).sum().backward()
    return time.perf_counter() - start
