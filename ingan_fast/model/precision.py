"""The arithmetic of convolutions: the fastest that the device has units for."""

import functools
import os
import time

import torch
from torch.nn import functional as F

from ingan_fast.errors import UserError

PRECISIONS = ("auto", "float32", "bfloat16", "float16")
# What config.json means that names none: runs were trained so before there was a choice.
FORMERLY = "bfloat16"
# float16 has no small numbers: losses are multiplied by this before they go back, and gradients divided by it.
LOSS_SCALE = 1024.0
# How much of float32's time a measured bfloat16 convolution may take to be preferred: below it, units are there.
WORTHWHILE = 0.8


def check_precision(name: str) -> str:
    """
    Raises:
        UserError: an unknown precision.
    """
    if name not in PRECISIONS:
        raise UserError(f"precision {name!r} is not known; give {', '.join(PRECISIONS[:-1])} or {PRECISIONS[-1]}")
    return name


def choose_precision(device: torch.device) -> str:
    """The name of the precision in which convolutions are fastest on the device; the same every time in a process."""
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"
    if device.type == "mps":
        return "float32"  # its autocast has gaps, and float16 is hardly faster there
    return "bfloat16" if _cpu_has_bfloat16() else "float32"


def describe_precision(name: str, device: torch.device) -> str:
    """A line for the user."""
    best = choose_precision(device)
    if name != best:
        return f"convolutions in {name}, as asked for; {best} is fastest here"
    return f"convolutions in {name}, which is fastest on this {'CPU' if device.type == 'cpu' else 'GPU'}"


def mixed_precision(device: torch.device, precision: str) -> torch.autocast:
    """`precision` for convolutions, float32 for what is summed or compared."""
    if precision == "float32":
        return torch.autocast(device.type, enabled=False)
    return torch.autocast(device.type, getattr(torch, precision))


@functools.cache
def _cpu_has_bfloat16() -> bool:
    """Whether oneDNN computes convolutions in bfloat16 faster than in float32.

    Without units for it, it either can't at all, or converts to float32 and back. What the CPU says of itself is not
    what oneDNN may use where the environment limits that, so then, and on other kinds of CPUs, it is measured.
    """
    if not torch.backends.mkldnn.is_available() or not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return False
    limited = any(name in os.environ for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"))
    if not limited and (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()):
        return True
    # In turns, so that a slow moment of the machine meets both; the least is what the machine can.
    seconds = [(_convolution_seconds(torch.float32), _convolution_seconds(torch.bfloat16)) for _ in range(6)]
    float32, bfloat16 = (min(values) for values in zip(*seconds, strict=True))
    return bfloat16 < WORTHWHILE * float32


def _convolution_seconds(dtype: torch.dtype) -> float:
    """Of a convolution of a training's usual size with both of its gradients: some milliseconds."""
    image = torch.ones(1, 64, 34, 34, dtype=dtype).contiguous(memory_format=torch.channels_last).requires_grad_()
    weight = torch.ones(128, 64, 3, 3, dtype=dtype).contiguous(memory_format=torch.channels_last).requires_grad_()
    start = time.perf_counter()
    F.conv2d(image, weight).sum().backward()
    return time.perf_counter() - start
