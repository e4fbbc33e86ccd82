"""One axis of a picture, prepared to be laid out: its tables, and what jumps, seams and crops cost.

What counts is what the seams show, what they leave out or repeat of single objects and of what is kept or removed, and
how much the distribution of colours changes. None of the tables depends on the output's size.
"""

from copy import copy
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ingan_fast.layout.details import Details, coarse_shapes
from ingan_fast.layout.drawing import copy_pieces
from ingan_fast.layout.ends import anywhere, are_crops, at_borders
from ingan_fast.layout.frequency import MUCH_SMALLER, Balance, balances
from ingan_fast.layout.jumps import best_jumps
from ingan_fast.layout.likeness import Likeness
from ingan_fast.layout.pictures import Mask
from ingan_fast.layout.polishing import SCATTERED
from ingan_fast.layout.seam_costs import FORBIDDEN, Floats, SeamCosts
from ingan_fast.layout.seams import Seams, opening_outward, parts, while_growing
from ingan_fast.layout.things import find

# Fixed cost of each jump, in mean seam costs of the picture: a few long repeats look better than many short ones.
JUMP_LARGER = 0.3  # in larger outputs, up to `SCATTERED`, of what is full of detail; not of things on a ground
JUMP = 0.04  # elsewhere: in smaller ones, many short jumps keep more of the picture; in videos they move less at once
RUN = 0.03  # fraction of the width; smallest distance between two jumps
# Cost per row for a seam that leaves out or repeats a part of a single object.
SPARED = 20.0  # it has to outweigh many jumps beside a small object
SPARED_MOVING = 4.0  # the same in videos
SPARED_BY_CROPS = 1.4  # the same of a crop: an object that the border cuts looks better than one without its middle
FACES = 4.0  # times that the heads of people cost more than all else that is spared
REMOVED = 100.0  # cost per row of showing a pixel that is to be removed


