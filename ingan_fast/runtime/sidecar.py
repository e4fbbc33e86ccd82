"""Sidecar: the JSON file next to an exported model that describes its inputs, outputs and origin."""

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
PAIRS = ("frame", "size")  # tuples that JSON stores as lists


@dataclass(frozen=True)
class TensorInfo:
    """One input or output of the graph."""

    name: str
    dtype: str
    shape: list[int | str]  # strings name dynamic axes
    meaning: str


@dataclass(frozen=True)
class Golden:
    """A reference output, computed by the trained generator: the source under a transform."""

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
    """The single geometry of a graph that takes frames of one size, in [0, 1]."""

    frame: Size  # (width, height)
    size: Size
    matrix: list[list[float]]


@dataclass(frozen=True)
class EngineInfo:
    """Build information of a TensorRT engine."""

    flavor: str  # tensorrt or tensorrt-rtx
    version: str
    platforms: list[str]  # compute capabilities, "sm_89", or the name of the only GPU
    profiles: list[dict[str, list[list[int]]]]  # for each: input name → smallest, optimal and largest shape


@dataclass(frozen=True)
class Sidecar:
    """Description of a model file."""

    file: str  # name, in the same folder
    sha256: str  # checksum of the file
    kind: str  # onnx, engine or pt2
    precision: str  # precision of the convolutions: fp32, fp16 or bf16
    inputs: list[TensorInfo]
    outputs: list[TensorInfo]
    halo: int  # px around an output pixel that it depends on after the warp
    cell: int  # px; tiles start at multiples of this
    channels: int  # channels of the feature maps at full resolution
    source: dict[str, Any]  # the training picture: name, sha256 of its pixels, width, height, file
    fixed: Fixed | None = None
    baked_source: bool = False
    stretches: bool = False  # whether the training found that large things are stretched with the picture
    engine: EngineInfo | None = None
    golden: list[Golden] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def source_size(self) -> Size:
        """(width, height) of the training picture."""
        return int(self.source["width"]), int(self.source["height"])

    def write(self, folder: Path) -> Path:
        """Write FILE.json next to the model, atomically."""
        path = folder / (self.file + SUFFIX)
        atomic_write(path, (json.dumps({"format": FORMAT, **asdict(self)}, indent=2) + "\n").encode())
        return path

    def read_source(self, folder: Path) -> Pixels | None:
        """The training picture, uint8 [H, W, 3]; None if it is not in `folder`."""
        path = folder / str(self.source["file"])
        return load_image(path, min_side=1) if path.is_file() else None


def read_sidecar(model: Path) -> Sidecar:
    """Read the sidecar of a model file and check that they match.

    Raises:
        UserError: model or sidecar is missing, of another format, damaged, or the model has changed.
    """
    path = model.with_name(model.name + SUFFIX)
    if not model.exists():
        raise UserError(f"{model} does not exist; make it with: ingan-fast export RUN --out {model.parent}")
    if not path.is_file():
        raise UserError(
            f"{model} has no sidecar {path.name}, which describes its inputs; keep both files of ingan-fast export "
            "together (models of other programs can't be used)"
        )
    try:
        content = json.loads(path.read_text())
        found = content.pop("format")
        if found != FORMAT:
            raise UserError(f"{path} has format {found}, but this version reads {FORMAT}; export the run again")
        if content.get("layout") is not None:
            raise UserError(
                f"{model} was trained with the preset cpu or best, which this version no longer supports; use models "
                "of `ingan-fast train`, or `ingan-fast retarget PICTURE`, which needs no model"
            )
        sidecar = _parse(content)
    except UserError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is damaged ({error}); export the run again") from error
    if sidecar.sha256 != checksum(model):
        raise UserError(
            f"{model} differs from the file that {path.name} describes (changed or truncated); export again"
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
    kinds: dict[str, Any] = {"fixed": Fixed, "engine": EngineInfo}
    for key, kind in kinds.items():
        if values[key] is not None:
            values[key] = kind(**{k: _size(v) if k in PAIRS else v for k, v in values[key].items()})
    return Sidecar(**values)


def _size(values: list[int]) -> Size:
    first, second = map(int, values)
    return first, second
