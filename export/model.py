"""The exported graph of a run, its example inputs and its sidecar."""

import copy
from dataclasses import dataclass
from importlib.metadata import version

import torch
from torch import Tensor, nn

from ingan_fast.geometry import Size, Transform
from ingan_fast.model.deployed import DeployedGraph, FixedGraph, StillGraph
from ingan_fast.model.networks import Generator
from ingan_fast.model.sampling import to_tensor
from ingan_fast.model.tiling import halo
from ingan_fast.runtime import Retargeter
from ingan_fast.runtime.opening import opened_run
from ingan_fast.runtime.sidecar import Fixed, Golden, Sidecar, TensorInfo
from ingan_fast.training.trained import TrainedRun

PRECISIONS = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
SOURCE_FILE = "source.png"
PACKAGES = {"onnx": ("ingan-fast", "torch", "onnx", "onnxscript"), "pt2": ("ingan-fast", "torch")}  # recorded versions
MOST_GOLDEN = 1 << 20  # px; larger fixed outputs are not stored as golden outputs
GOLDEN_SIDE = 96  # px of a golden output's longer side: small, but wider than any halo

MEANINGS = {
    "image": "RGB in [-1, 1]",
    "grid": "source coordinates (x, y) of the output's pixel centres, in [-1, 1] from edge to edge",
}


@dataclass(frozen=True)
class Exported:
    """A graph with example inputs."""

    graph: nn.Module
    inputs: dict[str, Tensor]
    shapes: dict[str, list[int | str]]  # strings name dynamic axes
    output_shape: list[int | str]
    fixed: Fixed | None = None
    baked_source: bool = False


def grid_of(transform: Transform, count: int = 1) -> Tensor:
    """The sampling grid of a transform, float32 [count, Ho, Wo, 2]."""
    return torch.from_numpy(transform.grid()).expand(count, -1, -1, -1).contiguous()


def dynamic(
    trained: TrainedRun, precision: str, bake_source: bool = False, kind: type[DeployedGraph] = DeployedGraph
) -> Exported:
    """The graph with dynamic batch size and image sizes.

    Args:
        precision: of the convolutions, a key of `PRECISIONS`.
        bake_source: store the run's picture in the graph; the only input is then a grid, with batch size 1.
        kind: `AnySizeGraph` for `write_onnx`.
    """
    inner = kind(_in_precision(trained.generator, precision)).eval()
    transform = Transform.resize((72, 40))
    if bake_source:
        graph = StillGraph(inner, to_tensor(trained.source)).eval()
        shapes: dict[str, list[int | str]] = {"grid": [1, "Ho", "Wo", 2]}
        return Exported(graph, {"grid": grid_of(transform)}, shapes, [1, 3, "Ho", "Wo"], baked_source=True)
    image = torch.zeros(2, 3, 64, 80)  # the exporter would treat a batch of one, or equal sides, as constant
    shapes = {"image": ["N", 3, "H", "W"], "grid": ["N", "Ho", "Wo", 2]}
    return Exported(inner, {"image": image, "grid": grid_of(transform, 2)}, shapes, ["N", 3, "Ho", "Wo"])


def fixed(trained: TrainedRun, precision: str, transform: Transform, frame: Size) -> Exported:
    """The graph for one geometry, for frames of one size (width, height) in [0, 1]."""
    graph = FixedGraph(DeployedGraph(_in_precision(trained.generator, precision)), grid_of(transform)).eval()
    size, (width, height) = transform.size, frame
    about = Fixed(frame, size, transform.matrix.tolist())
    image = torch.zeros(1, 3, height, width)
    return Exported(graph, {"image": image}, {"image": [1, 3, height, width]}, [1, 3, size[1], size[0]], fixed=about)


def describe(trained: TrainedRun, exported: Exported, file: str, kind: str, sha256: str, precision: str) -> Sidecar:
    """The sidecar of a file that contains `exported`."""
    settings, retargeter = trained.settings, Retargeter(opened_run(trained, "cpu", "float32"))
    unit = "[0, 1]" if exported.fixed else "[-1, 1]"
    meanings = MEANINGS | {"image": f"RGB in {unit}"}
    return Sidecar(
        file=file,
        sha256=sha256,
        kind=kind,
        precision=precision,
        inputs=[TensorInfo(name, "float32", shape, meanings[name]) for name, shape in exported.shapes.items()],
        outputs=[TensorInfo("retargeted", "float32", exported.output_shape, f"RGB in {unit}")],
        halo=halo(settings),
        cell=2 ** (settings.downscales + settings.stages - 1),
        channels=settings.channels,
        source={**trained.config.images[0], "file": SOURCE_FILE},
        fixed=exported.fixed,
        baked_source=exported.baked_source,
        stretches=trained.stretches,
        golden=[
            Golden.of(transform, retargeter(transform=transform))
            for transform in golden_transforms(trained, exported.fixed)
        ],
        versions={package: version(package) for package in PACKAGES[kind]},
    )


def golden_transforms(trained: TrainedRun, fixed: Fixed | None) -> list[Transform]:
    """Transforms whose outputs verify an engine: a small resize and a tilt, or the fixed one."""
    if fixed:
        small = fixed.size[0] * fixed.size[1] <= MOST_GOLDEN and fixed.frame == trained.source_size
        return [Transform(fixed.size, fixed.matrix)] if small else []
    width, height = trained.source_size
    factor = GOLDEN_SIDE / max(width, height)
    w, h = max(round(width * factor), 33), max(round(height * factor), 33)
    tilt = [(0.1 * w, 0), (0.9 * w, 0.1 * h), (w, h), (0, 0.9 * h)]
    return [Transform.resize((w, h)), Transform.from_corners(tilt, (w, h))]


def _in_precision(generator: Generator, precision: str) -> Generator:
    return copy.deepcopy(generator).cpu().to(PRECISIONS[precision])
