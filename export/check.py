"""Compares an exported file, run in another runtime, with the generator."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ingan_fast.errors import UserError
from ingan_fast.export.model import Exported, grid_of
from ingan_fast.geometry import Transform
from ingan_fast.model.networks import Generator
from ingan_fast.model.sampling import sampling_tensor, to_tensor
from ingan_fast.runtime.backends import first_line
from ingan_fast.runtime.backends.tensorrt import ALLOWED, QUANTILE
from ingan_fast.runtime.libraries import import_onnxruntime, import_openvino, openvino_precision
from ingan_fast.training.trained import TrainedRun

SIDE = 144  # px; part of the source used: shapes matter here more than the amount of content
DTYPES = {"fp16": torch.float16, "bf16": torch.bfloat16}
# A file in such a precision may be off by so many times what the generator itself is off with its operations rounded,
# in the mean: trained networks amplify rounding.
ROUNDING = 3.0

Run = Callable[[dict[str, NDArray[np.float32]]], NDArray[np.float32]]
Generated = Callable[[], Tensor]


@dataclass(frozen=True)
class Check:
    """Result of a check: the runtime, the number of cases, and the largest errors, in grey levels.

    Attributes:
        error: at `QUANTILE`.
        mean: of all values of a case.
    """

    runtime: str
    cases: int
    error: float
    mean: float

    def __str__(self) -> str:
        return (
            f"{self.runtime}: {self.cases} sizes within {self.error:.2g} grey levels of the generator, "
            f"{self.mean:.2g} in the mean"
        )


@torch.inference_mode()
def check(path: Path, exported: Exported, trained: TrainedRun, precision: str, device: torch.device) -> Check:
    """Run a file at several sizes, shapes and batch sizes and compare.

    Raises:
        UserError: an error exceeds what the precision allows, and what rounding does to this generator, or the runtime
            can't load the file.
    """
    runtime, run = _open_package(path, device) if path.suffix == ".pt2" else _open(path, precision)
    worst, mean, count = 0.0, 0.0, 0
    for name, inputs, generated in _cases(exported, trained):
        try:
            result = run({key: tensor.numpy() for key, tensor in inputs.items()})
        except Exception as error:  # each runtime has its own error classes
            raise UserError(f"the exported file fails in {runtime} at {name}: {first_line(error)}") from error
        expected, scale = generated().numpy(), 255 if exported.fixed else 127.5
        off = np.abs(result - expected) * scale
        apart = float(np.quantile(off, QUANTILE)) if np.isfinite(off).all() else np.inf
        if (
            apart > ALLOWED[precision]
            and not off.mean() <= ROUNDING * _rounding(generated, expected, precision) * scale
        ):
            raise UserError(
                f"the exported file is wrong in {runtime} at {name}: {apart:.3g} grey levels off, but {precision} "
                f"allows {ALLOWED[precision]:g}; no file was kept"
            )
        worst, mean, count = max(worst, apart), max(mean, float(off.mean())), count + 1
    return Check(runtime, count, worst, mean)


def _rounding(generated: Generated, expected: NDArray[np.float32], precision: str) -> float:
    """How far the generator is from its own output in the mean, with its operations in a reduced precision."""
    if precision not in DTYPES:
        return 0.0
    with torch.autocast("cpu", DTYPES[precision]):
        rounded = generated().float().numpy()
    return float(np.abs(rounded - expected).mean())


def _cases(exported: Exported, trained: TrainedRun) -> Iterator[tuple[str, dict[str, Tensor], Generated]]:
    """Yields name, inputs and what makes the generator's output."""
    generator = trained.generator
    source = to_tensor(trained.source)
    if exported.fixed:
        yield (
            "its size",
            {"image": (_frame(source, exported.fixed.frame) + 1) / 2},
            partial(_fixed_output, exported, trained),
        )
        return
    image = source if exported.baked_source else _part(source)
    height, width = min(image.shape[-2], SIDE), min(image.shape[-1], SIDE)
    larger, smaller = (width * 3 // 2 + 1, height + 13), (max(width // 2 | 1, 16), max(height * 2 // 3, 16))
    tilt = [(0.2 * width, 0), (0.9 * width, 0.15 * height), (width, height), (0, 0.8 * height)]
    cases = {
        "the same size": (1, Transform.resize((width, height))),
        "a multiple of 8, wider": (1, Transform.resize((width // 8 * 12, height // 8 * 8))),
        "larger, no multiple of 8": (1, Transform.resize(larger)),
        "smaller, no multiple of 8": (1, Transform.resize(smaller)),
        "16x16": (1, Transform.resize((16, 16))),
        "a batch of 2, tilted": (2, Transform.from_corners(tilt, (width, height))),
    }
    for name, (count, transform) in cases.items():
        batch = 1 if exported.baked_source else count
        x = image.expand(batch, -1, -1, -1)
        x = x if batch == 1 else torch.cat([x[:1], x[1:].flip(3)])  # the second image differs
        inputs = {"image": x.contiguous(), "grid": grid_of(transform, batch)}
        if exported.baked_source:
            del inputs["image"]
        yield f"{name} ({transform.size[0]}x{transform.size[1]})", inputs, partial(_output, generator, x, transform)


def _part(source: Tensor) -> Tensor:
    """The part of a source with the most contrast, of its corners, edges and middle: an even one would hide errors."""
    rows, columns = ({0, max(0, n - SIDE) // 2, max(0, n - SIDE)} for n in source.shape[-2:])
    parts = [
        source[..., row : row + SIDE, column : column + SIDE] for row in sorted(rows) for column in sorted(columns)
    ]
    return max(parts, key=lambda part: float(part.std()))


def _output(generator: Generator, image: Tensor, transform: Transform) -> Tensor:
    matrix = sampling_tensor(transform, image.device).expand(len(image), -1, -1)
    return generator(image, matrix, transform.size[::-1])


def _frame(source: Tensor, size: tuple[int, int]) -> Tensor:
    """The source, repeated or cropped to a frame's size."""
    rows, columns = (torch.arange(n) % side for n, side in zip(size[::-1], source.shape[-2:], strict=True))
    return source[..., rows[:, None], columns].contiguous()


def _fixed_output(exported: Exported, trained: TrainedRun) -> Tensor:
    assert exported.fixed
    about, generator = exported.fixed, trained.generator
    transform, image = Transform(about.size, about.matrix), _frame(to_tensor(trained.source), about.frame)
    return (_output(generator, image, transform) + 1) / 2


def _open_package(path: Path, device: torch.device) -> tuple[str, Run]:
    graph = torch._inductor.aoti_load_package(str(path))

    def run(inputs: dict[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        result = graph(*(torch.from_numpy(array).to(device) for array in inputs.values()))
        return np.asarray(result.float().cpu())

    return "AOTInductor", run


def _open(path: Path, precision: str) -> tuple[str, Run]:
    """A session of ONNX Runtime; for bfloat16, which its CPU kernels lack, of OpenVINO."""
    try:
        if precision == "bf16":
            core = import_openvino().Core()
            compiled = core.compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": openvino_precision(core)})
            return "OpenVINO", lambda inputs: np.asarray(compiled(inputs)[0])
        onnxruntime = import_onnxruntime()

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        return "ONNX Runtime", lambda inputs: np.asarray(session.run(None, inputs)[0])
    except ImportError as error:
        extra = "openvino" if precision == "bf16" else "export"
        raise UserError(
            f"checking a {precision} file needs {error.name}, which is not installed: pip install 'ingan-fast[{extra}]'"
        ) from error
    except Exception as error:  # each runtime has its own error classes
        raise UserError(f"the exported file can't be loaded: {first_line(error)}; no file was kept") from error
