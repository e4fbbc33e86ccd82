"""`ingan-fast bench export`: time from a run to each kind of exported file, compared with torch's exporter alone."""

import importlib.util
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter

import torch

from ingan_fast.bench.machine import describe
from ingan_fast.bench.memory import forget_peak, process_peak
from ingan_fast.bench.models import installed, write_run
from ingan_fast.bench.results import Results, Row, with_speedup
from ingan_fast.bench.timing import Spread
from ingan_fast.callbacks import Advance
from ingan_fast.errors import UserError
from ingan_fast.export.engine import build_engine
from ingan_fast.export.model import dynamic
from ingan_fast.export.onnx_file import OPSETS, quiet
from ingan_fast.export.run import FILES, ExportOptions, export
from ingan_fast.pictures import Pixels
from ingan_fast.runtime import cuda
from ingan_fast.runtime.engine_cache import VARIABLE as BUILT_ENGINES
from ingan_fast.runtime.tensorrt_bindings import load_bindings
from ingan_fast.training.trained import read_run

PLAIN, ONNX, BF16, PACKAGE, ENGINE = "torch.onnx.export alone", "onnx fp32", "onnx bf16", "pt2 fp32", "TensorRT engine"
WARM_UP = "smoke"  # preset of a first export, which imports what the others need
COMPILED = "TORCHINDUCTOR_CACHE_DIR"

Make = Callable[[Path], Path]  # writes a file to an empty folder and returns its path


@dataclass(frozen=True)
class ExportRequest:
    """What to measure; the generators have random weights.

    Attributes:
        presets: of the generators.
        packages: the presets that are also compiled to pt2, which takes most of a minute each.
        repeat: how often each file is made.
    """

    presets: tuple[str, ...] = ("learned", "paper")
    packages: tuple[str, ...] = ("learned",)
    repeat: int = 1

    @property
    def not_compiled(self) -> list[str]:
        return [preset for preset in self.presets if preset not in self.packages]


@dataclass
class FileTimes:
    """Measurements of one kind of file, made from scratch each time.

    Attributes:
        file_bytes: size of the file.
        peak: the process's largest resident set during the export, in bytes.
        error: why there is no file.
    """

    seconds: list[float] = field(default_factory=list)
    file_bytes: int = 0
    peak: int = 0
    error: str | None = None

    def measure(self, make: Make) -> None:
        with _without_caches() as folder:
            forget_peak()
            start = perf_counter()
            try:
                with quiet():
                    path = make(folder)
            except UserError as error:
                self.error = str(error)
                return
            self.seconds.append(perf_counter() - start)
            self.peak = max(self.peak, process_peak())
            self.file_bytes = path.stat().st_size


def steps(request: ExportRequest) -> int:
    missing = _missing()
    files = len(request.presets) * len(_makers(Path(), Path(), without=missing))
    if PACKAGE not in missing:
        files -= len(request.not_compiled)
    return 1 + files * request.repeat


def measure(request: ExportRequest, picture: Pixels, advance: Advance) -> Results:
    """A row per kind of file and preset; kinds whose packages are missing are left out, with a note.

    Raises:
        UserError: onnx is not installed.
    """
    installed(())
    missing = _missing()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_run(folder / "warm-up", WARM_UP, picture)
        with quiet():
            _plain(folder / "warm-up", folder)
        advance()
        for preset in request.presets:
            run = folder / preset / "run"
            write_run(run, preset, picture)
            without = missing if preset in request.packages else {PACKAGE: "not asked for", **missing}
            makers = _makers(run, folder / preset / "model", without)
            rows += _rows(f"preset {preset}", _take_turns(makers, request.repeat, advance))
    left_out = [f"{name}: {why}" for name, why in missing.items()]
    if PACKAGE not in missing:
        left_out += [f"{PACKAGE} of preset {preset}: not asked for" for preset in request.not_compiled]
    notes = [
        "made and checked; caches of earlier builds are disabled; peak GB of the process, which makes one after another"
    ]
    return Results(
        "export",
        describe(torch.device("cpu")),
        asdict(request),
        rows,
        details={"not_measured": left_out, "notes": [*notes, *(f"left out: {one}" for one in left_out)]},
    )


