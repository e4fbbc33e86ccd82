"""Time and peak memory of one output, for generators of the presets' sizes (random weights).

    python benchmarks/retarget.py [--presets cpu paper] [--sizes 640x480 1920x1080] [--json FILE]

Each row is measured in a process of its own, since peak memory is a process's.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ingan_fast.geometry import Transform
from ingan_fast.parsing import parse_size

RUNS = 5
SOURCE = (320, 240)


def measure(preset: str, size: str) -> dict[str, float | str]:
    """Seconds (median, p20, p80 of the runs after a first) and the process's peak memory in MB."""
    import numpy as np
    import torch

    from ingan_fast.config import PRESETS
    from ingan_fast.export.fold import fold
    from ingan_fast.jumps import with_jumps
    from ingan_fast.networks import Generator, to_channels_last
    from ingan_fast.retargeting import TrainedGenerator
    from ingan_fast.run_folder import Config

    torch.manual_seed(0)
    source = np.random.default_rng(0).integers(0, 256, (SOURCE[1], SOURCE[0], 3)).astype(np.uint8)
    settings = with_jumps(PRESETS[preset], [source])
    generator = to_channels_last(fold(Generator(settings)))
    config = Config.new(settings, preset, None, 0, {"noise": source}, "cpu")
    trained = TrainedGenerator(generator, [source], config, torch.device("cpu"))
    transform = Transform.resize(parse_size(size))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    times = []
    for _ in range(RUNS + 1 if transform.size[0] * transform.size[1] < 4e6 else 2):
        start = time.perf_counter()
        trained.retarget(transform)
        times.append(time.perf_counter() - start)
    timed = times[1:]
    spread = statistics.quantiles(timed, n=5) if len(timed) > 1 else [timed[0], timed[0]]
    return {
        "preset": preset,
        "size": size,
        "median_s": statistics.median(timed),
        "p20_s": spread[0],
        "p80_s": spread[-1],
        "first_s": times[0],
        "memory_before_mb": before,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--presets", nargs="+", default=["cpu", "paper"])
    parser.add_argument("--sizes", nargs="+", default=["640x480", "4096x3072"])
    parser.add_argument("--json", type=Path, help="also write the rows here")
    parser.add_argument("--one", nargs=2, metavar=("PRESET", "SIZE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(*arguments.one)))
        return
    rows = []
    for preset in arguments.presets:
        for size in arguments.sizes:
            output = subprocess.run(
                [sys.executable, __file__, "--one", preset, size], check=True, capture_output=True, text=True
            ).stdout
            rows.append(json.loads(output))
    table = Table(
        title=f"one output, CPU, {rows[0]['threads']} threads, torch {rows[0]['torch']}", title_justify="left"
    )
    for column in ("preset", "size", "median s", "p20", "p80", "first", "peak MB"):
        table.add_column(column, justify="right")
    for row in rows:
        times = (f"{row[key]:.2f}" for key in ("median_s", "p20_s", "p80_s", "first_s"))
        table.add_row(row["preset"], row["size"], *times, f"{row['peak_memory_mb']:.0f}")
    Console().print(table)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
