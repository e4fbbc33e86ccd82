"""`ingan-fast bench retarget`: one output by every backend of the runtime, beside the generator as it was trained."""

import importlib.util
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from ingan_fast.bench.machine import describe, measure_matmul, process_peak
from ingan_fast.bench.results import Results, Row
from ingan_fast.bench.separate import separately
from ingan_fast.bench.timing import Advance, Spread, Stopwatch, take_turns
from ingan_fast.config import Settings, preset
from ingan_fast.errors import UserError
from ingan_fast.export.run import Wanted, export
from ingan_fast.geometry import Size, Transform
from ingan_fast.images import Pixels
from ingan_fast.jumps import with_jumps
from ingan_fast.networks import Generator
from ingan_fast.retargeting import load
from ingan_fast.run_folder import Config, RunFolder
from ingan_fast.runtime import Retargeter
from ingan_fast.sampling import sampling_tensor, to_pixels, to_tensor

EAGER = "eager, unfolded"
BACKENDS = ("torch", "onnxruntime", "openvino")
WARM_UP = 2
NORM_STEPS = 30  # running statistics move by a tenth in each
ALLOWED = 2.0  # grey levels that 99.9 % of the values may be off


@dataclass(frozen=True)
class RetargetRequest:
    """What is measured; the generator has random weights."""

    preset: str = "paper"
    size: Size = (640, 480)  # (width, height)
    repeat: int = 7


@dataclass
class Inside:
    """How long a backend's own call takes, of a runtime's."""

    call: Callable[..., Any]
    seconds: list[float] = field(default_factory=list)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        start = time.perf_counter()
        result = self.call(*arguments, **options)
        self.seconds.append(time.perf_counter() - start)
        return result


def steps(request: RetargetRequest) -> int:
    return (1 + len(_installed())) * (request.repeat + WARM_UP + 1)


def measure(request: RetargetRequest, picture: Pixels, advance: Advance) -> Results:
    """A row of each backend; those that aren't installed are left out, a wrong one has an `error` and no times.

    Raises:
        UserError: onnx is not installed, or a backend can't run the model.
    """
    device = torch.device("cpu")
    settings = with_jumps(preset(request.preset), [picture])
    generator = _untrained(settings, picture)
    transform = Transform.resize(request.size)
    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder(Path(folder) / "run")
        run.write_config(Config.new(settings, request.preset, None, 0, {"picture": picture}, "cpu"), [picture])
        run.write_generator(generator, settings, 0)
        model = export(load(run.path, "cpu"), Path(folder) / "model", Wanted()).path
        paths = {"torch": run.path, "onnxruntime": model, "openvino": model}
        retargeters = {name: Retargeter.open(paths[name], "cpu", name) for name in _installed()}
        expected = _eager(generator, picture, transform)
        actions: dict[str, Callable[[], object]] = {EAGER: partial(_eager, generator, picture, transform)}
        errors, inside = {}, {}
        for name, retargeter in retargeters.items():
            off = np.quantile(np.abs(retargeter(transform=transform).astype(int) - expected), 0.999)
            if off > ALLOWED:
                errors[name] = f"wrong result: its picture is {off:.3g} grey levels off, allowed is {ALLOWED:g}"
                continue
            actions[name] = partial(retargeter, transform=transform)
            inside[name] = _listen(retargeter)
            advance()
        take_turns(actions, WARM_UP, Stopwatch(device), advance)
        for each in inside.values():
            each.seconds.clear()
        spreads = take_turns(actions, request.repeat, Stopwatch(device), advance)
        peaks = {name: _peak_memory(paths[name], name, request.size) for name in inside}
        flop, matmul = _flop(load(run.path, "cpu").retarget, transform), measure_matmul(device)
    case = f"{request.size[0]}x{request.size[1]}, preset {request.preset}"
    rows = [
        _row(case, name, spread, spreads[EAGER], flop, matmul["flop_per_second"], inside.get(name), peaks.get(name))
        for name, spread in spreads.items()
    ]
    return Results(
        "retarget",
        describe(device),
        asdict(request),
        rows + [Row(case, name, error=error) for name, error in errors.items()],
        ceilings={"matmul": matmul["flop_per_second"]},
        details={
            "source_size": [picture.shape[1], picture.shape[0]],
            "flop": flop,
            "matmul": matmul,
            "notes": [
                f"uint8 to uint8 from {picture.shape[1]}x{picture.shape[0]}; {flop / 1e9:.3g} GFLOP",
                *(retargeter.describe() for retargeter in retargeters.values()),
            ],
        },
    )


def _row(
    case: str,
    name: str,
    spread: Spread,
    eager: Spread,
    flop: int,
    ceiling: float,
    inside: Inside | None,
    peak: int | None,
) -> Row:
    rate = flop / (spread.median / 1e3)
    details = {}
    if inside is not None:
        alone = Spread.of(inside.seconds)
        details = {"milliseconds_inside": alone.as_dict(), "overhead": 1 - alone.mean / spread.mean}
    return Row(
        case,
        name,
        spread,
        baseline=EAGER,
        times_as_fast=eager.median / spread.median,
        flop_per_second=rate,
        ceiling="matmul",
        fraction_of_ceiling=rate / ceiling,
        peak_memory_bytes=peak,
        details=details,
    )


@torch.no_grad()
def _untrained(settings: Settings, picture: Pixels) -> Generator:
    """Random weights, and norms that know their activations: what bfloat16 rounds is as large as in a trained one."""
    torch.manual_seed(0)
    generator = Generator(settings).train()
    torch.nn.init.normal_(generator.exit.weight, std=0.01)
    image = to_tensor(picture)
    for _ in range(NORM_STEPS):
        generator(image, torch.eye(3)[None], image.shape[-2:])
    return generator.eval()


@torch.inference_mode()
def _eager(generator: Generator, picture: Pixels, transform: Transform) -> Pixels:
    """The generator as it stands after a training: norms, float32, uint8 to uint8."""
    x = to_tensor(picture).contiguous()
    return to_pixels(generator(x, sampling_tensor(transform, x.device), transform.size[::-1]).image)


def _listen(retargeter: Retargeter) -> Inside:
    """Measure the backend's own call in every call of the runtime."""
    backend: Any = retargeter._backend
    owner, name = {
        "onnxruntime": lambda: (backend._session, "run"),
        "openvino": lambda: (backend._request, "infer"),
        "torch": lambda: (backend, "_graph"),
    }[backend.name]()
    inside = Inside(getattr(owner, name))
    setattr(owner, name, inside)
    return inside


def _flop(retarget: Callable[[Transform], object], transform: Transform) -> int:
    """Of the folded generator; what sampling costs is not counted."""
    with FlopCounterMode(display=False) as counter:
        retarget(transform)
    return int(counter.get_total_flops())


def _peak_memory(model: Path, backend: str, size: Size) -> int:
    """Bytes that a process of its own has at most."""
    peak: int = separately(_peak, model, backend, size)
    return peak


def _peak(model: Path, backend: str, size: Size) -> int:
    with Retargeter.open(model, "cpu", backend) as retargeter:
        for _ in range(2):
            retargeter(size=size)
    return process_peak()


def _installed() -> list[str]:
    found = [name for name in BACKENDS if importlib.util.find_spec(name) is not None]
    if importlib.util.find_spec("onnx") is None:
        raise UserError("this benchmark exports a model, which needs onnx: pip install 'ingan-fast[export]'")
    return found