class Axis:
    """A picture to be laid out along its width.

    Args:
        picture: float32 [h, w, channels] in [0, 1], small.
        keep: [h, w], what must be neither left out nor repeated.
        remove: [h, w], what must not be shown.
        spare: [h, w], what had better be neither left out nor repeated.
        faces: [h, w], what of that counts most.
        cropped: whether outputs may begin and end inside of the picture, where they are smaller or something must go.
        smaller: whether it is for smaller outputs alone. They break more, so seams are compared by coarse shapes, too.
        moving: whether it is for videos.
        upright: whether the first column is the top of the picture.
    """

    def __init__(
        self,
        picture: Floats,
        keep: Mask | None = None,
        remove: Mask | None = None,
        spare: Mask | None = None,
        faces: Mask | None = None,
        *,
        cropped: bool = False,
        smaller: bool = False,
        moving: bool = False,
        upright: bool = False,
    ):
        things = find(picture)
        self._has_things = things is not None

        def held(price: float) -> Floats:
            prices = np.zeros(picture.shape[:2], np.float32)
            for mask, each in ((spare, price), (faces, FACES * price), (keep, FORBIDDEN)):
                if mask is not None:
                    prices[mask] = each
            return prices

        self.picture, self.spares = picture, spare is not None
        self._details = Details(picture)
        cut = None if things is None else things.cut_by_columns()
        self.ends = anywhere(held(SPARED_BY_CROPS), cut, upright) if cropped else at_borders(picture.shape[1])
        compared = [picture]
        if smaller and (things is None or not things.are_all):
            compared.append(coarse_shapes(picture))
        if things is not None:
            compared.append(things.places(picture.shape[2]))
        self.costs = SeamCosts(np.concatenate(compared, axis=2), held(SPARED_MOVING if moving else SPARED))
        self._balances: tuple[Balance, ...] = balances(picture, spare)
        self.likeness: Likeness | None = None  # of the picture that outputs are compared in, once that is needed
        self.removed = None if remove is None or not remove.any() else remove * np.float32(REMOVED)
        self.between = self.costs.between()
        self._times_dearer = 1.0

    def weighted(self, times: float) -> "Axis":
        """The same, with as many times the weight for the distribution of colours."""
        other = copy(self)
        other._balances = tuple(replace(each, weight=each.weight * times) for each in self._balances)
        return other

    def dearer(self, times: float) -> "Axis":
        """The same, with as many times the fixed cost of jumps."""
        other = copy(self)
        other._times_dearer = self._times_dearer * times
        return other

    def balance(self, count: int) -> Balance:
        """What the distribution of colours counts for an output `count` columns wide."""
        much_smaller, smaller, larger = self._balances
        if count > self.costs.width:
            return larger
        return smaller if count >= MUCH_SMALLER * self.costs.width else much_smaller

    def costs_of_jumps(self, count: int, one_way: bool = False) -> Floats:
        """What jumps cost: [t, a], as for `best_jumps`."""
        larger = count > self.costs.width
        least, more = self._fixed_costs(count, one_way)
        between = self.between + np.float32(least) + np.float32(more) * self._details.between()
        if not one_way:
            return between
        columns = np.arange(self.costs.width)
        ahead = columns[:, None] >= columns if larger else columns[:, None] <= columns
        return while_growing(np.where(ahead, np.float32(np.inf), between), larger)

    def _fixed_costs(self, count: int, one_way: bool) -> tuple[float, float]:
        """The fixed cost of a jump, and how much more it is where what it repeats is full of detail."""
        larger = self.costs.width < count < SCATTERED * self.costs.width
        few = larger and not one_way and not self._has_things
        return self._times_dearer * JUMP, self._times_dearer * (JUMP_LARGER - JUMP) if few else 0.0

    def narrowest(self, least: int) -> int:
        """The fewest columns, `least` or more, that keep what is to be kept."""
        low, high = least, self.costs.width
        while low < high:
            middle = (low + high) // 2
            nothing = np.zeros((middle, self.costs.width), np.float32)
            jumps = best_jumps([self.between], nothing, self.shortest_run(middle), at_borders(self.costs.width))
            cost = sum(float(self.between[jump.place + jump.length, jump.place]) for jump in jumps)
            low, high = (middle + 1, high) if cost > FORBIDDEN / self.costs.height / 2 else (low, middle)
        return low

    def shortest_run(self, count: int) -> int:
        """The fewest columns between two jumps."""
        shorter = min(self.costs.width, count)
        return min(max(4, round(RUN * shorter)), shorter // 2)

    def seen_cost(self, seams: Seams, growing: bool = False) -> float:
        """What bent seams show, at their whole lengths or while they grow, and what is shown that is to be removed."""
        cost = self._seam_cost(seams, growing)
        if self.removed is not None:
            cost += float(copy_pieces(self.removed, seams).sum() / self.costs.height)
        return cost

    def shown_before(self, pressures: Floats, count: int, besides: NDArray[np.float64] | None) -> NDArray[np.float64]:
        """What it costs to show all pixels of a row before each column: [h, w + 1]."""
        before = self.balance(count).frequencies.shown_before(pressures, count, self.removed, self.costs.typical)
        return before if besides is None else before + besides

    def _seam_cost(self, seams: Seams, growing: bool = False) -> float:
        """What bent seams show, at their whole lengths or while they grow, and what crops cost."""
        shown, besides = 0.0, 0.0
        least, more = self._fixed_costs(self.costs.width - int(seams.lengths.sum()), growing)
        crops = are_crops(seams.places, seams.lengths, self.costs.width)
        outward = opening_outward(seams, self.costs.width)
        for length, places, is_crop, opens in zip(seams.lengths, seams.places, crops, outward, strict=True):
            if is_crop:
                besides += self.ends.cost(int(places[0]), int(length))
                continue
            besides += least + more * self._details.along(round(float(places.mean())), int(length))
            for part, shift, weight in parts(int(length), growing, bool(opens)):
                shown += weight * float(self.costs.along(part, places + shift).mean())
        return shown / self.costs.typical + besides
