"""How like its picture an output is, estimated from its seams alone.

`quality.metrics` measures outputs: coherence is how far their patches are from the picture's nearest ones, and the
sliced Wasserstein distance (swd) is how far the distributions of patches are apart, both at full, half and quarter
size. That takes seconds an output. Most patches of a layout are copies, so estimates need milliseconds:

- Patches that cross a seam are at most as far from the picture as from what the picture shows where the piece on the
  left or on the right goes on.
- At half and quarter size, a piece is a copy only if it is shifted by a whole number of those pixels. The price of any
  other shift is that of the whole picture.
- The distribution is that of the patches around the pixels that are copied.

Where this is too rough, the nearest patches across seams are searched for at quarter size (`searched_coherence`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ingan_fast.layout.ends import are_crops
from ingan_fast.layout.frequency import Distributions, counts_of_levels
from ingan_fast.layout.patch_responses import DIRECTIONS, PATCH, patch_responses
from ingan_fast.layout.pictures import seen
from ingan_fast.layout.seam_costs import Floats
from ingan_fast.layout.seams import Seams

SEARCHED = 1500  # number of an output's patches, about, whose nearest ones are searched for
SAME = 2e-4  # mean squared distance per value under which a patch counts as a copy, as in `quality.metrics`
SCALES = (1, 2, 4)  # of the measures: patches are those of the picture as many times smaller


class Likeness:
    """Estimates of one picture's outputs.

    Args:
        picture: [h, w, channels], as for `pictures.seen`.
    """

    def __init__(self, picture: NDArray):
        values = seen(picture)
        self._scales = [_Scale(values, scale) for scale in SCALES if min(values.shape[:2]) // scale >= PATCH]

    def coherence(self, seams: Seams) -> float:
        """Mean squared distance per value of the output's patches to the picture's nearest; 0 for a copy."""
        coarser = self._scales[1:] or self._scales  # full size takes most of the time, and tells the same
        return float(np.mean([each.coherence(seams) for each in coarser])) if coarser else 0.0

    def verbatim(self, seams: Seams) -> float:
        """Fraction of the output's patches, at full size, that are copies."""
        return self._scales[0].verbatim(seams) if self._scales else 1.0

    def searched_coherence(self, seams: Seams) -> float:
        """The same, but at the smallest size the nearest patches of some are searched for.

        What estimates at other sizes are too high by is taken to be the same.
        """
        if not self._scales:
            return 0.0
        *_, smallest = self._scales
        estimate = smallest.coherence(seams)
        return self.coherence(seams) * (smallest.coherence(seams, searched=True) / estimate if estimate else 1.0)

    def swd_estimates(self, seams: Seams) -> Iterator[float]:
        """Sliced Wasserstein distance of the output's patches from the picture's; 0 for a copy.

        First without the patches across seams, then with them, which takes several times as long.
        """
        counts = [each.copied(seams) for each in self._scales]
        for across in (False, True):
            pairs = zip(self._scales, counts, strict=True)
            yield float(np.mean([each.swd(seams, known, across) for each, known in pairs])) if counts else 0.0


@dataclass(frozen=True)
class _Strips:
    """What is around each seam, in the pixels of a scale, side by side.

    Attributes:
        lengths: [w], px of the picture, of the jump at each column's seam.
        columns: [w], of the picture, as the piece before the seam has them.
        before: [h, w, channels], what that piece shows there.
        after: the same of the piece after the seam.
        is_after: [h, w], which of them the output shows.
        whole: [w - 6], whether the patches that begin there are of one strip.
    """

    lengths: NDArray[np.intp]
    columns: NDArray[np.intp]
    before: Floats
    after: Floats
    is_after: NDArray[np.bool_]
    whole: NDArray[np.bool_]

    @cached_property
    def shown(self) -> Floats:
        """What the output shows: [h, w, channels]."""
        return np.where(self.is_after[..., None], self.after, self.before)

    @cached_property
    def across(self) -> NDArray[np.bool_]:
        """Which patches are across a seam: [h - 6, w - 6]."""
        after = _means(self.is_after)
        return np.asarray((after > 0) & (after < 1) & self.whole)


