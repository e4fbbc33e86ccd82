"""Describes the machine of a benchmark, and measures its arithmetic ceiling."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from ingan_fast.bench.results import Machine
from ingan_fast.bench.timing import Spread, Stopwatch, take_turns

PACKAGES = ("ingan-fast", "torch", "triton", "onnx", "onnxruntime", "openvino", "tensorrt-rtx", "av")
# Side of the square bfloat16 matrices whose product measures the arithmetic ceiling.
MATMUL_SIDE = {"cuda": 4096, "cpu": 1024}
MATMUL_CALLS = {"cuda": 50, "cpu": 10}


def describe(device: torch.device) -> Machine:
    """Versions, device and threads, for JSON."""
    versions: dict[str, str | None] = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = torch.__version__ if package == "torch" else version(package)
        except PackageNotFoundError:
            versions[package] = None
    return {
        "device": device.type,
        "name": torch.cuda.get_device_name(device) if device.type == "cuda" else cpu_name(),
        "cuda": torch.version.cuda,
        "threads": torch.get_num_threads(),
        "versions": versions,
    }


def cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def title(machine: Machine) -> str:
    """Short description for a table's title."""
    threads = f", {machine['threads']} threads" if machine["device"] == "cpu" else ""
    return f"{machine['name']}{threads}, torch {machine['versions']['torch']}"


def measure_matmul(device: torch.device) -> dict[str, Any]:
    """The arithmetic ceiling: FLOP/s of a product of square bfloat16 matrices, from the median time."""
    side = MATMUL_SIDE[device.type]
    left, right = (torch.randn(side, side, device=device).to(torch.bfloat16) for _ in range(2))
    result = torch.empty_like(left)
    call = {"matmul": lambda: torch.mm(left, right, out=result)}
    stopwatch = Stopwatch(device, cold=True)
    take_turns(call, 3, stopwatch)
    spread: Spread = take_turns(call, MATMUL_CALLS[device.type], stopwatch)["matmul"]
    return {
        "side": side,
        "dtype": "bfloat16",
        "milliseconds": spread.as_dict(),
        "flop_per_second": 2 * side**3 / (spread.median / 1e3),
    }


class PeakMemory:
    """Peak of a GPU's memory above the usage at construction; for a CPU, see `process_peak`."""

    def __init__(self, device: torch.device):
        self.device = device
        if device.type == "cuda":
            torch.cuda.synchronize(device)
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(device)
            self.allocated = torch.cuda.memory_allocated(device)
            self.reserved = torch.cuda.memory_reserved(device)

    def so_far(self) -> dict[str, int]:
        """`allocated`: by tensors; `reserved`: by torch, including graphs and unused cached memory."""
        if self.device.type != "cuda":
            return {}
        return {
            "allocated": torch.cuda.max_memory_allocated(self.device) - self.allocated,
            "reserved": torch.cuda.max_memory_reserved(self.device) - self.reserved,
        }


def memory(device: torch.device) -> int:
    """Bytes of memory available for tensors on `device`."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
