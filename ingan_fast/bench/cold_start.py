"""`ingan-fast bench cold-start`: total time of a command, compared with a bare Python process."""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch

from ingan_fast.bench.machine import describe
from ingan_fast.bench.models import write_run
from ingan_fast.bench.results import Results, Row, with_speedup
from ingan_fast.bench.timing import Spread, Stopwatch, seconds_in_turns
from ingan_fast.callbacks import Advance
from ingan_fast.errors import UserError
from ingan_fast.export.run import ExportOptions, export
from ingan_fast.pictures import Pixels, save_image
from ingan_fast.training.trained import read_run

BARE = "python -c pass"
MODULE = "ingan_fast"
PICTURE = "picture.png"
# Runs a module like `python -m`, and prints the process's peak memory as the last line of stderr.
TELLING_MEMORY = """
import atexit, runpy, sys
from ingan_fast.bench.memory import process_peak
atexit.register(lambda: print(process_peak(), file=sys.stderr))
if sys.argv[1:]:
    runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
"""


@dataclass(frozen=True)
class ColdStartRequest:
    """What to measure.

    Attributes:
        preset: of the run and the exported model, which have random weights.
        side: px of the square output.
        repeat: timed processes per command, after a first one that loads its files into the page cache.
    """

    preset: str = "learned"
    side: int = 64
    repeat: int = 3


def steps(request: ColdStartRequest) -> int:
    return len(_commands(request, Path())) * (1 + request.repeat + 1)


def measure(request: ColdStartRequest, picture: Pixels, advance: Advance) -> Results:
    """A row per command; each call is a fresh process, and the commands take turns.

    Raises:
        UserError: onnx is not installed, or a command fails.
    """
    device = torch.device("cpu")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_image(picture, folder / PICTURE)
        write_run(folder / "run", request.preset, picture)
        export(read_run(folder / "run"), folder / "model", ExportOptions())
        commands = _commands(request, folder)
        actions = {name: partial(_run, _start(words)) for name, words in commands.items()}
        seconds_in_turns(actions, 1, Stopwatch(device), advance)
        seconds = seconds_in_turns(actions, request.repeat, Stopwatch(device), advance)
        peaks = {}
        for name, words in commands.items():
            peaks[name] = int(_run(["-c", TELLING_MEMORY, *words]).split()[-1])
            advance()
    case = f"a fresh process, {request.side}x{request.side} (a picture: width x1.5), preset {request.preset}"
    rows = [
        with_speedup(Row(case, name, Spread.of(own), peak_memory_bytes=peaks[name]), BARE, seconds[BARE], own)
        for name, own in seconds.items()
    ]
    notes = ["files are in the page cache; the peak was measured in a separate process"]
    if sys.dont_write_bytecode:
        notes.append("sources are compiled in each process, since PYTHONDONTWRITEBYTECODE is set")
    return Results("cold-start", describe(device), asdict(request), rows, details={"notes": notes})


def _commands(request: ColdStartRequest, folder: Path) -> dict[str, list[str]]:
    """Name → module and its arguments; empty for a bare Python."""
    out = ["--out", str(folder / "out.png")]
    asked = ["--size", f"{request.side}x{request.side}", *out]
    return {
        BARE: [],
        "--version": [MODULE, "--version"],
        "--help": [MODULE, "--help"],
        "retarget PICTURE": [MODULE, "retarget", str(folder / PICTURE), "--scale", "1.5x1", *out],
        "retarget model.onnx": [MODULE, "retarget", str(folder / "model" / "model.onnx"), *asked],
        "retarget RUN": [MODULE, "retarget", str(folder / "run"), *asked],
    }


def _start(words: Sequence[str]) -> list[str]:
    return ["-m", *words] if words else ["-c", "pass"]


def _run(words: Sequence[str]) -> str:
    """Run a fresh Python with these arguments; returns its stderr."""
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True)
    if done.returncode:
        shown = " ".join(words[words.index(MODULE) :]) if MODULE in words else " ".join(words)
        said = done.stderr.strip().splitlines() or ["no reason given"]
        raise UserError(f"{shown} ends with code {done.returncode}: {said[-1]}")
    return done.stderr