class _Scale:
    """The same at one of the scales."""

    def __init__(self, picture: Floats, scale: int):
        self._scale = scale
        self._height, self._width = picture.shape[:2]
        self._rows = _shrunk_rows(_smoothed(picture, scale), scale)
        self._shifts = _costs_of_shifts(picture, scale)
        self._middle = picture.mean()  # without it, products of large numbers would leave small differences
        self._from: dict[int, tuple[Floats, Floats]] = {}  # `_patches_from` by the first column
        responses = patch_responses(_shrunk(picture, scale), seed=scale)
        self._edge = PATCH // 2 * scale  # px beside the border in which no patch is centred
        columns = np.arange(self._width - 2 * self._edge) // scale
        columns = np.minimum(columns, responses.shape[1] - 1)
        self._patches = Distributions(np.ascontiguousarray(responses[:, columns]))
        self._middles = np.arange(len(responses)) * scale + self._edge + scale // 2  # rows in which patches are centred
        self._latest: tuple[Seams, _Strips] | None = None  # estimates look at the same seams one after another

    def coherence(self, seams: Seams, searched: bool = False) -> float:
        count = self._width - int(seams.lengths.sum())
        patches = count / self._scale - PATCH + 1  # in a row of the output
        across = self._searched if searched else self._across
        return across(seams) / max(patches, 1) + self._shifted(seams) / count

    def verbatim(self, seams: Seams) -> float:
        patches = (self._width - int(seams.lengths.sum())) / self._scale - PATCH + 1  # in a row of the output
        unlike = float((self._least(seams) > SAME).sum(axis=1).mean())
        return 1 - unlike / max(patches, 1)

    def copied(self, seams: Seams) -> NDArray[np.int64]:
        """Counts of the patches around the pixels that are copied: [directions, levels]."""
        columns = self._patches.levels.shape[1]
        # Jumps longer than the picture without its border, where no patch is centred, are counted a little shorter.
        lengths = np.clip(seams.lengths, -columns, columns)
        low, high = np.maximum(-lengths, 0), columns - np.maximum(lengths, 0)
        places = np.clip(seams.places[:, self._middles] - self._edge, low[:, None], high[:, None])
        return self._patches.counts_of_pieces(Seams(lengths, places))

    def swd(self, seams: Seams, copied: NDArray[np.int64], across: bool) -> float:
        counts = copied
        if across and self._scale > 1:  # at full size, few patches are across seams, and looking at them takes longest
            strips = self._strips(seams)
            if strips.across.any():
                counts = counts + self._scale * self._across_instead(strips)
        return float(np.abs(self._patches.deviations_of(counts)).sum()) / DIRECTIONS

    def _across_instead(self, strips: _Strips) -> NDArray[np.int64]:
        """Counts of the patches across seams, less those of the picture's there: [directions, levels]."""
        middle = slice(PATCH // 2, -(PATCH // 2))
        columns = strips.columns[middle] - self._edge + strips.lengths[middle] * strips.is_after[middle, middle]
        rows, at = strips.across.nonzero()
        columns = np.clip(columns[rows, at], 0, self._patches.levels.shape[1] - 1)
        responses = patch_responses(strips.shown, self._scale, strips.across)
        return self._patches.counts_of(responses) - counts_of_levels(self._patches.levels[rows, columns])

    def _strips(self, seams: Seams) -> _Strips:
        if self._latest is None or self._latest[0] is not seams:
            self._latest = seams, self._around(seams)
        return self._latest[1]

    def _around(self, seams: Seams) -> _Strips:
        """What is around the seams."""
        joined = ~are_crops(seams.places, seams.lengths, self._width)
        places = seams.places[joined, self._scale // 2 :: self._scale][:, : len(self._rows)]
        reach = (PATCH - 1) * self._scale
        parts = [np.arange(int(at.min()) - reach, int(at.max()) + reach, self._scale) for at in places]
        columns = np.concatenate([np.zeros(0, np.intp), *parts])
        seam = np.repeat(np.arange(len(parts)), np.array([len(part) for part in parts], np.intp))
        lengths = seams.lengths[joined][seam]
        before, after = (self._rows[:, np.clip(each, 0, self._width - 1)] for each in (columns, columns + lengths))
        last = PATCH - 1
        return _Strips(lengths, columns, before, after, columns >= places[seam].T, seam[last:] == seam[:-last])

    def _across(self, seams: Seams) -> float:
        """The distances of the patches across seams: mean over rows, sum over the patches of a row."""
        return float(self._least(seams).sum(axis=1).mean())

    def _least(self, seams: Seams) -> NDArray[np.float64]:
        """The distances of the patches around seams from what the piece on the left or on the right shows."""
        strips = self._strips(seams)
        squares = np.square(strips.before - strips.after).mean(axis=2)
        least = np.minimum(_means(squares * strips.is_after), _means(squares * ~strips.is_after))
        return np.asarray(least[:, strips.whole])

    def _searched(self, seams: Seams) -> float:
        """The same as `_across`, from the nearest of all the picture's patches, for some of the patches."""
        strips = self._strips(seams)
        every = -(-np.count_nonzero(strips.across) // SEARCHED) or 1
        first = strips.columns[: len(strips.whole)] % self._scale
        total = 0.0
        for each in np.unique(first):
            patches, squares = self._patches_from(int(each))
            rows, at = (strips.across & (first == each)).nonzero()
            asked = _patches(strips.shown)[rows[::every], at[::every]].reshape(-1, patches.shape[1]) - self._middle
            least = (squares - 2 * (asked @ patches.T)).min(axis=1, initial=np.inf) + np.square(asked).sum(axis=1)
            total += float(np.maximum(least, 0).sum()) * len(rows) / max(len(asked), 1) / patches.shape[1]
        return total / len(strips.across)

    def _patches_from(self, first: int) -> tuple[Floats, Floats]:
        """All patches of the picture [n, values], with pixels at every `scale`-th column, and their squared lengths."""
        if first not in self._from:
            patches = _patches(self._rows[:, first :: self._scale])
            patches = patches.reshape(-1, patches[0, 0].size) - self._middle
            self._from[first] = patches, np.square(patches).sum(axis=1)
        return self._from[first]

    def _shifted(self, seams: Seams) -> float:
        """The costs of the pieces' shifts: sum over the columns of the output."""
        shifts = np.cumsum(np.concatenate([[0], seams.lengths]))
        middles = seams.places.mean(axis=1)
        widths = np.append(middles, self._width) - np.concatenate([[0], middles + seams.lengths])
        return float(np.maximum(widths, 0) @ self._shifts[shifts % self._scale])


def _costs_of_shifts(picture: Floats, scale: int) -> NDArray[np.float64]:
    """How far the patches of a picture that is shifted by 0, 1, … px, then shrunk, are from those it has itself."""
    costs, unshifted = np.zeros(scale), _shrunk(picture, scale)
    columns = unshifted.shape[1] - 1
    if columns < PATCH:
        return costs
    for shift in range(1, scale):
        shifted = _shrunk(picture[:, shift:], scale)[:, :columns]
        either = [_means(np.square(shifted - unshifted[:, first : first + columns]).mean(axis=2)) for first in (0, 1)]
        costs[shift] = np.minimum(*either).mean()
    return costs


def _means(values: NDArray) -> NDArray[np.float64]:
    """The mean of each patch of [h, w]."""
    sums = np.pad(values, ((1, 0), (1, 0))).cumsum(axis=0, dtype=np.float64).cumsum(axis=1)
    rows = sums[PATCH:] - sums[:-PATCH]
    return np.asarray((rows[:, PATCH:] - rows[:, :-PATCH]) / PATCH**2)


def _patches(picture: Floats) -> Floats:
    """All patches of a picture [h, w, channels]: [h - 6, w - 6, channels, 7, 7]."""
    return np.lib.stride_tricks.sliding_window_view(picture, (PATCH, PATCH), axis=(0, 1))


def _smoothed(picture: Floats, scale: int) -> Floats:
    """Each row smoothed as it is when it is shrunk."""
    weights = np.convolve(np.ones(scale), np.ones(scale)) / scale**2
    padded = np.pad(picture, ((0, 0), (scale - 1, scale - 1), (0, 0)), mode="edge")
    parts = (np.float32(w) * padded[:, at : at + picture.shape[1]] for at, w in enumerate(weights))
    return np.asarray(sum(parts), np.float32)


def _shrunk_rows(picture: Floats, scale: int) -> Floats:
    return _resized(picture, (picture.shape[1], picture.shape[0] // scale), scale, 1)


def _shrunk(picture: Floats, scale: int) -> Floats:
    return _resized(picture, (picture.shape[1] // scale, picture.shape[0] // scale), scale, scale)


def _resized(picture: Floats, size: tuple[int, int], down: int, across: int) -> Floats:
    """A version (width, height) that is smaller by exactly these numbers, without what is left over at the end."""
    if down == across == 1:
        return picture
    box = (0, 0, size[0] * across, size[1] * down)
    planes = [Image.fromarray(np.ascontiguousarray(plane)) for plane in picture.transpose(2, 0, 1)]
    return np.stack([np.asarray(each.resize(size, Image.Resampling.BILINEAR, box)) for each in planes], axis=2)
