"""Things on a ground: parts of a picture that stand apart from each other on something smooth.

By its colours a seam through a thing of one colour shows little, but an eye sees half a ball, or two that have grown
together, at once. So seams are also compared by where in a thing they pass: a seam may lead from one thing to the same
place in another one, or from ground to ground.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingan_fast.layout.pictures import Mask
from ingan_fast.layout.seam_costs import Floats

STEP = 0.02  # most by which any channel of neighbours differs in a ground, in [0, 1]
GROUND = 0.3  # least fraction of the picture that is ground
ZONE = 0.03  # the same of each connected part of it, which reaches the picture's border
LEAST, MOST = 0.001, 0.15  # fraction of the picture that a thing has
SEVERAL = 4  # least number of things
COVERED = 0.6  # least fraction of what is neither ground nor larger than things that things have
COMPACT = 0.5  # least fraction of things that are compact, which words and twigs are not
LONGEST = 2.0  # most times a compact thing is longer than it is wide
FILLED = 0.5  # least fraction of its rectangle that it fills
SHAPE = 0.45  # weight of places in things beside colours in [0, 1]
ALL = 0.7  # least fraction of what is not ground that things have in pictures of nothing else
CUT = 2.0  # cost of a crop all of whose rows cut through things

Labels = NDArray[np.intp]


@dataclass(frozen=True)
class Things:
    """The things of a picture.

    Attributes:
        labels: [h, w], the number of the thing that each pixel is part of, from 1 on; 0 where there is none.
        ground: [h, w].
    """

    labels: Labels
    ground: Mask

    def places(self, channels: int) -> Floats:
        """Planes that seams are compared by besides colours: [h, w, 3]; whether and where in a thing each pixel is.

        Args:
            channels: number of planes of colours beside which they count.
        """
        first, last = (np.pad(each, ((0, 0), (1, 0))) for each in _boxes(self.labels))
        half = np.maximum((last - first).max(axis=0) + 1, 1) / 2
        inside = self.labels > 0
        planes = [inside]
        for at, middle in zip(np.indices(self.labels.shape)[::-1], ((first + last) / 2)[::-1], strict=True):
            planes.append((at - middle[self.labels]) / half[self.labels] * inside)
        return np.stack(planes, axis=2).astype(np.float32) * np.float32(SHAPE * channels**0.5)

    @property
    def are_all(self) -> bool:
        """Whether there is little besides them and the ground."""
        return float((self.labels > 0).sum()) >= ALL * float((~self.ground).sum())

    def cut_by_columns(self) -> Floats:
        """What it costs to begin or to end before each column, for the things that are cut there: [w + 1]."""
        inside = (self.labels[:, 1:] == self.labels[:, :-1]) & (self.labels[:, 1:] > 0)
        return np.pad(np.float32(CUT) * inside.mean(axis=0, dtype=np.float32), 1)

    def whole(self, mask: Mask) -> Mask:
        """A mask [h, w] with the things whole that it has a third of, and without the others and the ground."""
        sizes = np.bincount(self.labels.ravel())
        chosen = 3 * np.bincount(self.labels[mask], minlength=len(sizes)) >= sizes
        chosen[0] = False
        return np.asarray(chosen[self.labels] | (mask & (self.labels == 0) & ~self.ground))


def find(picture: Floats) -> Things | None:
    """The things of a picture; None where it has no ground, fewer than four things, or much else that is small.

    Args:
        picture: [h, w, channels], small, as from `pictures.seen`.
    """
    ground = _ground(picture)
    if ground.mean() < GROUND:
        return None
    other = ~ground
    parts, sizes = components(other[:, 1:] & other[:, :-1], other[1:] & other[:-1])
    small = other & (sizes <= MOST * parts.size)[parts]
    found = small & (sizes >= LEAST * parts.size)[parts]
    roots, numbers = np.unique(parts[found], return_inverse=True)
    if len(roots) < SEVERAL or found.sum() < COVERED * small.sum():
        return None
    labels = np.zeros(parts.shape, np.intp)
    labels[found] = numbers + 1
    first, last = _boxes(labels)
    height, width = last - first + 1
    compact = np.maximum(height, width) <= LONGEST * np.minimum(height, width)
    compact &= sizes[roots] >= FILLED * height * width
    return Things(labels, ground) if sizes[roots[compact]].sum() >= COMPACT * found.sum() else None


def components(across: Mask, down: Mask) -> tuple[Labels, Labels]:
    """Connected parts.

    Args:
        across: [h, w - 1], whether each pixel is connected to the one right of it.
        down: [h - 1, w], whether it is to the one below.

    Returns:
        Each pixel's part [h, w], as the index of one of its pixels, and the parts' sizes by this index [h * w].
    """
    index = np.arange(down.shape[1] * across.shape[0]).reshape(across.shape[0], down.shape[1])
    one = np.concatenate([index[:, :-1][across], index[:-1][down]])
    other = np.concatenate([index[:, 1:][across], index[1:][down]])
    part = np.arange(index.size)
    while len(one):
        np.minimum.at(part, np.maximum(one, other), np.minimum(one, other))
        while (part[part] != part).any():
            part = part[part]
        one, other = part[one], part[other]
        apart = one != other
        one, other = one[apart], other[apart]
    return part.reshape(index.shape), np.bincount(part, minlength=index.size)


def _ground(picture: Floats) -> Mask:
    """Smooth zones that reach the picture's border: [h, w]."""
    smooth = _averaged(picture)
    across, down = (np.abs(np.diff(smooth, axis=axis)).max(axis=2) < STEP for axis in (1, 0))
    zones, sizes = components(across, down)
    at_border = np.zeros(zones.size, bool)
    for side in (zones[0], zones[-1], zones[:, 0], zones[:, -1]):
        at_border[side] = True
    return np.asarray((at_border & (sizes >= ZONE * zones.size))[zones])


def _averaged(picture: Floats) -> Floats:
    """Means of 3x3 px, against noise."""
    height, width = picture.shape[:2]
    padded = np.pad(picture, ((1, 1), (1, 1), (0, 0)), mode="edge")
    rows = padded[:height] + padded[1:-1] + padded[2:]
    return (rows[:, :width] + rows[:, 1:-1] + rows[:, 2:]) / np.float32(9)


def _boxes(labels: Labels) -> tuple[Labels, Labels]:
    """The first row and column of each thing, and its last ones: [2, n] each."""
    places = np.nonzero(labels)
    number, count = labels[places] - 1, int(labels.max(initial=0))
    first, last = np.full((2, count), labels.size, np.intp), np.zeros((2, count), np.intp)
    for axis, at in enumerate(places):
        np.minimum.at(first[axis], number, at)
        np.maximum.at(last[axis], number, at)
    return first, last