def _missing() -> dict[str, str]:
    """Kinds of files that can't be made here, and why."""
    from torch._inductor.cpp_builder import get_cpp_compiler  # importing it takes over a second

    missing = {}
    if importlib.util.find_spec("openvino") is None:
        missing[BF16] = "checking it needs openvino, which is not installed; pip install 'ingan-fast[openvino]'"
    try:
        get_cpp_compiler()
    except Exception:  # inductor's own error class
        missing[PACKAGE] = "there is no C++ compiler"
    try:
        load_bindings(_flavor())
    except UserError as error:
        missing[ENGINE] = str(error)
    return missing


def _flavor() -> str:
    """TensorRT itself builds only on a GPU."""
    return "auto" if cuda.available() else "tensorrt-rtx"


def _makers(run: Path, kept: Path, without: Mapping[str, str]) -> dict[str, Make]:
    """Makers by kind of file; the ONNX file is kept in `kept`, because the engine is built from it."""
    makers: dict[str, Make] = {
        PLAIN: partial(_plain, run),
        ONNX: lambda folder: _onnx(run, "fp32", kept),
        BF16: partial(_onnx, run, "bf16"),
        PACKAGE: partial(_package, run),
        ENGINE: partial(_engine, kept),
    }
    return {name: make for name, make in makers.items() if name not in without}


def _plain(run: Path, folder: Path) -> Path:
    """The same graph by torch's exporter alone: not cleaned, not checked, no sidecar."""
    exported = dynamic(read_run(run), "fp32")
    axes = tuple(
        {axis: torch.export.Dim.AUTO for axis, side in enumerate(shape) if isinstance(side, str)}
        for shape in exported.shapes.values()
    )
    path = folder / "model.onnx"
    with torch.no_grad():
        program = torch.onnx.export(
            exported.graph,
            tuple(exported.inputs.values()),
            dynamo=True,
            dynamic_shapes=axes,
            opset_version=OPSETS["fp32"],
            verbose=False,
        )
        assert program is not None
        program.save(path)
    return path


def _onnx(run: Path, precision: str, folder: Path) -> Path:
    return export(read_run(run), folder, ExportOptions("onnx", precision)).path


def _package(run: Path, folder: Path) -> Path:
    return export(read_run(run, merge=False), folder, ExportOptions("pt2")).path


def _engine(kept: Path, folder: Path) -> Path:
    shutil.copytree(kept, folder, dirs_exist_ok=True)
    return build_engine(folder / FILES["onnx"], _flavor())


@contextmanager
def _without_caches() -> Iterator[Path]:
    """An empty folder; inside the block, caches of engines and compiled code are empty."""
    before = {name: os.environ.get(name) for name in (BUILT_ENGINES, COMPILED)}
    with tempfile.TemporaryDirectory() as kept, tempfile.TemporaryDirectory() as folder:
        os.environ |= {name: kept for name in before}
        try:
            yield Path(folder)
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def _take_turns(makers: Mapping[str, Make], repeat: int, advance: Advance) -> dict[str, FileTimes]:
    made = {name: FileTimes() for name in makers}
    for _ in range(repeat):
        for name, make in makers.items():
            if made[name].error is None:
                made[name].measure(make)
            advance()
    return made


def _rows(case: str, made: Mapping[str, FileTimes]) -> list[Row]:
    """Rows of all files; torch's exporter is the baseline of our ONNX file."""
    plain, rows = made[PLAIN], []
    for name, one in made.items():
        if one.error is not None:
            rows.append(Row(case, name, error=one.error))
            continue
        details = {"file_bytes": one.file_bytes}
        row = Row(case, name, Spread.of(one.seconds), peak_memory_bytes=one.peak, details=details)
        comparable = name in (PLAIN, ONNX) and plain.error is None
        rows.append(with_speedup(row, PLAIN, plain.seconds, one.seconds) if comparable else row)
    return rows
