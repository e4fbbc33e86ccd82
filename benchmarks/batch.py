"""Throughput of `ingan-fast batch`, for docs/batch.md: `python benchmarks/batch.py cores` or `nodes`.

cores: the same pictures in a plain loop, by one task per output, and by one task per picture, on this machine's cores.
nodes: how many pictures a second the driver can handle, with simulated nodes whose tasks sleep instead of computing.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
os.environ.update(dict.fromkeys(THREADS, "1"))  # before NumPy is imported: the loop gets what a worker gets

from PIL import Image  # noqa: E402

from ingan_fast.batch import pools, work  # noqa: E402
from ingan_fast.batch.journal import opened  # noqa: E402
from ingan_fast.batch.pictures import find_pictures  # noqa: E402
from ingan_fast.batch.requests import Options, parse_requests  # noqa: E402
from ingan_fast.batch.run import Batch  # noqa: E402
from ingan_fast.pictures import MARKET  # noqa: E402

SLEEP = 0.5  # s of a simulated task
SIMULATED = 300  # pictures for each number of nodes


def make_pictures(folder: Path, count: int, size: tuple[int, int]) -> None:
    """Photographs and drawings of this repository at one size, mirrored and shifted to differ."""
    sources = [MARKET, *sorted((Path(__file__).parent / "pictures").glob("*.png"))]
    for index in range(count):
        image = Image.open(sources[index % len(sources)]).convert("RGB")
        if index // len(sources) % 2:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        left = image.width * (index % 5) // 40
        image = image.crop((left, 0, left + image.width * 7 // 8, image.height * 7 // 8))
        image.resize(size, Image.Resampling.BICUBIC).save(folder / f"{index:04d}.jpg", quality=92)


def run(pictures: Path, out: Path, sizes: list[str], pool: pools.Pool) -> float:
    """Pictures a second of a batch into an empty folder."""
    found = find_pictures([str(pictures)], out)
    start = time.perf_counter()
    with opened(out) as journal:
        batch = Batch(found, parse_requests(sizes, [], []), Options(), journal)
        batch.run(pool)
    assert not batch.outcome.errors, batch.outcome.errors
    shutil.rmtree(out)
    return len(found) / (time.perf_counter() - start)


def cores(folder: Path, count: int) -> None:
    sizes = ["960x480", "480x640"]
    make_pictures(folder / "in", count, (640, 480))
    speed = run(folder / "in", folder / "out", sizes, pools.InProcess())
    print(f"plain loop, one process: {speed:.2f} pictures a second", flush=True)
    start = time.perf_counter()
    with pools.connected() as pool:
        print(f"Ray started in {time.perf_counter() - start:.1f} s", flush=True)
        for name in ("first", "second"):  # worker processes start during the first one
            speed = run(folder / "in", folder / "out", sizes, pool)
            print(f"Ray, {name} time: {speed:.2f} pictures a second; memory {ray_memory()}", flush=True)
        start = time.perf_counter()
        for size in sizes:
            run(folder / "in", folder / "out", [size], pool)
        speed = count / (time.perf_counter() - start)
        print(f"Ray, one task per output: {speed:.2f} pictures a second", flush=True)
        start = time.perf_counter()
    print(f"Ray ended in {time.perf_counter() - start:.1f} s")


def nodes(folder: Path, most: int) -> None:
    make_pictures(folder / "in", SIMULATED, (640, 480))
    find = next((folder / "in").glob("*.jpg"))
    made = work.lay_out(
        work.Task(str(find), find.read_bytes(), {"x.jpg": parse_requests(["960x480"], [], [])[0]}, Options())
    )
    for count, seconds in ((1, SLEEP), (2, SLEEP), (4, SLEEP), (most, SLEEP), (most, 0.0)):
        with simulated(count, made, seconds) as pool:
            run(folder / "in", folder / "out", ["960x480"], pool)  # worker processes start
            speed = run(folder / "in", folder / "out", ["960x480"], pool)
        limit = f"of {count * 2 / seconds:.0f}" if seconds else "(tasks that only return an output)"
        print(f"{count} nodes with 2 slots each: {speed:.1f} {limit} pictures a second", flush=True)


@contextmanager
def simulated(count: int, made: work.Answer, seconds: float) -> Iterator[pools.RayPool]:
    """A cluster of nodes on this machine whose tasks sleep, then return `made`."""
    os.environ.update(pools.RAY)
    from ray.cluster_utils import Cluster

    (product,) = made.products.values()

    def sleep(task: work.Task) -> work.Answer:
        time.sleep(seconds)
        return work.Answer(dict.fromkeys(task.outputs, product), made.source_size, made.thumbnail)

    before, work.lay_out = work.lay_out, sleep  # type: ignore[assignment]
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    try:
        for _ in range(count - 1):
            cluster.add_node(num_cpus=2)
        with pools.connected(cluster.address) as pool:
            yield pool
    finally:
        work.lay_out = before
        cluster.shutdown()


def ray_memory() -> str:
    """Memory of Ray's and the workers' processes: proportional set sizes, so that shared pages count once."""
    total: dict[str, float] = {"workers": 0.0, "Ray": 0.0}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            line = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            rollup = (path / "smaps_rollup").read_text()
        except OSError:
            continue
        size = next((float(row.split()[1]) for row in rollup.splitlines() if row.startswith("Pss:")), 0.0) / 1e3
        if line.startswith(("ray::IDLE", "ray::noted", "ray::lay_out")):
            total["workers"] += size
        elif "/ray/" in line or line.startswith("ray::"):
            total["Ray"] += size
    return ", ".join(f"{name} {value:.0f} MB" for name, value in total.items())


PARTS: dict[str, Callable[[Path, int], None]] = {"cores": cores, "nodes": nodes}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--count", type=int, help="pictures (cores: 40), or the most nodes (nodes: 8)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="batch-") as name:
        (Path(name) / "in").mkdir()
        PARTS[given.part](Path(name), given.count or {"cores": 40, "nodes": 8}[given.part])


if __name__ == "__main__":
    sys.exit(main())
