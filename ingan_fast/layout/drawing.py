"""Drawing an output from its seams: pieces of the source side by side, their colours matched across the seams."""

import numpy as np
from numpy.typing import NDArray

from ingan_fast.layout import compiled
from ingan_fast.layout.ends import are_crops
from ingan_fast.layout.pictures import Floats, most_of, stored
from ingan_fast.layout.seams import Places, Seams
from ingan_fast.layout.shading import hide_step
from ingan_fast.layout.sides import COMPARED, Sides

SHARE = 0.25  # weight of the other side in the pixels next to a seam


def copy_pieces(picture: NDArray, seams: Seams) -> NDArray:
    """The pieces of a picture [h, w, ...] side by side: [h, Wo, ...], pixels as they are."""
    height, width = picture.shape[:2]
    result = np.empty((height, width - int(seams.lengths.sum()), *picture.shape[2:]), picture.dtype)
    if compiled.available:
        places, lengths = (np.ascontiguousarray(each, np.int64) for each in (seams.places, seams.lengths))
        compiled.loops.copy_pieces(as_bytes(picture), places, lengths, as_bytes(result))
        return result
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
    joined = ~are_crops(seams.places, seams.lengths, picture.shape[1])
    joins, seams = _in_output(seams)[joined], Seams(seams.lengths[joined], seams.places[joined])
    for seam in range(len(joins)):
        sides = hide_step(result, picture, seams.places[seam], int(seams.lengths[seam]), joins[seam])
        _mix(result, joins[seam], sides)
    return result


def as_bytes(picture: NDArray) -> NDArray[np.uint8]:
    """Pixels [h, w, ...] as their bytes: [h, w, bytes of a pixel]; a view where they are contiguous."""
    return np.ascontiguousarray(picture).reshape(*picture.shape[:2], -1).view(np.uint8)


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


def _mix(result: NDArray, at: Places, sides: Sides) -> None:
    """Blend the two pixels beside a seam."""
    middle = len(COMPARED) // 2
    difference = SHARE * sides.opaque[..., None] * (sides.after - sides.before)
    _add(result, at - 1, difference[:, middle - 1])
    _add(result, at, -difference[:, middle])


def _add(result: NDArray, at: Places, change: Floats) -> None:
    """Add a change [h, colours], in [-1, 1], to a pixel of each row."""
    rows = np.flatnonzero((at >= 0) & (at < result.shape[1]))
    columns, colours = at[rows], slice(0, change.shape[1])
    values = result[rows, columns, colours] + change[rows] * np.float32(most_of(result.dtype))
    result[rows, columns, colours] = stored(values, result.dtype)
