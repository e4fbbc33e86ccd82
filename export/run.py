"""From a run to a deployable file, its sidecar and the picture it was trained on; checked, and whole or not there."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ingan_fast.errors import UserError
from ingan_fast.export.check import Check, check
from ingan_fast.export.model import PRECISIONS, SOURCE_FILE, Exported, describe, dynamic, fixed
from ingan_fast.export.onnx_file import write_onnx
from ingan_fast.files import atomic_path
from ingan_fast.geometry import Size, Transform
from ingan_fast.images import save_image
from ingan_fast.retargeting import TrainedGenerator
from ingan_fast.runtime.sidecar import checksum

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Written:
    """A file that was written, and what its check found."""

    path: Path
    check: Check


def export_onnx(
    trained: TrainedGenerator,
    folder: Path,
    precision: str = "fp32",
    transform: Transform | None = None,
    frame: Size | None = None,
    bake_source: bool = False,
    tell: Tell = lambda step: None,
) -> Written:
    """Write FOLDER/model.onnx, model.onnx.json and source.png.

    Args:
        precision: fp32, fp16 or bf16.
        transform: bake this geometry in; the graph takes nothing but frames.
        frame: (width, height) of these frames; the source's size where None.
        bake_source: bake the run's picture in; the graph takes nothing but geometry.
        tell: called with the name of each step.

    Raises:
        UserError: what is given excludes each other, something isn't installed, the folder can't be written, or the
            file fails its check; nothing is left then.
    """
    exported = _graph(trained, precision, transform, frame, bake_source)
    with atomic_path(folder / "model.onnx") as temporary:
        tell("writing the graph")
        write_onnx(exported, temporary, precision)
        tell("checking it in another runtime")
        found = check(temporary, exported, trained, precision)
        sidecar = describe(trained, exported, "model.onnx", "onnx", checksum(temporary), precision)
    sidecar.write(folder)
    save_image(trained.source, folder / SOURCE_FILE)
    return Written(folder / "model.onnx", found)


def _graph(
    trained: TrainedGenerator, precision: str, transform: Transform | None, frame: Size | None, bake_source: bool
) -> Exported:
    if precision not in PRECISIONS:
        raise UserError(f"precision {precision!r} is unknown; choose one of {', '.join(PRECISIONS)}")
    if transform is None:
        if frame is not None:
            raise UserError("a frame's size is for graphs of one fixed geometry; give --fixed, too")
        return dynamic(trained, precision, bake_source)
    if bake_source:
        raise UserError("with geometry and picture both baked in nothing would be left to run; give one of them")
    return fixed(trained, precision, transform, frame or trained.source_size)
