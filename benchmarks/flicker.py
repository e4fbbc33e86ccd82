"""How much an animated size flickers: the change from frame to frame beside a plain resize's.

The width grows evenly from one factor to another; a frame is compared with the next one where both have pixels.

    python benchmarks/flicker.py RUN [--from 1.0] [--to 1.5] [--frames 48] [--strip STRIP.png]
"""

import argparse
import statistics
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingan_fast import Transform, load
from ingan_fast.baselines import plain_resize
from ingan_fast.images import save_image

Frame = NDArray[np.uint8]


def changes(frames: list[Frame]) -> list[float]:
    """Mean absolute difference (grey levels) of each frame and the next, over the pixels that both have."""
    return [float(np.abs(a.astype(int) - b[:, : a.shape[1]]).mean()) for a, b in pairwise(frames)]


def widths(source: int, first: float, last: float, frames: int) -> Iterator[int]:
    return (round(source * factor) for factor in np.linspace(first, last, frames))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--from", dest="first", type=float, default=1.0, help="the first width, in the source's")
    parser.add_argument("--to", dest="last", type=float, default=1.5, help="the last width")
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--strip", type=Path, help="write the middle row of every frame, one below the other")
    arguments = parser.parse_args()
    trained = load(arguments.run)
    width, height = trained.source_size
    sizes = [(w, height) for w in widths(width, arguments.first, arguments.last, arguments.frames)]
    ours = [trained.retarget(Transform.resize(size)).picture for size in sizes]
    plain = [plain_resize(trained.source, size) for size in sizes]
    for name, frames in (("ingan-fast", ours), ("plain resize", plain)):
        steps = changes(frames)
        mean, median, most = statistics.fmean(steps), statistics.median(steps), max(steps)
        print(f"{name:13} mean {mean:5.2f}  median {median:5.2f}  most {most:5.2f}")
    ratio = statistics.fmean(changes(ours)) / statistics.fmean(changes(plain))
    print(f"from frame to frame ours changes {ratio:.2f} times as much as a plain resize")
    if arguments.strip:
        rows = [np.pad(f[height // 2], ((0, sizes[-1][0] - f.shape[1]), (0, 0))) for f in ours]
        save_image(np.repeat(np.stack(rows), 6, axis=0), arguments.strip)


if __name__ == "__main__":
    main()
