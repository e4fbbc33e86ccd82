"""What a jump costs: how much the best seam shows that joins a picture to itself, moved sideways.

Pictures are laid out along their width here; for heights the caller gives the transposed picture. All of it is for
a small version of the picture (`versions.SOLVED_PIXELS`), and none of it depends on the output's size.
"""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ingan_fast.layout import compiled

Floats = NDArray[np.float32]

LONGEST = 160  # px; the longest jump in the table
SLOPE = 2  # px; maximum sideways step of a seam per row
BEND = 0.02  # cost of a sideways step of one px, in mean costs per row
BESIDE = 2  # px compared on each side of a seam; patches that cross the seam see them
AROUND = 12  # px compared on each side with less weight, so that jumps match a period that is visible only farther away
SHARE_AROUND = 0.2  # their weight
BEYOND = 2.0  # cost of a jump that leaves out more than LONGEST; needed for very small outputs
FORBIDDEN = 1e4  # cost per row of a forbidden seam: large, but small enough for sums in float32


class SeamCosts:
    """The table of seam costs of one picture.

    Args:
        picture: float32 [h, w, channels] in [0, 1].
        held: float32 [h, w], at least 0: what it costs a seam, a row, to leave out or to repeat anything there, in the
            picture's mean costs.
    """

    def __init__(self, picture: Floats, held: Floats | None = None):
        self.height, self.width = picture.shape[:2]
        self.longest = min(LONGEST, self.width // 2)
        self._planes = np.ascontiguousarray(picture.transpose(2, 0, 1))
        # differences[d - 1, y, p]: a seam before column p, where p + d takes p's place; inf where there is no p + d.
        self.differences = self._differences(1, self.longest)
        room = self.width - np.arange(1, self.longest + 1)
        mean = np.mean([self.differences[jump, :, : room[jump]].mean() for jump in range(self.longest)])
        self.typical = max(float(mean), 1e-6)
        self._held = None if held is None or not held.any() else held * np.float32(self.typical)
        if self._held is not None:
            for jump in range(1, self.longest + 1):
                self.differences[jump - 1, :, : self.width - jump] += held_between(self._held, jump)

    def at(self, jump: int, first: int = 0, end: int | None = None) -> Floats:
        """What a seam before column p costs in each row, where the picture goes on at p + jump: [h, end - first]."""
        end = self.width if end is None else end
        length, room = abs(jump), self.width - abs(jump)
        costs = np.full((self.height, end - first), np.inf, np.float32)
        # Going back from p by a length joins the same columns as going on by it from p - length.
        shift = length if jump < 0 else 0
        low, high = max(first, shift), min(end, room + shift)
        if high > low:
            known = slice(low - shift, high - shift)
            costs[:, low - first : high - first] = self.known(length)[:, known] if length else 0
        return costs

    def along(self, jump: int, places: NDArray[np.intp]) -> Floats:
        """What a seam costs in each row, whose places are given: [h]."""
        rows, length = np.arange(self.height), abs(jump)
        first = places - length if jump < 0 else places
        if not 0 < length <= self.longest:
            return self.at(jump)[rows, places]
        inside = (first >= 0) & (first < self.width - length)
        return np.where(inside, self.differences[length - 1, rows, np.clip(first, 0, self.width - 1)], np.inf)

    def known(self, length: int) -> Floats:
        """What going on by a length costs, in the table or longer: [h, w], inf from w - length on."""
        if length <= self.longest:
            return self.differences[length - 1]
        found = self._differences(length, 1)[0]
        if self._held is not None:
            found[:, : self.width - length] += held_between(self._held, length)
        return found

    @cached_property
    def best_seams(self) -> Floats:
        """The cheapest seam from top to bottom through (p, middle row), for all jumps: [longest, w].

        In units of `typical`, a row: 1 is what a straight seam costs at any place.
        """
        if compiled.available:
            result = np.empty((self.longest, self.width), np.float32)
            bend, scale = BEND * self.typical, self.height * self.typical
            compiled.loops.best_seams(self.differences, bend, scale, result)
            return result
        half = self.height // 2
        down = self._paths(self.differences[:, : half + 1])
        up = self._paths(self.differences[:, : half - 1 if half else None : -1])
        middle = np.where(np.isfinite(down), self.differences[:, half], 0)
        return np.asarray((down + up - middle) / (self.height * self.typical), np.float32)

    def between(self) -> Floats:
        """The cost of going on at column t where column a would follow: [t, a], inf where no jump leads there."""
        place = np.arange(self.width)
        table = np.where(place[:, None] - place > self.longest, np.float32(BEYOND), np.float32(np.inf))
        for jump in range(1, self.longest + 1):
            costs = self.best_seams[jump - 1, : self.width - jump]
            first = place[: self.width - jump]
            table[first + jump, first] = costs
            table[first, first + jump] = costs
        if self._held is not None:
            dearest = held_between(self._held, self.longest)
            for jump in range(self.longest + 1, self.width):
                dearest = np.maximum(dearest[:, :-1], self._held[:, jump - 1 : -1])
                first = place[: self.width - jump]
                table[first + jump, first] += dearest.mean(axis=0) / np.float32(self.typical)
        return table

    def _differences(self, first: int, jumps: int) -> Floats:
        """Squared differences beside seams, for some lengths of jumps from the first one on: [jumps, h, w]."""
        result = np.empty((jumps, self.height, self.width), np.float32)
        if compiled.available:
            compiled.loops.differences(self._planes, first, SHARE_AROUND, result)
            return result
        for at, jump in enumerate(range(first, first + jumps)):
            result[at, :, : self.width - jump] = self._difference(jump)
            result[at, :, self.width - jump :] = np.inf
        return result

    def _difference(self, jump: int) -> Floats:
        """Squared differences beside seams where the picture goes on `jump` px further: [h, w - jump]."""
        room = self.width - jump
        square = np.zeros((self.height, room + 2 * BESIDE - 1), np.float32)
        middle = square[:, BESIDE : BESIDE + room]
        for plane in self._planes:
            pixels = plane[:, :-jump] - plane[:, jump:]
            pixels *= pixels
            middle += pixels
        square[:, :BESIDE] = middle[:, :1]
        square[:, BESIDE + room :] = middle[:, -1:]
        total = square[:, :room].copy()
        for beside in range(1, 2 * BESIDE):
            total += square[:, beside : beside + room]
        total *= (1 - SHARE_AROUND) / (2 * BESIDE * len(self._planes))
        wide = np.pad(np.cumsum(middle, axis=1), ((0, 0), (1, 0)))
        column = np.arange(room)
        first, last = np.maximum(column - AROUND, 0), np.minimum(column + AROUND, room)
        total += (wide[:, last] - wide[:, first]) * (SHARE_AROUND / ((last - first) * len(self._planes)))
        return total

    def _paths(self, rows: Floats) -> Floats:
        """The cheapest paths down to each column of the last row: [longest, w] of [longest, rows, w]."""
        bend = BEND * self.typical
        so_far = rows[:, 0].copy()
        padded = np.full((self.longest, self.width + 2 * SLOPE), np.inf, np.float32)
        beside = np.empty_like(so_far)
        for row in rows.swapaxes(0, 1)[1:]:
            padded[:, SLOPE:-SLOPE] = so_far
            for step in range(SLOPE, 0, -1):
                left, right = SLOPE - step, SLOPE + step
                np.minimum(padded[:, left : left + self.width], padded[:, right : right + self.width], out=beside)
                beside += bend * step
                np.minimum(so_far, beside, out=so_far)
            so_far += row
        return so_far


def held_between(held: Floats, length: int) -> Floats:
    """The dearest of `length` columns from each one on: [h, w - length]."""
    # Running maxima over powers of two, two of which cover any length.
    covered, best = 1, held
    while covered * 2 <= length:
        best = np.maximum(best[:, :-covered], best[:, covered:])
        covered *= 2
    room = held.shape[1] - length
    return np.maximum(best[:, :room], best[:, length - covered : length - covered + room])
