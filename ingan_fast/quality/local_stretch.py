"""Local stretch: do the elements of a retargeted picture keep their size, or are they stretched with it?

At each place on a grid over the output, undo each of a few candidate stretches s, and find the one for which the patch
is most similar to some patch of the source. Undoing a stretch means resampling, and blurred patches match anywhere, so
all candidates need the same sharpness: the source is scaled to 0.8 * min(all s, 1) of its resolution along the axis,
and the output to that times 1/s. Each candidate is then a true downsampling to one resolution, and all are compared
with the same source patches.

A place counts only if its patch has contrast under every candidate. Otherwise, if one window covers a flat patch and a
wider one an edge next to it, relative errors would compare noise with an edge.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ingan_fast.errors import UserError
from ingan_fast.quality.neighbours import nearest
from ingan_fast.quality.patches import as_tensor, measuring, size_text

EXPONENTS = (-0.5, 0.0, 0.25, 0.5, 0.75, 1.0, 1.25)  # candidates: s = r ** exponent
GRID = 24
WINDOW = 15  # source px
FLATTEST = 0.2  # fraction of places with least contrast that is left out,
CONTRAST = 0.02  # and places with a lower standard deviation, where 8-bit rounding dominates


@dataclass(frozen=True)
class LocalStretch:
    """How far the elements of an output were stretched with it, by place."""

    exponents: NDArray[np.float64]  # [24, 24], log s / log r: 0 own size, 1 stretched with the output; NaN: no contrast
    across: NDArray[np.float64]  # [24], x of the columns' centres, in output px
    down: NDArray[np.float64]  # [24], y of the rows' centres, in output px

    @property
    def kept(self) -> float:
        """1 - mean(log s) / log r: 0 for a plain resize, 1 if all elements keep their size."""
        return float(1 - np.nanmean(self.exponents))


def local_stretch(output: NDArray, source: NDArray, axis: str = "width") -> LocalStretch:
    """The local stretch s of an output that is r times as wide (or high) as its source.

    Args:
        output: [H, W, 3], uint8 or float in [0, 1].
        source: [h, w, 3], likewise; H = h for axis "width", W = w for axis "height".
        axis: the axis that was changed, "width" or "height".

    Raises:
        UserError: the axis is unchanged, or the other one is changed, or there is too little contrast or size.
    """
    if axis not in ("width", "height"):
        raise UserError(f"axis is {axis!r}; choose 'width' or 'height'")
    pair = as_tensor(output, "output"), as_tensor(source, "source")
    with measuring():
        if axis == "width":
            return _along_width(*pair, axis)
        turned = _along_width(pair[0].transpose(1, 2), pair[1].transpose(1, 2), axis)
        return LocalStretch(turned.exponents.T, turned.down, turned.across)


def _along_width(output: Tensor, source: Tensor, axis: str) -> LocalStretch:
    """Output [3, h, W], source [3, h, w], W != w; `axis` is for messages."""
    ratio = output.shape[2] / source.shape[2]
    if ratio == 1 or output.shape[1] != source.shape[1]:
        raise UserError(
            f"kept {axis} is defined only for outputs that differ from their source in {axis} alone; these "
            f"have {output.shape[2]} and {source.shape[2]} pixels along it, {output.shape[1]} and "
            f"{source.shape[1]} across; evaluate a change of one axis at a time"
        )
    stretches = [ratio**exponent for exponent in EXPONENTS]
    resolution = 0.8 * min(*stretches, 1.0)
    width = max(3, round(WINDOW * resolution))
    margin = WINDOW / 2 * max(stretches)  # keeps the widest candidate's window inside
    small = _squeeze(source, resolution)
    if output.shape[1] < WINDOW or output.shape[2] < 2 * margin or small.shape[2] < width:
        raise UserError(
            f"a source of {size_text(source)} and an output of {size_text(output)} are too small to measure "
            f"sizes with {WINDOW}-pixel patches; give larger pictures"
        )
    across = np.linspace(margin, output.shape[2] - margin, GRID)
    down = np.linspace(WINDOW / 2, output.shape[1] - WINDOW / 2, GRID)
    factors = [resolution / s for s in stretches]
    windows = torch.stack([_windows_at(_squeeze(output, f), down, across * f, width) for f in factors])  # [7, 576, n]
    contrast = windows.square().mean(2)
    lowest = contrast.amin(0).numpy()
    counts = (lowest >= CONTRAST**2) & (lowest >= np.quantile(lowest, FLATTEST))
    if not counts.any():
        raise UserError("the output is flat everywhere: it has no elements whose size can be measured")
    queries = windows[:, torch.from_numpy(counts)].flatten(0, 1)
    error = nearest(queries, _windows(small, width)).view(len(stretches), -1) / contrast[:, torch.from_numpy(counts)]
    exponents = np.full(GRID * GRID, np.nan)
    exponents[counts] = np.asarray(EXPONENTS)[error.argmin(0).numpy()]
    return LocalStretch(exponents.reshape(GRID, GRID), across, down)


def _squeeze(image: Tensor, factor: float) -> Tensor:
    """[3, h, w] -> [3, h, floor(w * factor)], antialiased, scaled by exactly that factor from the left edge."""
    return F.interpolate(
        image[None], scale_factor=(1.0, factor), mode="bicubic", antialias=True, recompute_scale_factor=False
    )[0]


def _windows_at(image: Tensor, down: NDArray, across: NDArray, width: int) -> Tensor:
    """Windows centred at the places down x across, with each channel's mean removed: [576, 3 * 15 * width]."""
    top = np.clip(np.round(down - WINDOW / 2), 0, image.shape[1] - WINDOW).astype(np.int64)
    left = np.clip(np.round(across - width / 2), 0, image.shape[2] - width).astype(np.int64)
    windows = image.unfold(1, WINDOW, 1).unfold(2, width, 1).permute(1, 2, 0, 3, 4)
    return _centred(windows[torch.from_numpy(top)][:, torch.from_numpy(left)])


def _windows(image: Tensor, width: int) -> Iterator[Tensor]:
    """All windows of the picture, in chunks of some thousands."""
    columns = image.shape[2] - width + 1
    rows = max(1, 8192 // columns)
    for first in range(0, image.shape[1] - WINDOW + 1, rows):
        strip = image[:, first : first + rows + WINDOW - 1]
        yield _centred(strip.unfold(1, WINDOW, 1).unfold(2, width, 1).permute(1, 2, 0, 3, 4))


def _centred(windows: Tensor) -> Tensor:
    """[rows, columns, 3, 15, width] -> [rows * columns, 3 * 15 * width].

    Removes each channel's mean separately: with a common mean, a flat coloured patch would have contrast.
    """
    return (windows - windows.mean((-2, -1), keepdim=True)).flatten(2).flatten(0, 1)
