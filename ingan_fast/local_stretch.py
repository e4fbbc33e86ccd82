"""Do the elements of a retargeted picture keep their size, or were they stretched with it?

At places all over the output, undo each of a few stretches s and see which makes the patch there look most
like some patch of the source. Undoing means resampling, and a blurred patch finds a good match anywhere, so
the candidates must be equally sharp: the source is brought to 0.8 * min(all s, 1) of its resolution along the
axis and the output to the same, times 1/s. Then every candidate is a true downsampling to one resolution,
and all are compared with the same source patches.

A place counts only if its patch has contrast under every candidate: where one candidate's window shows a flat
patch and a wider one reaches an edge beside it, relative errors would compare noise with an edge.
"""

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ingan_fast.errors import UserError
from ingan_fast.metrics import nearest, size_text

EXPONENTS = (-0.5, 0.0, 0.25, 0.5, 0.75, 1.0, 1.25)  # candidates: s = r ** exponent
GRID = 24
WINDOW = 15  # source pixels
FLATTEST = 0.2  # this share of the places is left out,
CONTRAST = 0.02  # and those with a smaller standard deviation: 8-bit rounding would decide there


def kept_along_width(output: Tensor, source: Tensor, axis: str = "width") -> float:
    """1 - mean(log s) / log r over the output's places; s is the local stretch, r the output's.

    Args:
        output: [3, h, W], float32 in [0, 1].
        source: [3, h, w], W != w.
        axis: the axis's name in messages (a height is judged on the transposed pictures).

    Raises:
        UserError: W = w, other heights, a picture too small for the patches, or one without contrast.
    """
    exponents = _local_exponents(output, source, axis)
    return float(1 - exponents.mean())


def _local_exponents(output: Tensor, source: Tensor, axis: str) -> NDArray[np.float64]:
    """log s / log r of each place that counts: [n]."""
    ratio = output.shape[2] / source.shape[2]
    if ratio == 1 or output.shape[1] != source.shape[1]:
        raise UserError(
            f"size kept along the {axis} is for outputs that differ from their source in {axis} alone; these "
            f"have {output.shape[2]} and {source.shape[2]} pixels along it, {output.shape[1]} and "
            f"{source.shape[1]} across; judge a change of one axis at a time"
        )
    stretches = [ratio**exponent for exponent in EXPONENTS]
    resolution = 0.8 * min(*stretches, 1.0)
    width = max(3, round(WINDOW * resolution))
    margin = WINDOW / 2 * max(stretches)  # so that the widest candidate's window is inside
    small = _squeeze(source, resolution)
    if output.shape[1] < WINDOW or output.shape[2] < 2 * margin or small.shape[2] < width:
        raise UserError(
            f"a source of {size_text(source)} and an output of {size_text(output)} are too small to measure "
            f"sizes with {WINDOW}-pixel patches; give larger pictures"
        )
    across = np.linspace(margin, output.shape[2] - margin, GRID)
    down = np.linspace(WINDOW / 2, output.shape[1] - WINDOW / 2, GRID)
    factors = [resolution / s for s in stretches]
    queries = torch.cat([_windows_at(_squeeze(output, f), down, across * f, width) for f in factors])
    contrast = queries.square().mean(1)  # [7 * 576]
    error = nearest(queries, _windows(small, width)) / contrast.clamp_min(1e-12)
    contrasts = contrast.view(len(stretches), -1).amin(0).numpy()  # [576]
    counts = (contrasts >= CONTRAST**2) & (contrasts >= np.quantile(contrasts, FLATTEST))
    if not counts.any():
        raise UserError("the output is flat everywhere: there is nothing in it whose size could be measured")
    best = error.view(len(stretches), -1).argmin(0).numpy()[counts]
    return np.asarray(EXPONENTS)[best]


def _squeeze(image: Tensor, factor: float) -> Tensor:
    """[3, h, w] -> [3, h, floor(w * factor)], antialiased, by exactly that factor from the left edge on."""
    return F.interpolate(
        image[None], scale_factor=(1.0, factor), mode="bicubic", antialias=True, recompute_scale_factor=False
    )[0]


def _windows_at(image: Tensor, down: NDArray, across: NDArray, width: int) -> Tensor:
    """The windows centred at the places down x across, each channel's mean removed: [576, 3 * 15 * width]."""
    top = np.clip(np.round(down - WINDOW / 2), 0, image.shape[1] - WINDOW).astype(np.int64)
    left = np.clip(np.round(across - width / 2), 0, image.shape[2] - width).astype(np.int64)
    windows = image.unfold(1, WINDOW, 1).unfold(2, width, 1).permute(1, 2, 0, 3, 4)
    return _centred(windows[torch.from_numpy(top)][:, torch.from_numpy(left)])


def _windows(image: Tensor, width: int) -> Iterator[Tensor]:
    """All windows of the picture, some thousands at a time."""
    columns = image.shape[2] - width + 1
    rows = max(1, 8192 // columns)
    for first in range(0, image.shape[1] - WINDOW + 1, rows):
        strip = image[:, first : first + rows + WINDOW - 1]
        yield _centred(strip.unfold(1, WINDOW, 1).unfold(2, width, 1).permute(1, 2, 0, 3, 4))


def _centred(windows: Tensor) -> Tensor:
    """[rows, columns, 3, 15, width] -> [rows * columns, 3 * 15 * width].

    Each channel loses its own mean: with one mean for all, a flat coloured patch would have contrast.
    """
    return (windows - windows.mean((-2, -1), keepdim=True)).flatten(2).flatten(0, 1)
