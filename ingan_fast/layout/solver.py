"""One axis of a layout: from a small picture's tables and a width to seams.

What counts is what the seams show, how far things are from where a plain resize would have them, and how much the
distribution of colours changes. The jumps that are best for the sum of the first two, and of any price for showing a
column, are found exactly; the prices follow from the distribution that the last answer had (a dual ascent). The best
few of these answers are bent, and the one is taken that is best as it is seen.
"""

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ingan_fast.layout.details import Details, coarse_shapes
from ingan_fast.layout.drawing import copy_pieces
from ingan_fast.layout.ends import Ends, anywhere, are_crops, at_borders
from ingan_fast.layout.frequency import Balance, balances
from ingan_fast.layout.jumps import Jump, best_jumps, shown_columns
from ingan_fast.layout.likeness import Likeness
from ingan_fast.layout.periods import most_repeated
from ingan_fast.layout.polishing import SCATTERED, Polisher
from ingan_fast.layout.repeats import best_repeats
from ingan_fast.layout.seam_costs import FORBIDDEN, Floats, SeamCosts
from ingan_fast.layout.seams import Seams, bend, opening_outward, parts, straight, while_growing
from ingan_fast.layout.things import find

# Fixed cost of each jump, in mean seam costs of the picture: a few long repeats look better than many short ones.
JUMP_LARGER = 0.3  # in larger outputs, up to `SCATTERED`, of what is full of detail; not of things on a ground
JUMP = 0.04  # elsewhere: in smaller ones, many short jumps keep more of the picture; in videos they move less at once
PLACE = 4.0  # weight of the mean squared distance, in widths, from the position in a plain resize
PLACE_MOVING = 24.0  # the same in videos: what is far from that position moves faster than in a plain resize
PLACES = (4.0, 16.0, 64.0)  # values of the place weight that are tried to find candidates
ROUNDS = 4  # updates of the column prices for each place weight
STEP = 2.0  # step size of a price update
POLISHED = 6  # number of candidates that are improved by small changes (`polishing.Polisher`)
POLISHED_SCATTERED = 12  # the same number for outputs that are large enough to show a period
PERIOD = 0.5  # extra cost there, as a fraction of the cost, times the fraction of columns that recur at one distance
BENT = (3, 3, 3, *[1] * 5)  # number of candidates whose seams are bent in the first round, the second round, and so on
BENT_REMOVING = 6  # the first number where something must go: costs of jumps do not tell that seams can't go around it
BENT_STEP = 0.2  # step size of an update of the pixel prices while seams are bent
RUN = 0.03  # fraction of the width; smallest distance between two jumps
MANY = 400_000  # output width x source width above which fewer rounds are run
# Cost per row for a seam that leaves out or repeats a part of a single object.
SPARED = 20.0  # it has to outweigh many jumps beside a small object
SPARED_MOVING = 4.0  # the same in videos
SPARED_BY_CROPS = 1.4  # the same of a crop: an object that the border cuts looks better than one without its middle
REMOVED = 100.0  # cost per row of showing a pixel that is to be removed
TABLES = 8  # number of cost tables that take turns along a large output, so that the same jump does not recur
VARIED = 0.6  # fraction of the costs by which these tables differ
GRAIN = 16  # number of random factors, of jump lengths

Mask = NDArray[np.bool_]


class _Trial:
    """A candidate that is bent again and again, each time with prices of pixels that follow from the last time.

    Attributes:
        seams: as they are now.
        repeated: what bending does not change: lengths and distances that recur, and in videos positions.
        pressures: what each feature's deviation costs.
        best: the seams that were best.
        best_cost: of them, by all that is seen.
    """

    def __init__(self, seams: Seams, repeated: float, features: Floats):
        self.seams, self.repeated = seams, repeated
        self.best, self.best_cost = seams, np.inf
        self.pressures = np.zeros_like(features)

    def goes_on(self, seams: Seams, cost: float, step: Floats, most: float) -> None:
        self.seams = seams
        if cost < self.best_cost:
            self.best, self.best_cost = seams, cost
        self.pressures = np.clip(self.pressures + step, -most, most)


