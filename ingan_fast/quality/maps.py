"""Quality maps over an output: local stretch, and distance of its patches to the source's."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from ingan_fast.files import atomic_path
from ingan_fast.pictures import Pixels
from ingan_fast.quality.local_stretch import EXPONENTS, LocalStretch, local_stretch
from ingan_fast.quality.neighbours import nearest
from ingan_fast.quality.patches import INSIDE, PATCH, Level, levels, measuring, only, patches, strips

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

QUERIES = 8192  # patches per level; at 640x480 one every 7 px, which covers the picture
WORST = 0.02  # end of the colour scale: several times a good output's average
LONGEST = 8.0  # inches, longer side of the picture
DPI = 100


def coherence_map(output: NDArray, source: NDArray, mask: NDArray | None = None) -> NDArray[np.float32]:
    """`metrics.coherence` by place: squared distance per value to the nearest patch of the source.

    Each pixel has the mean over the three levels of the nearest patch on a regular grid of at most 8192 patches per
    level.

    Args:
        output: [H, W, 3], uint8 or float in [0, 1].
        source: [h, w, 3], likewise.
        mask: [H, W], float in [0, 1]; 1 inside the output.

    Returns:
        [H, W], 0 where the output equals the source; NaN outside the mask and where no patch counts.

    Raises:
        UserError: as for `metrics.coherence`.
    """
    with measuring():
        pairs = levels(output, source, mask)
        maps = np.stack([_distances(out, src, output.shape[:2]) for out, src in pairs])
    known = ~np.isnan(maps)
    count = known.sum(0)
    result = np.where(count > 0, np.where(known, maps, 0).sum(0) / np.maximum(count, 1), np.nan).astype(np.float32)
    if mask is not None:
        result[mask < INSIDE] = np.nan
    return result


def draw_coherence(output: Pixels, source: Pixels, path: Path, mask: NDArray | None = None) -> None:
    """Draw `coherence_map` over the output (uint8 [H, W, 3]) in grey, with a legend.

    Raises:
        UserError: as for `coherence_map`; `path` can't be written.
    """
    values = coherence_map(output, source, mask) * 1000
    figure, axes = _page(output)
    height, width = values.shape
    colours = axes.imshow(
        values, cmap="inferno", vmin=0, vmax=1000 * WORST, alpha=0.6, extent=(0, width, height, 0), zorder=1
    )
    axes.set_title("where it differs from the source")
    figure.colorbar(colours, ax=axes, extend="max", label="coherence x1000: distance to the nearest source patch")
    _save(figure, path)


def draw_stretch(output: Pixels, source: Pixels, path: Path) -> None:
    """Draw the local stretch over the output (uint8 [H, W, 3]) in grey, with a legend.

    Raises:
        UserError: as for `local_stretch`, which includes outputs with both or neither of width and height changed;
            `path` can't be written.
    """
    axis = "height" if output.shape[1] == source.shape[1] else "width"
    stretch = local_stretch(output, source, axis)
    figure, axes = _page(output)
    colours = axes.pcolormesh(
        _edges(stretch.across, output.shape[1]),
        _edges(stretch.down, output.shape[0]),
        np.ma.masked_invalid(stretch.exponents),
        cmap="coolwarm",
        vmin=-max(EXPONENTS),
        vmax=max(EXPONENTS),
        alpha=0.6,
    )
    axes.set_title(_title(stretch, axis))
    bar = figure.colorbar(colours, ax=axes, ticks=EXPONENTS, label=f"stretch of the {axis}: log s / log r")
    bar.ax.set_ylim(min(EXPONENTS), max(EXPONENTS))
    names = {0.0: "0: own size", 1.0: "1: like the picture"}
    bar.set_ticklabels([names.get(exponent, f"{exponent:g}") for exponent in EXPONENTS])
    _save(figure, path)


def _title(stretch: LocalStretch, axis: str) -> str:
    return f"where elements were stretched (kept {axis}: {stretch.kept:.2f})"


def _distances(out: Level, src: Level, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """A level's distances, spread to the output's pixels: [H, W], NaN where no patch counts."""
    rows, columns = out.valid.shape
    step = math.ceil(math.sqrt(max(1, rows * columns / QUERIES)))
    top, left = torch.arange(0, rows, step), torch.arange(0, columns, step)
    grid = (top[:, None] * columns + left).flatten()
    counted = grid[out.valid.flatten()[grid]]
    values = torch.full((rows * columns,), torch.nan)
    if len(counted):
        values[counted] = nearest(patches(only(out, counted)), strips(src))
    coarse = values[grid].view(len(top), len(left)).numpy()
    at = [
        np.clip(np.round(((np.arange(side) + 0.5) / out.scale - PATCH / 2) / step), 0, count - 1).astype(np.int64)
        for side, count in zip(shape, coarse.shape, strict=True)
    ]
    return coarse[np.ix_(*at)]


def _page(output: Pixels) -> tuple["Figure", "Axes"]:
    """A figure with the output in grey, in pixel coordinates."""
    from matplotlib.figure import Figure  # slow to import

    height, width = output.shape[:2]
    inches = LONGEST / max(height, width)
    figure = Figure(figsize=(width * inches + 2, max(height * inches, 3) + 0.6), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    axes.set_axis_off()
    axes.imshow(output.mean(2), cmap="gray", vmin=0, vmax=255, extent=(0, width, height, 0), zorder=0)
    return figure, axes


def _edges(centres: NDArray[Any], side: int) -> NDArray[np.float64]:
    """Borders of the cells around the centres: the midpoints, and the picture's edges."""
    return np.concatenate([[0], (centres[1:] + centres[:-1]) / 2, [side]])


def _save(figure: "Figure", path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with atomic_path(path) as temporary:
        FigureCanvasAgg(figure).print_png(temporary)
