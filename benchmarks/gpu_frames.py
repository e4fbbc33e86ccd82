"""Frames per second of the runtime on a GPU: uint8 on the device in and out. Prints a line of JSON per row.

    python benchmarks/gpu_frames.py [--device cuda] [--preset paper] [--size 640x480] [--json rows.jsonl]

The generator has random weights. Each mode is first compared with the CPU's float32 picture. Each row is written as
soon as it is measured.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ingan_fast.bench.models import write_run
from ingan_fast.bench.timing import Spread, Stopwatch, take_turns
from ingan_fast.model.cuda_graphs import GraphPool
from ingan_fast.parsing import parse_size
from ingan_fast.pictures import MARKET, Pixels, load_image
from ingan_fast.runtime.backends.torch import TorchBackend
from ingan_fast.runtime.opening import open_model
from ingan_fast.runtime.retargeter import Retargeter

WAYS = ("eager", "graphs", "compiled, graphs")
WARM_UP = 4
REPEAT = {"cuda": 50, "cpu": 1}
STREAMED = {"cuda": 100, "cpu": 1}  # frames in sequence without waiting


def open_run(run: Path, device: torch.device, way: str) -> Retargeter:
    """Open the run's generator in one of the modes `WAYS`."""
    opened = open_model(run, device.type, "torch")
    ready: Any = opened.backend
    graph = torch.compile(ready._graph, dynamic=False) if way.startswith("compiled") else ready._graph
    capture = GraphPool().capture if way.endswith("graphs") and device.type == "cuda" else None
    backend = TorchBackend(graph, device, 64, way, capture=capture)
    return Retargeter(replace(opened, backend=backend), max_memory=64 << 30)


def measure(run: Path, device: torch.device, way: str, picture: Pixels, expected: Pixels) -> dict[str, Any]:
    """A row: error, milliseconds of a single frame, frames per second of many, bytes."""
    size = (expected.shape[1], expected.shape[0])
    frame = torch.from_numpy(picture).to(device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    retargeter = open_run(run, device, way)
    start = time.perf_counter()
    for _ in range(WARM_UP):
        found = retargeter(frame, size=size)
    pixels = found.cpu().numpy().astype(int)
    warm_up = time.perf_counter() - start
    out = torch.empty_like(found)

    def one() -> object:
        return retargeter(frame, size=size, out=out)

    spread: Spread = take_turns({"one": one}, REPEAT[device.type], Stopwatch(device))["one"]
    off = np.abs(pixels - expected)
    return {
        "milliseconds": spread.as_dict(),
        "frames_per_second": _rate(one, STREAMED[device.type], device),
        "warm_up_seconds": warm_up,
        "off_999": float(np.quantile(off, 0.999)),
        "off_most": int(off.max()),
        "peak_bytes": torch.cuda.max_memory_reserved() if device.type == "cuda" else None,
    }


def _rate(one: Callable[[], object], count: int, device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(count):
        one()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return count / (time.perf_counter() - start)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--size", nargs="+", default=["640x480"], help="WIDTHxHEIGHT of the outputs")
    parser.add_argument("--way", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--json", type=Path, help="append a line per row")
    arguments = parser.parse_args()
    device, picture = torch.device(arguments.device), load_image(MARKET)
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        write_run(run, arguments.preset, picture)
        for size in map(parse_size, arguments.size):
            expected = Retargeter.open(run, "cpu", "torch")(size=size)
            for way in arguments.way:
                row: dict[str, Any] = {"preset": arguments.preset, "way": way, "size": list(size)}
                try:
                    row |= measure(run, device, way, picture, expected)
                except Exception as error:  # measure the other rows anyway
                    failed = True
                    row |= {"error": f"{type(error).__name__}: {error}"[:300]}
                print(json.dumps(row), flush=True)
                if arguments.json:
                    with arguments.json.open("a") as file:
                        file.write(json.dumps(row) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