class Axis:
    """Lays a picture out along its width.

    Args:
        picture: float32 [h, w, channels] in [0, 1], small.
        keep: [h, w], what must be neither left out nor repeated.
        remove: [h, w], what must not be shown.
        spare: [h, w], what had better be neither left out nor repeated.
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
        cropped: bool = False,
        smaller: bool = False,
        moving: bool = False,
        upright: bool = False,
    ):
        things = find(picture)
        self._has_things = things is not None

        def held(price: float) -> Floats:
            prices = np.zeros(picture.shape[:2], np.float32)
            for mask, each in ((spare, price), (keep, FORBIDDEN)):
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
        self._balances = balances(picture, spare)
        self.likeness: Likeness | None = None  # of the picture that outputs are compared in, once that is needed
        self.removed = None if remove is None or not remove.any() else remove * np.float32(REMOVED)
        self.between = self.costs.between()
        self._times_dearer = 1.0

    def solve(self, count: int, closed: bool = False, any_change: bool = False, one_way: bool = False) -> Seams:
        """The best seams of an output `count` columns wide.

        Args:
            count: its columns.
            closed: seams end in the column in which they begin.
            any_change: at least one seam, also where the width stays.
            one_way: jumps that only repeat, or only leave out, each further on in the picture than the one before.
        """
        first = BENT[0] if self.removed is None else BENT_REMOVING
        candidates = self.candidates(count, self.costs_of_jumps(count, one_way), any_change, one_way, first)
        return self.bent(candidates, count, closed, one_way, (first, *BENT[1:]))

    def weighted(self, times: float) -> "Axis":
        """The same, with as many times the weight for the distribution of colours."""
        other = copy(self)
        smaller, larger = (replace(each, weight=each.weight * times) for each in self._balances)
        other._balances = smaller, larger
        return other

    def dearer(self, times: float) -> "Axis":
        """The same, with as many times the fixed cost of jumps."""
        other = copy(self)
        other._times_dearer = self._times_dearer * times
        return other

    def balance(self, count: int) -> Balance:
        """What the distribution of colours counts for an output `count` columns wide."""
        return self._balances[count > self.costs.width]

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

    def candidates(
        self, count: int, between: Floats, any_change: bool = False, one_way: bool = False, most: int = BENT[0]
    ) -> list[tuple[list[Jump], float]]:
        """The best few sets of jumps by these costs with straight seams, and what repeated lengths cost in each.

        Args:
            count: columns of the output.
            between: what jumps cost, as from `costs_of_jumps`.
            any_change: see `solve`.
            one_way: see `solve`.
            most: number of sets, at most.
        """
        found = self._best(count, between, one_way, most)
        if not found and any_change:
            middle = self.costs.width // 4
            place = middle + int(self.costs.best_seams[0, middle : -middle - 1].argmin())
            found = [([Jump(place, 0)], 0.0)]
        return found or [([], 0.0)]

    def narrowest(self, least: int) -> int:
        """The fewest columns, `least` or more, that keep what is to be kept."""
        low, high = least, self.costs.width
        while low < high:
            middle = (low + high) // 2
            nothing = np.zeros((middle, self.costs.width), np.float32)
            jumps = best_jumps([self.between], nothing, self._run(middle), at_borders(self.costs.width))
            cost = sum(float(self.between[jump.place + jump.length, jump.place]) for jump in jumps)
            low, high = (middle + 1, high) if cost > FORBIDDEN / self.costs.height / 2 else (low, middle)
        return low

    def _run(self, count: int) -> int:
        """The fewest columns between two jumps."""
        shorter = min(self.costs.width, count)
        return min(max(4, round(RUN * shorter)), shorter // 2)

    def _lengths_varied(self) -> Iterator[Floats]:
        """Factors of costs [w, w] by the jump's length, so that different parts of an output prefer different ones."""
        columns = np.arange(self.costs.width)
        length = np.abs(columns[:, None] - columns)
        knots = np.arange(0, self.costs.width + GRAIN, max(1, self.costs.width // GRAIN))
        for factors in np.random.default_rng(0).uniform(1 - VARIED, 1 + VARIED, (TABLES, len(knots))):
            yield np.interp(length, knots, factors).astype(np.float32)

    def _best(self, count: int, between: Floats, one_way: bool, most: int) -> list[tuple[list[Jump], float]]:
        """The same as `candidates`; empty where there is nothing to jump over."""
        width = self.costs.width
        run = self._run(count)
        wanted = (np.arange(count) + 0.5) * (width / count) - 0.5
        away = (np.square(np.arange(width) - wanted[:, None]) / (width**2 * count)).astype(np.float32)
        removed = np.float32(0) if self.removed is None else self.removed.mean(axis=0)
        ends = self.ends if not one_way and (count < width or self.removed is not None) else at_borders(width)
        place = PLACE_MOVING if one_way else PLACE
        balance = self.balance(count)
        polisher = Polisher(between, place * away + removed, balance.frequencies, balance.weight, run, ends, one_way)
        candidates = sorted(self._candidates(between, away, removed, run, one_way, ends), key=polisher.cost)
        found: list[list[Jump]] = []
        scattered = count >= SCATTERED * width and not one_way  # in videos, repeats grow one after another
        for candidate in candidates[: max(most, POLISHED_SCATTERED if scattered else POLISHED)]:
            jumps = polisher.polish(candidate)
            if jumps not in found:
                found.append(jumps)

        def period(jumps: list[Jump]) -> float:
            return PERIOD * polisher.cost(jumps) * most_repeated(jumps, width, count) if scattered else 0.0

        def position(jumps: list[Jump]) -> float:
            return place * float(away[np.arange(count), shown_columns(jumps, width)].sum()) if one_way else 0.0

        best = sorted(found, key=lambda jumps: polisher.cost(jumps) + period(jumps))[:most]
        return [(jumps, polisher.repeated(jumps) + period(jumps) + position(jumps)) for jumps in best]

    def _candidates(
        self, between: Floats, away: Floats, removed: Floats | np.float32, run: int, one_way: bool, ends: Ends
    ) -> Iterator[list[Jump]]:
        """Jumps that are best for some strength of places and some prices; `away` is [Wo, w]."""
        count, width = away.shape
        known: list[list[Jump]] = []
        tables = [between] if count < SCATTERED * width else [between * each for each in self._lengths_varied()]
        rounds = max(1, min(ROUNDS, round(ROUNDS * MANY / (count * width))))
        balance = self.balance(count)
        frequencies, weight = balance.frequencies, balance.weight
        for strength in PLACES:
            pressures = np.zeros_like(frequencies.source)
            for turn in range(rounds):
                shown = away * np.float32(strength) + frequencies.prices(pressures) / count + removed
                if one_way and count > width:
                    jumps = best_repeats(between, shown, run, self.costs.longest)
                else:
                    jumps = best_jumps(tables, shown, run, ends)
                tables = [*tables[1:], tables[0]]
                if jumps and jumps not in known:
                    known.append(jumps)
                    yield jumps
                deviations = frequencies.deviations(shown_columns(jumps, width))
                pressures += weight * STEP / (turn + 1) * deviations / frequencies.scale
                np.clip(pressures, -weight, weight, out=pressures)

    def bent(
        self,
        candidates: list[tuple[list[Jump], float]],
        count: int,
        closed: bool = False,
        in_order: bool = False,
        rounds: Sequence[int] = BENT,
        besides: NDArray[np.float64] | None = None,
    ) -> Seams:
        """The best that bending makes of any of the candidates, by what it costs as it is seen.

        Bent seams show other pixels than straight ones. So pixels get prices, as columns do before.

        Args:
            candidates: jumps, and what repeated lengths cost in them.
            count: columns of the output.
            closed: see `solve`.
            in_order: each seam stays behind the place of the one before, also where that one goes back.
            rounds: how many of the candidates are bent in each round.
            besides: [h, w + 1], what else it costs to show all pixels of a row before each column, by which seams find
                other ways; the choice among rounds does not see it.
        """
        balance = self.balance(count)
        frequencies, weight = balance.frequencies, balance.weight
        trials = [
            _Trial(straight(jumps, self.costs.height), repeated, frequencies.source) for jumps, repeated in candidates
        ]
        start = self._shown_before(np.zeros_like(frequencies.source), count, besides)
        for turn, bent in enumerate(rounds):
            trials = sorted(trials, key=lambda trial: trial.best_cost)[:bent]
            before = [self._shown_before(trial.pressures, count, besides) if turn else start for trial in trials]
            seams = bend(self.costs, [trial.seams for trial in trials], before, closed, in_order)
            for trial, each in zip(trials, seams, strict=True):
                deviations = frequencies.deviations_of_pieces(each)
                cost = trial.repeated + self.seen_cost(each, in_order) + weight * float(np.abs(deviations).sum())
                trial.goes_on(each, cost, weight * BENT_STEP * deviations / frequencies.scale, weight)
        return min(trials, key=lambda trial: trial.best_cost).best

    def seen_cost(self, seams: Seams, growing: bool = False) -> float:
        """What bent seams show, at their whole lengths or while they grow, and what is shown that is to be removed."""
        cost = self._seam_cost(seams, growing)
        if self.removed is not None:
            cost += float(copy_pieces(self.removed, seams).sum() / self.costs.height)
        return cost

    def _shown_before(self, pressures: Floats, count: int, besides: NDArray[np.float64] | None) -> NDArray[np.float64]:
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
