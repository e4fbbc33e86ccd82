"""What is made of every picture: the outputs' geometries, and the options that all of them share."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ingan_fast.errors import UserError
from ingan_fast.geometry import Size, Transform
from ingan_fast.layout.limits import check_layout_size
from ingan_fast.parsing import parse_corners, parse_scale, parse_size


@dataclass(frozen=True)
class Request:
    """The geometry of one output of every picture.

    Attributes:
        kind: size, scale or corners.
        label: part of the output's file name, such as 1080x1920.
        values: (width, height), (sx, sy), or x, y of four corners.
    """

    kind: str
    label: str
    values: tuple[float, ...]

    def transform(self, source_size: Size) -> Transform:
        """The transform of a picture of `source_size` (width, height).

        Raises:
            UserError: the output would be too small or too large.
        """
        if self.kind == "scale":
            transform = Transform.scale(self.values[0], self.values[1], source_size)
        elif self.kind == "corners":
            transform = Transform.from_corners(np.reshape(self.values, (4, 2)), None)
        else:
            transform = Transform.resize((int(self.values[0]), int(self.values[1])))
        check_layout_size(transform.size)
        return transform


@dataclass(frozen=True)
class Training:
    """How a network is trained on each picture.

    Attributes:
        budget: seconds; None: the preset's iterations.
        preset: None: the default one.
        export: whether an ONNX file is made of each network.
    """

    budget: float | None
    preset: str | None = None
    export: bool = False


@dataclass(frozen=True)
class Options:
    """Shared by all pictures.

    Attributes:
        keep_objects, tile, variation: see `ingan_fast.layout.LayoutOptions`.
        strip: leave out metadata; colours become sRGB.
        judge: measure outputs with torch.
        training: None: pictures are laid out without training.
    """

    keep_objects: bool = True
    tile: str = ""
    variation: int = 0
    strip: bool = False
    judge: bool = False
    training: Training | None = None


def parse_requests(sizes: Sequence[str], scales: Sequence[str], corners: Sequence[str]) -> list[Request]:
    """The outputs of every picture, in the order of sizes, scales, corners.

    Raises:
        UserError: none, an invalid one, or one twice.
    """
    found = []
    for text in sizes:
        width, height = parse_size(text, check_layout_size)
        found.append(Request("size", f"{width}x{height}", (width, height)))
    for text in scales:
        sx, sy = parse_scale(text)
        found.append(Request("scale", f"scale{sx:g}x{sy:g}", (sx, sy)))
    for number, text in enumerate(corners, start=1):
        request = Request("corners", f"corners{number}", tuple(parse_corners(text).ravel().tolist()))
        request.transform((16, 16))  # the corners' own errors; they don't depend on the picture
        found.append(request)
    if not found:
        raise UserError("no output size was given; give --size, --scale or --corners, such as --size 1080x1920")
    seen: set[str] = set()
    for request in found:
        if request.label in seen:
            raise UserError(f"--{request.kind} {request.label.removeprefix(request.kind)} is given twice; give it once")
        seen.add(request.label)
    return found


def key(options: Options, request: Request | None = None) -> str:
    """A hash of all that determines an output beside the picture's content.

    Args:
        options: of the batch; `judge` is left out, because it changes no output.
        request: None for a training.
    """
    content: dict[str, Any] = asdict(options)
    content.pop("judge")
    if options.training is not None:  # a network's outputs don't depend on the options of layouts
        training = content.pop("training") | {"export": False}
        content = {"training": training} if request is None else {"training": training, "strip": options.strip}
    if request is not None:
        content |= asdict(request)
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
