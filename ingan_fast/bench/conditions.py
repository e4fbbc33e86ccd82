"""Simulated conditions: a CPU with only AVX2, as in most laptops, and a CPU shared with other processes."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from ingan_fast.bench.results import Results, Row
from ingan_fast.errors import UserError
from ingan_fast.pictures import Pixels, save_image

BUSY = "while True: pass"


@dataclass(frozen=True)
class Condition:
    """A condition to measure under.

    Attributes:
        environment: variables of the measured process.
        neighbours: number of busy single-threaded processes that run at the same time.
    """

    name: str
    environment: Mapping[str, str] = field(default_factory=dict)
    neighbours: int = 0


AVX2 = Condition("AVX2 imitated", {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"})
BESIDE = Condition("beside a busy process", neighbours=1)
CONDITIONS = (AVX2, BESIDE)


def measure_under(condition: Condition, words: Sequence[str], picture: Pixels) -> list[Row]:
    """Run an `ingan-fast bench` command under a condition; returns its rows, with the condition added to their cases.

    Args:
        words: the command, without its picture.
        picture: what it measures, uint8 [H, W, 3].
    """
    with tempfile.TemporaryDirectory() as folder, _busy(condition.neighbours):
        image, report = Path(folder) / "picture.png", Path(folder) / "report.json"
        save_image(picture, image)
        command = [sys.executable, "-m", "ingan_fast", "bench", *words]
        ended = subprocess.run(
            [*command, "--image", str(image), "--no-conditions", "--json", str(report)],
            env=os.environ | dict(condition.environment),
            capture_output=True,
            text=True,
        )
        try:
            rows = Results.read(report).rows
        except UserError:
            reason = (ended.stderr.strip() or f"exit code {ended.returncode}").splitlines()[-1]
            return [Row(condition.name, words[0], error=reason)]
    # The ceiling differs under the condition.
    return [
        msgspec.structs.replace(row, case=f"{row.case}, {condition.name}", ceiling=None, fraction_of_ceiling=None)
        for row in rows
    ]


@contextmanager
def _busy(count: int) -> Iterator[None]:
    processes = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
