"""The JSON file beside an exported model: all that a program needs to know to feed it and to trust it."""

import base64
import hashlib
import io
import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ingan_fast.errors import UserError
from ingan_fast.files import atomic_write
from ingan_fast.geometry import Size, Transform
from ingan_fast.pictures import Pixels, load_image

FORMAT = 1
SUFFIX = ".json"
PAIRS = ("frame", "size")  # that JSON has as lists


@dataclass(frozen=True)
class TensorInfo:
    """One input or output of the graph, for people and for other programs."""

    name: str
    dtype: str
    shape: list[int | str]  # names are dynamic axes
    meaning: str


@dataclass(frozen=True)
class Golden:
    """An output of the trained generator itself: the source under a transform."""

    size: Size  # (width, height)
    matrix: list[list[float]]
    png: str  # base64

    @classmethod
    def of(cls, transform: Transform, picture: Pixels) -> "Golden":
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "PNG", optimize=True)
        return cls(transform.size, transform.matrix.tolist(), base64.b64encode(buffer.getvalue()).decode())

    @property
    def transform(self) -> Transform:
        return Transform(self.size, self.matrix)

    @property
    def picture(self) -> Pixels:
        with Image.open(io.BytesIO(base64.b64decode(self.png)), formats=["PNG"]) as image:
            return np.array(image.convert("RGB"))


@dataclass(frozen=True)
class Fixed:
    """A graph for one geometry: it takes frames of one size, in [0, 1], and nothing else."""

    frame: Size  # (width, height)
    size: Size
    matrix: list[list[float]]


@dataclass(frozen=True)
class Engine:
    """What an engine was built with, and for."""

    flavor: str  # tensorrt or tensorrt-rtx
    version: str
    platforms: list[str]  # compute capabilities, "sm_89", or the name of the one GPU
    profiles: list[dict[str, list[list[int]]]]  # for each: input name → smallest, best and largest shape


@dataclass(frozen=True)
class Sidecar:
    """What is known of a model file."""

    file: str  # name, in the same folder
    sha256: str  # of the file
    kind: str  # onnx, engine or pt2
    precision: str  # of the convolutions: fp32, fp16 or bf16
    inputs: list[TensorInfo]
    outputs: list[TensorInfo]
    halo: int  # px around an output pixel that are read after the warp
    cell: int  # px; tiles start at its multiples
    channels: int  # of the feature maps at full resolution
    source: dict[str, Any]  # the picture that was trained on: name, sha256 of its pixels, width, height, file
    fixed: Fixed | None = None
    baked_source: bool = False
    engine: Engine | None = None
    golden: list[Golden] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def source_size(self) -> Size:
        """(width, height) of the picture that was trained on."""
        return int(self.source["width"]), int(self.source["height"])

    def write(self, folder: Path) -> Path:
        """Write FILE.json beside the model, whole or not at all."""
        path = folder / (self.file + SUFFIX)
        atomic_write(path, (json.dumps({"format": FORMAT, **asdict(self)}, indent=2) + "\n").encode())
        return path

    def read_source(self, folder: Path) -> Pixels | None:
        """The picture that was trained on, uint8 [H, W, 3]; None where it doesn't lie beside the model."""
        path = folder / str(self.source["file"])
        return load_image(path, min_side=1) if path.is_file() else None


def read_sidecar(model: Path) -> Sidecar:
    """The sidecar of a model file, checked against the file.

    Raises:
        UserError: no model, no sidecar, one of another format or a damaged one, or a model that was changed.
    """
    path = model.with_name(model.name + SUFFIX)
    if not model.exists():
        raise UserError(f"{model} does not exist; make it with: ingan-fast export RUN --out {model.parent}")
    if not path.is_file():
        raise UserError(
            f"{model} has no {path.name} beside it, so how to feed it is not known; keep both files of "
            "ingan-fast export together (a model of another program can't be used)"
        )
    try:
        content = json.loads(path.read_text())
        found = content.pop("format")
        if found != FORMAT:
            raise UserError(f"{path} has format {found}, this version reads {FORMAT}; export the run again")
        if content.get("layout") is not None:
            raise UserError(
                f"{model} was trained with the preset cpu or best, which this version does not have; it plays models "
                "of `ingan-fast train`, and `ingan-fast retarget PICTURE` needs no model"
            )
        sidecar = _parse(content)
    except UserError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is damaged ({error}); export the run again") from error
    if sidecar.sha256 != checksum(model):
        raise UserError(
            f"{model} is not the file that {path.name} was written for (changed or cut short); export again"
        )
    return sidecar


def checksum(path: Path) -> str:
    """SHA-256 of a file."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"can't read {path}: {error.strerror}; check the file") from error


def _parse(content: dict[str, Any]) -> Sidecar:
    known = {each.name for each in fields(Sidecar)}
    values = {key: value for key, value in content.items() if key in known}
    for key in ("inputs", "outputs"):
        values[key] = [TensorInfo(**tensor) for tensor in values[key]]
    values["golden"] = [Golden(_size(each["size"]), each["matrix"], each["png"]) for each in values["golden"]]
    kinds: dict[str, Any] = {"fixed": Fixed, "engine": Engine}
    for key, kind in kinds.items():
        if values[key] is not None:
            values[key] = kind(**{k: _size(v) if k in PAIRS else v for k, v in values[key].items()})
    return Sidecar(**values)


def _size(values: list[int]) -> Size:
    first, second = map(int, values)
    return first, second
