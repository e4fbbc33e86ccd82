"""Drawing an output from its seams: pieces of the source side by side, their colours matched across the seams."""

import numpy as np
from numpy.typing import NDArray

from ingan_fast.layout.pictures import as_stored, has_opacity, in_unit_range
from ingan_fast.layout.seam_costs import Floats
from ingan_fast.layout.seams import Places, Seams

REACH = 0.05  # of the picture's width: how far from a seam colours are matched
ALONG = 0.02  # of the picture's height: how far along a seam differences of colour are averaged
MOST = 0.1  # of the range of values: differences from about here on are things, not shades, and stay
COMPARED = np.arange(-2, 2)  # px before and after the seam
ALIKE = 0.02  # differences that count fully in the average; larger ones count less and less
SHARE = 0.25  # of the other side, in the last pixel before a seam and the first one after it


def copy_pieces(picture: NDArray, seams: Seams) -> NDArray:
    """The pieces of a picture [h, w, ...] side by side: [h, Wo, ...], pixels as they are."""
    height, width = picture.shape[:2]
    result = np.empty((height, width - int(seams.lengths.sum()), *picture.shape[2:]), picture.dtype)
    starts, ends = _pieces(seams, height, width)
    for row in range(height):
        line, source, at = result[row], picture[row], 0
        for start, end in zip(starts[row].tolist(), ends[row].tolist(), strict=True):
            line[at : at + end - start] = source[start:end]
            at += end - start
    return result


def draw(picture: NDArray, seams: Seams) -> NDArray:
    """The pieces of a picture side by side, joined so that the seams show less.

    Args:
        picture: [h, w, channels], as for `pictures.seen`; the opacity is laid out as it is.
    """
    result = copy_pieces(picture, seams)
    joins = _in_output(seams)
    for seam in range(len(joins)):
        _join(result, picture, seams, joins, seam)
    return result


def _pieces(seams: Seams, height: int, width: int) -> tuple[Places, Places]:
    """The first column of each piece of the source, and the one after its last, in each row: [h, n + 1] each."""
    starts = np.zeros((height, len(seams.lengths) + 1), np.intp)
    ends = np.full_like(starts, width)
    starts[:, 1:] = (seams.places + seams.lengths[:, None]).T
    ends[:, :-1] = seams.places.T
    return starts, ends


def _in_output(seams: Seams) -> Places:
    """The output column before which each seam lies, in each row: [n, h]."""
    before = np.cumsum(seams.lengths) - seams.lengths
    return np.asarray(seams.places - before[:, None])


def _join(result: NDArray, picture: NDArray, seams: Seams, joins: Places, seam: int) -> None:
    """Match the colours on both sides of a seam, and blend the two pixels beside it."""
    height, width, channels = picture.shape
    count, at = result.shape[1], joins[seam]
    colours = slice(0, channels - has_opacity(picture))
    rows = np.arange(height)[:, None]
    before, after = (
        in_unit_range(picture[rows, np.clip(first[:, None] + COMPARED, 0, width - 1)])
        for first in (seams.places[seam], seams.places[seam] + seams.lengths[seam])
    )
    opaque = np.ones((height, 1), np.float32)
    if has_opacity(picture):
        opaque = (before[..., -1] * after[..., -1]).min(axis=1, keepdims=True)
    before, after = before[..., colours], after[..., colours]
    step = _shade(after - before) * opaque  # [h, colours]
    reach = max(2, round(REACH * width))
    left, right = np.minimum(reach, at), np.minimum(reach, count - at)
    if seam > 0:
        left = np.minimum(left, (at - joins[seam - 1]) // 2)
    if seam + 1 < len(joins):
        right = np.minimum(right, (joins[seam + 1] - at) // 2)
    columns = np.arange(-reach, reach)
    side = np.where(columns < 0, left[:, None], right[:, None])
    part = np.maximum(1 - np.abs(columns + 0.5) / np.maximum(side, 1), 0)
    fade = (np.where(columns < 0, 0.5, -0.5) * np.square(part)).astype(np.float32)
    target = np.clip(at[:, None] + columns, 0, count - 1)
    strip = in_unit_range(result[rows, target])[..., colours]
    middle = len(COMPARED) // 2
    strip[:, reach - 1] += SHARE * opaque * (after[:, middle - 1] - before[:, middle - 1])
    strip[:, reach] += SHARE * opaque * (before[:, middle] - after[:, middle])
    strip += fade[..., None] * step[:, None]
    row, column = np.nonzero(fade)
    result[row, target[row, column], colours] = as_stored(strip[row, column], picture.dtype)


def _shade(differences: Floats) -> Floats:
    """The slowly changing part of differences of colour across a seam: [h, channels] of [h, compared, channels]."""
    height = len(differences)
    error = np.square(differences).mean(axis=(1, 2))
    weight = (1 / (ALIKE**2 + error))[:, None]
    along = max(1, round(ALONG * height))
    mean = _averaged(differences.mean(axis=1) * weight, along) / _averaged(weight, along)
    most = np.abs(mean).max(axis=1, keepdims=True)
    return np.asarray(mean * np.exp(-np.square(most / MOST)), np.float32)


def _averaged(values: NDArray, along: int) -> NDArray:
    """Three running means over 2 along + 1 rows, which is nearly a Gaussian."""
    for _ in range(3):
        padded = np.pad(values, ((along + 1, along), (0, 0)), mode="edge")
        total = np.cumsum(padded, axis=0, dtype=np.float64)
        values = (total[2 * along + 1 :] - total[: -2 * along - 1]) / (2 * along + 1)
    return values
