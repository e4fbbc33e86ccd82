"""Exports a run: writes the model file, its sidecar and the training picture, after checking the model."""

from dataclasses import dataclass
from pathlib import Path

import torch

from ingan_fast.callbacks import Notice
from ingan_fast.errors import UserError
from ingan_fast.export.any_size import AnySizeGraph
from ingan_fast.export.check import Check, check
from ingan_fast.export.model import PRECISIONS, SOURCE_FILE, Exported, describe, dynamic, fixed
from ingan_fast.export.onnx_file import write_onnx
from ingan_fast.export.package import write_package
from ingan_fast.files import atomic_path
from ingan_fast.geometry import Size, Transform
from ingan_fast.model.deployed import DeployedGraph
from ingan_fast.pictures import save_image
from ingan_fast.runtime.sidecar import checksum
from ingan_fast.training.trained import TrainedRun

FILES = {"onnx": "model.onnx", "pt2": "model.pt2"}

CPU = torch.device("cpu")


@dataclass(frozen=True)
class ExportOptions:
    """What to export.

    Args:
        format: onnx or pt2 (an AOTInductor package).
        precision: fp32, fp16 or bf16.
        transform: bake in this geometry; the only input is then the frame.
        frame: (width, height) of these frames; None: the source's size.
        bake_source: bake in the run's picture; the only input is then the geometry.

    Raises:
        UserError: an unknown value, or options that exclude each other.
    """

    format: str = "onnx"
    precision: str = "fp32"
    transform: Transform | None = None
    frame: Size | None = None
    bake_source: bool = False

    def __post_init__(self) -> None:
        for name, allowed in (("format", FILES), ("precision", PRECISIONS)):
            if getattr(self, name) not in allowed:
                raise UserError(f"unknown {name} {getattr(self, name)!r}; choose one of {', '.join(allowed)}")
        if self.frame is not None and self.transform is None:
            raise UserError("a frame size is only for graphs with one geometry; give a transform, too")
        if self.bake_source and self.transform is not None:
            raise UserError("geometry and picture can't both be baked in, since no input would be left; choose one")

    def graph(self, trained: TrainedRun) -> Exported:
        if self.transform is None:
            kind = AnySizeGraph if self.format == "onnx" else DeployedGraph
            return dynamic(trained, self.precision, self.bake_source, kind)
        return fixed(trained, self.precision, self.transform, self.frame or trained.source_size)


@dataclass(frozen=True)
class ExportedFile:
    """A file that was written, and the result of its check."""

    path: Path
    check: Check


def export(
    trained: TrainedRun,
    folder: Path,
    wanted: ExportOptions,
    device: torch.device = CPU,
    notice: Notice = lambda step: None,
) -> ExportedFile:
    """Write FOLDER/model.onnx (or model.pt2), its sidecar model.onnx.json, and source.png.

    Args:
        trained: a run; for packages, read with `merge=False`, because inductor can't compile merged ones.
        device: device to compile a package for; Apple's GPU counts as the CPU.
        notice: called with the name of each step.

    Raises:
        UserError: a package is not installed, the folder can't be written, or the file fails its check; nothing is
            written.
    """
    exported, file = wanted.graph(trained), FILES[wanted.format]
    target = CPU if device.type == "mps" else device
    with atomic_path(folder / file) as temporary:
        notice(f"making {file}")
        if wanted.format == "onnx":
            write_onnx(exported, temporary, wanted.precision)
        else:
            write_package(exported, temporary, target)
        notice("checking it against the generator")
        found = check(temporary, exported, trained, wanted.precision, target)
        sidecar = describe(trained, exported, file, wanted.format, checksum(temporary), wanted.precision)
    sidecar.write(folder)
    save_image(trained.source, folder / SOURCE_FILE)
    return ExportedFile(folder / file, found)
