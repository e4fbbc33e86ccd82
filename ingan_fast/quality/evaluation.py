"""Evaluates outputs together with simple baselines of the same size: plain resize and seam carving."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ingan_fast.callbacks import Advance
from ingan_fast.errors import UserError
from ingan_fast.geometry import Size, Transform
from ingan_fast.pictures import Pixels, has_opacity, load_image, load_photo, srgb
from ingan_fast.quality.metrics import evaluate, psnr
from ingan_fast.quality.patches import INSIDE, PATCH
from ingan_fast.quality.resampling import plain_resize, seam_carve

Measures = dict[str, float | None]
Baseline = Callable[[NDArray, tuple[int, int]], NDArray]

SHAPES = {"width x1.5": (1.5, 1.0), "width x0.6": (0.6, 1.0), "height x1.5": (1.0, 1.5), "height x0.6": (1.0, 0.6)}


@dataclass(frozen=True)
class Output:
    """A picture to evaluate."""

    name: str
    picture: Pixels  # uint8 [H, W, 3]
    mask: NDArray[np.float32] | None = None  # [H, W], 1 inside; None: the picture fills its frame
    back: Pixels | None = None  # the source reconstructed from it, uint8 [h, w, 3]

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self.picture.shape[1], self.picture.shape[0]


@dataclass(frozen=True)
class Judged:
    """Measures of an output, and of the baselines at its size."""

    output: Output
    measures: Measures
    plain_resize: Measures
    seam_carving: Measures | None  # None if the package isn't installed

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.output.name,
            "size": list(self.output.size),
            "measures": self.measures,
            "plain_resize": self.plain_resize,
            "seam_carving": self.seam_carving,
        }


@dataclass
class Judge:
    """Evaluates outputs of one source; caches the baselines of each size."""

    source: Pixels  # uint8 [h, w, 3]
    advance: Advance = lambda: None  # called `steps()` times per output
    _known: dict[tuple[str, tuple[int, int], bool], Measures] = field(default_factory=dict)

    @staticmethod
    def steps() -> int:
        """Number of pictures evaluated per output: itself and the baselines."""
        return 2 + has_seam_carving()

    def judge(self, output: Output) -> Judged:
        """All measures of an output, and of the baselines at its size, under its mask.

        The names are those of `metrics.evaluate`. With `output.back`, also psnr in dB of the reconstruction (a
        baseline's: resized to the output's size and back; None if equal to the source).

        Raises:
            UserError: as for `metrics.coherence`.
        """
        measures = evaluate(output.picture, self.source, output.mask)
        if output.back is not None:
            measures["psnr"] = self._psnr(output.back)
        self.advance()
        plain = self._baseline("plain", plain_resize, output)
        carved = self._baseline("carved", seam_carve, output) if has_seam_carving() else None
        return Judged(output, measures, plain, carved)

    def _baseline(self, name: str, resize: Baseline, output: Output) -> Measures:
        key = (name, output.size, output.back is None)
        measures = self._known.get(key) if output.mask is None else None
        if measures is None:
            picture = resize(self.source, output.size)
            measures = evaluate(picture, self.source, output.mask)
            if output.back is not None:
                measures["psnr"] = self._psnr(resize(picture, (self.source.shape[1], self.source.shape[0])))
            if output.mask is None:
                self._known[key] = measures
        self.advance()
        return measures

    def _psnr(self, back: NDArray) -> float | None:
        value = psnr(back, self.source)
        return value if math.isfinite(value) else None  # JSON has no infinity


def has_seam_carving() -> bool:
    """Whether the optional package `seam-carving` is installed."""
    return find_spec("seam_carving") is not None


def read_output(path: Path) -> Output:
    """Read a picture file, with its transparency as the mask.

    Raises:
        UserError: not a picture, a side under 7 px, or too transparent for a single patch.
    """
    picture = load_image(path, min_side=PATCH)
    photo = srgb(load_photo(path, min_side=PATCH))
    if not has_opacity(photo.pixels):
        return Output(str(path), picture)
    alpha = np.asarray(photo.pixels[..., -1] / 255, np.float32)
    if not sliding_window_view(alpha >= INSIDE, (PATCH, PATCH)).all((2, 3)).any():
        raise UserError(
            f"{path} is transparent: no {PATCH}x{PATCH} pixels of it are opaque; give a picture with more content"
        )
    return Output(str(path), picture, None if (alpha == 1).all() else alpha)


def retargetings(
    retarget: Callable[[Transform, Pixels | None], Pixels],
    source_size: Size,
    advance: Advance = lambda: None,
) -> Iterable[Output]:
    """Yield the picture retargeted to the fixed shapes `SHAPES`, each with its way back: G(x; T), G(G(x; T); T^-1).

    Args:
        retarget: G, of a transform and a picture; None stands for the source.
        source_size: (width, height) of the source.
        advance: called after each shape.
    """
    for name, factors in SHAPES.items():
        transform = Transform.scale(*factors, source_size)
        picture = retarget(transform, None)
        back = retarget(transform.inverse(source_size), picture)
        advance()
        yield Output(name, picture, back=back)
