"""Predicts whether a picture will fail, from a cheap analysis before training.

Retargeting rearranges patches; a large object that occurs once gets torn apart or partly repeated. So this measures
how well large parts of the picture recur in it.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from ingan_fast.pictures import Pixels

SIDE = 32  # px; shorter side of the analysed copy, in which small elements and grain are averaged away
BLOCK = SIDE // 4  # px a side
# Measured: a photograph of one cup 0.76; textures 0.17 to 0.22, rows of objects 0.15 to 0.35, mixed ones up to 0.45.
LIKELY_TO_FAIL = 0.6
# Variance at a contrast of one grey level: less looks flat, and dividing by it would magnify rounding.
LEAST_VARIANCE = (1 / 255) ** 2
# Correlation of neighbouring pixels. White noise has 0.0, a drawing of thin lines 0.42, photographs at least 0.66.
UNRELATED = 0.1


def unlike_the_rest(picture: Pixels) -> float:
    """Fraction of the picture's contrast in large parts that do not recur: from 0 (they recur) to about 1.

    For blocks of a quarter of the shorter side: the mean squared difference to the most similar non-overlapping
    block, relative to the variance of all pixels at full size (at least `LEAST_VARIANCE`); the result is the 90th
    percentile. The contrast of textures is at smaller scales, and rows of objects have similar objects nearby.

    Args:
        picture: uint8 [H, W, 3].
    """
    variance = max(float((picture / 255).var(axis=(0, 1)).mean()), LEAST_VARIANCE)
    small = _small(picture)
    # Around zero, differences have smaller rounding errors than around one.
    small -= small.mean(dim=(1, 2), keepdim=True)
    blocks = small.unfold(1, BLOCK, 1).unfold(2, BLOCK, 1)  # [3, rows, columns, 8, 8]
    rows, columns = blocks.shape[1:3]
    values = blocks.permute(1, 2, 0, 3, 4).reshape(rows * columns, -1)
    places = torch.cartesian_prod(torch.arange(rows), torch.arange(columns))
    asked = (places % (BLOCK // 2) == 0).all(dim=1)
    differences = torch.cdist(values[asked], values).square() / values.shape[1]
    apart = torch.cdist(places[asked].float(), places.float(), p=torch.inf) >= BLOCK
    best = differences.masked_fill(~apart, torch.inf).amin(dim=1)
    return float(best.quantile(0.9)) / variance


def occurs_once(picture: Pixels) -> bool:
    """Whether large parts of the picture have no similar counterpart in it."""
    return unlike_the_rest(picture) >= LIKELY_TO_FAIL


def warning(picture: Pixels) -> str | None:
    """A warning for the user if the picture is likely to fail, else None."""
    if float((picture / 255).var(axis=(0, 1)).max()) < LEAST_VARIANCE:
        return "the picture has one flat colour: there is nothing to learn from it"
    if _neighbours_alike(picture) < UNRELATED:
        return "the picture is noise, with unrelated neighbouring pixels: there is nothing to learn but its grain"
    if looks_like_text(picture):
        return "the picture looks like text: words and letters will be repeated, cut or left out"
    if not occurs_once(picture):
        return None
    return (
        "large parts of the picture occur in it only once, as when one object dominates: the result is likely to be "
        "torn or repeated; pictures of many small objects and textures work best"
    )


def _neighbours_alike(picture: Pixels) -> float:
    """Correlation of horizontally or vertically neighbouring pixels, whichever is higher."""
    values = picture.astype(np.float32) - picture.mean(axis=(0, 1), dtype=np.float64).astype(np.float32)
    variance = float(np.square(values).mean())
    return max(float((values[:, 1:] * values[:, :-1]).mean()), float((values[1:] * values[:-1]).mean())) / variance


def looks_like_text(picture: Pixels) -> bool:
    """Whether the picture shows lines of print on an even background.

    Ink forms bands with empty rows between them. A row of a band crosses many strokes, which are thin compared with
    the band's height and unevenly spaced (rows of dots or other small objects are evenly spaced).
    """
    grey = picture.mean(axis=2)
    paper = np.bincount(np.rint(grey).astype(int).ravel(), minlength=256).argmax()
    ink = np.abs(grey - paper) > 48
    if (np.abs(grey - paper) <= 8).mean() < 0.6:
        return False  # no even background
    bands = _spans(ink.any(axis=1))
    if len(bands) < 2:
        return False
    lines = 0
    for top, bottom in bands:
        rows = [_spans(row) for row in ink[top:bottom]]
        starts = [np.array([start for start, _ in row]) for row in rows]
        widths = [end - start for row in rows for start, end in row]
        distances = np.concatenate([np.diff(each) for each in starts])
        strokes = len(widths) / len(rows)
        if strokes >= 8 and np.median(widths) < 0.35 * (bottom - top) and distances.std() > 0.4 * distances.mean():
            lines += 1
    return lines > len(bands) / 2


def _spans(marked: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """(start, end) of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marked, [False]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _small(picture: Pixels) -> torch.Tensor:
    """float32 [3, h, w] in [0, 1] with a shorter side of `SIDE`."""
    height, width = picture.shape[:2]
    factor = SIDE / min(height, width)
    # At most eight times the shorter side: enough to compare with.
    size = min(round(width * factor), 8 * SIDE), min(round(height * factor), 8 * SIDE)
    small = Image.fromarray(picture).resize(size, Image.Resampling.BOX)
    return torch.from_numpy(np.asarray(small, np.float32) / 255).permute(2, 0, 1)
