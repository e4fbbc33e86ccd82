"""Frames of the runtime on a GPU: uint8 on the device in and out. Prints a line of JSON per row.

    python benchmarks/gpu_frames.py [--device cuda] [--preset paper] [--size 640x480] [--json rows.jsonl]
                                    [--latency 640x480] [--alternate 640x480 800x600] [--profile 640x480]

Kinds of rows: "frames" (a way and a size: one frame, and frames per second of many); by the way "graphs" also "latency"
(single frames one by one, each waited for), "alternating" (the same, with the sizes in turn) and "profile" (the kernels
of a frame, by torch's profiler). The generator has random weights. A picture is first compared with the CPU's, a large
one with that of the first way. Each row is written as soon as it is measured.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ingan_fast.bench.models import write_run
from ingan_fast.bench.timing import Spread, Stopwatch, take_turns
from ingan_fast.geometry import Size
from ingan_fast.model.cuda_graphs import GraphPool
from ingan_fast.model.precision import choose_precision
from ingan_fast.parsing import parse_size
from ingan_fast.pictures import MARKET, Pixels, load_image
from ingan_fast.runtime.backends.torch import TorchBackend, graph_of
from ingan_fast.runtime.opening import open_model
from ingan_fast.runtime.retargeter import Retargeter
from ingan_fast.training.trained import read_run

WAYS = ("eager", "graphs", "graphs, plain", "graphs, tuned", "compiled, graphs")  # graphs: the runtime's own
WARM_UP = 4
LARGE = 1_000_000  # px: measured less often, and not compared with a CPU's picture
REPEAT = {"cuda": 50, "cpu": 1}
STREAMED = {"cuda": 100, "cpu": 1}  # frames in sequence without waiting
LARGE_REPEAT, LARGE_STREAMED = 10, 20
KERNELS = 40  # of a profile
SINGLE = {"cuda": 1000, "cpu": 4}  # frames of "latency" and "alternating"


def open_run(run: Path, device: torch.device, way: str) -> Retargeter:
    """Open the run's generator in one of the modes `WAYS`.

    "plain" and "compiled" leave it to torch what lies between convolutions. "tuned" lets cuDNN try its algorithms.
    """
    torch.backends.cudnn.benchmark = "tuned" in way
    opened = open_model(run, device.type, "torch")
    ready: Any = opened.backend
    graph = ready._graph
    if "plain" in way or "compiled" in way:
        graph = graph_of(read_run(run).generator, device, getattr(torch, choose_precision(device)), join=False)
    if "compiled" in way:
        graph = torch.compile(graph, dynamic=False)
    capture = GraphPool().capture if "graphs" in way and device.type == "cuda" else None
    backend = TorchBackend(graph, device, 64, way, capture=capture)
    return Retargeter(replace(opened, backend=backend), max_memory=64 << 30)


def measure(
    run: Path, device: torch.device, way: str, picture: Pixels, size: Size, expected: Pixels | None
) -> tuple[dict[str, Any], Pixels]:
    """A row (error, milliseconds of a single frame, frames per second of many, bytes), and the picture."""
    frame = torch.from_numpy(picture).to(device)
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    retargeter = open_run(run, device, way)
    start = time.perf_counter()
    for _ in range(WARM_UP):
        found = retargeter(frame, size=size)
    pixels = found.cpu().numpy()
    warm_up = time.perf_counter() - start
    out = torch.empty_like(found)

    def one() -> object:
        return retargeter(frame, size=size, out=out)

    large = size[0] * size[1] > LARGE
    repeat = min(REPEAT[device.type], LARGE_REPEAT) if large else REPEAT[device.type]
    streamed = min(STREAMED[device.type], LARGE_STREAMED) if large else STREAMED[device.type]
    spread: Spread = take_turns({"one": one}, repeat, Stopwatch(device))["one"]
    off = None if expected is None else np.abs(pixels.astype(int) - expected)
    row = {
        "milliseconds": spread.as_dict(),
        "frames_per_second": _rate(one, streamed, device),
        "warm_up_seconds": warm_up,
        "off_999": None if off is None else float(np.quantile(off, 0.999)),
        "off_most": None if off is None else int(off.max()),
        "peak_bytes": torch.cuda.max_memory_reserved() if device.type == "cuda" else None,
    }
    retargeter.close()
    return row, pixels


def _rate(one: Callable[[], object], count: int, device: torch.device) -> float:
    _wait(device)
    start = time.perf_counter()
    for _ in range(count):
        one()
    _wait(device)
    return count / (time.perf_counter() - start)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def measure_single(run: Path, device: torch.device, picture: Pixels, sizes: list[Size]) -> dict[str, Any]:
    """Milliseconds by the clock, from the call until the picture is there; sizes in turn."""
    frame = torch.from_numpy(picture).to(device)
    retargeter = open_run(run, device, "graphs")
    outs = [torch.empty(height, width, 3, dtype=torch.uint8, device=device) for width, height in sizes]
    for _ in range(WARM_UP):
        for size, out in zip(sizes, outs, strict=True):
            retargeter(frame, size=size, out=out)
    times = []
    _wait(device)
    for turn in range(SINGLE[device.type]):
        start = time.perf_counter()
        retargeter(frame, size=sizes[turn % len(sizes)], out=outs[turn % len(sizes)])
        _wait(device)
        times.append(1e3 * (time.perf_counter() - start))
    retargeter.close()
    hundredths = statistics.quantiles(times, n=100, method="inclusive")
    spread = {"median": statistics.median(times), "p95": hundredths[94], "p99": hundredths[98], "max": max(times)}
    return {"frames": len(times), "milliseconds": spread}


def profile(run: Path, device: torch.device, picture: Pixels, sizes: list[Size]) -> dict[str, Any]:
    """Milliseconds and calls of each kernel of a frame, longest first."""
    frame, count = torch.from_numpy(picture).to(device), REPEAT[device.type]
    retargeter = open_run(run, device, "graphs")
    for _ in range(WARM_UP):
        retargeter(frame, size=sizes[0])
    kind = torch.profiler.ProfilerActivity.CUDA if device.type == "cuda" else torch.profiler.ProfilerActivity.CPU
    _wait(device)
    with torch.profiler.profile(activities=[kind]) as profiler:
        for _ in range(count):
            retargeter(frame, size=sizes[0])
        _wait(device)
    order = f"self_{'device' if device.type == 'cuda' else 'cpu'}_time_total"
    events = sorted(profiler.key_averages(), key=lambda event: -getattr(event, order))[:KERNELS]
    retargeter.close()
    return {
        "kernels": [
            {"milliseconds": getattr(event, order) / count / 1e3, "calls": event.count / count, "name": event.key[:120]}
            for event in events
        ]
    }


def rows(run: Path, device: torch.device, arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """All rows; one that can't be measured has an "error"."""
    picture = load_image(MARKET)
    for size in map(parse_size, arguments.size):
        large = size[0] * size[1] > LARGE
        expected = None if large else Retargeter.open(run, "cpu", "torch")(size=size)
        for way in arguments.way:
            row: dict[str, Any] = {"kind": "frames", "way": way, "size": list(size)}
            try:
                found, pixels = measure(run, device, way, picture, size, expected)
                row |= found
                expected = pixels if expected is None else expected
            except Exception as error:  # measure the other rows anyway
                row |= _named(error)
            yield row
    for kind, words, measured in (
        ("latency", arguments.latency, measure_single),
        ("alternating", arguments.alternate, measure_single),
        ("profile", arguments.profile, profile),
    ):
        if words:
            sizes = [parse_size(word) for word in words]
            row = {"kind": kind, "way": "graphs", "sizes": [list(size) for size in sizes]}
            try:
                row |= measured(run, device, picture, sizes)
            except Exception as error:
                row |= _named(error)
            yield row


def _named(error: Exception) -> dict[str, str]:
    return {"error": f"{type(error).__name__}: {error}"[:300]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--size", nargs="*", default=["640x480"], help="WIDTHxHEIGHT of the outputs")
    parser.add_argument("--way", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--latency", nargs=1, help="a size, of single frames that are waited for")
    parser.add_argument("--alternate", nargs="+", help="sizes that such frames take in turn")
    parser.add_argument("--profile", nargs=1, help="a size, of a frame whose kernels are listed")
    parser.add_argument("--json", type=Path, help="append a line per row")
    arguments = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        write_run(run, arguments.preset, load_image(MARKET))
        for row in rows(run, torch.device(arguments.device), arguments):
            line = json.dumps({"preset": arguments.preset, **row})
            failed |= "error" in row
            print(line, flush=True)
            if arguments.json:
                with arguments.json.open("a") as file:
                    file.write(line + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
