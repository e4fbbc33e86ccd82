"""Code shared by the patch methods: pyramids, patch matching between two pictures, and voting.

Pictures are float32 [3, h, w] in [0, 1]. Patches are 7x7, stride 1: a picture has (h - 6) x (w - 6), numbered in
raster order. Matching is exact for few pairs, which is where the layout is decided; on finer levels, matches are
carried over from the coarser level and improved by PatchMatch (Barnes et al., SIGGRAPH 2009).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ingan_fast.pictures import Pixels
from ingan_fast.quality.patches import PATCH

EXACT_PAIRS = 30_000_000  # take a tenth of a second on one core
BLOCK = 2048  # queries per block, so that the working set fits into the cache
REACH = 4  # each random search radius is this factor smaller than the previous one, down to a pixel

COARSEST = 20  # px of the source's shorter side at the coarsest level, about three patches
RATIO = 0.75  # scale between levels

Shape = tuple[int, int]  # (height, width) in pixels


class PatchSet:
    """All patches of a picture."""

    def __init__(self, image: Tensor):
        self.image = image
        self.rows, self.columns = image.shape[1] - PATCH + 1, image.shape[2] - PATCH + 1
        windows = image.unfold(1, PATCH, 1).unfold(2, PATCH, 1)  # [3, rows, columns, 7, 7]
        self.values = windows.permute(1, 2, 0, 3, 4).reshape(len(self), -1)  # [n, 147]

    def __len__(self) -> int:
        return self.rows * self.columns

    def corners(self) -> Tensor:
        """Index (raster order) of the pixel at each patch's top left corner: int64 [n]."""
        return self.pixels(torch.arange(len(self)))

    def pixels(self, index: Tensor) -> Tensor:
        """Index of the pixel at the top left corner of the patches at `index`."""
        return index // self.columns * self.image.shape[2] + index % self.columns


@dataclass(frozen=True)
class Matches:
    """For each patch of one picture (query), a patch of another one (key)."""

    queries: PatchSet
    keys: PatchSet
    index: Tensor  # int64 [n]: index of the key
    cost: Tensor  # float32 [n]: mean squared difference of the values, times the key's weight


def match(
    queries: PatchSet,
    keys: PatchSet,
    rng: torch.Generator,
    weights: Tensor | None = None,
    start: Matches | None = None,
) -> Matches:
    """The nearest key of each query: exact up to `EXACT_PAIRS` pairs or without `start`, else PatchMatch from `start`.

    Args:
        weights: float32 [keys], factors of the keys' distances.
        start: matches of the same two pictures, possibly at another resolution.
    """
    if weights is None:
        weights = torch.ones(len(keys))
    if start is None or len(queries) * len(keys) <= EXACT_PAIRS:
        return _exact(queries, keys, weights)
    return _improved(_carried(start, queries, keys), queries, keys, weights, rng)


def _exact(queries: PatchSet, keys: PatchSet, weights: Tensor) -> Matches:
    """All pairs: |q - p|² = |q|² + |p|² - 2 q·p, centred at the keys' mean to keep rounding small."""
    centre = keys.values.mean(0)
    values = keys.values - centre
    turned, squares = (-2 * values).t(), values.square().sum(1)
    index = torch.empty(len(queries), dtype=torch.int64)
    cost = torch.empty(len(queries))
    for first in range(0, len(queries), BLOCK):
        part = slice(first, first + BLOCK)
        rows = queries.values[part] - centre
        distance = torch.addmm(squares, rows, turned).add_(rows.square().sum(1, keepdim=True)).clamp_min_(0)
        distance.mul_(weights)
        best = torch.from_numpy(distance.numpy().argmin(1))  # NumPy's argmin is vectorised, ten times faster
        index[part] = best
        cost[part] = distance.gather(1, best[:, None])[:, 0] / keys.values.shape[1]
    return Matches(queries, keys, index, cost)


def _carried(start: Matches, queries: PatchSet, keys: PatchSet) -> Tensor:
    """Carry over another resolution's matches: each patch gets the displacement of the nearest one, scaled."""
    rows = _at_scale(queries.rows, queries.image.shape[1], start.queries.rows, start.queries.image.shape[1])
    columns = _at_scale(queries.columns, queries.image.shape[2], start.queries.columns, start.queries.image.shape[2])
    index = start.index.view(start.queries.rows, start.queries.columns)[rows][:, columns]
    down, right = index // start.keys.columns - rows[:, None], index % start.keys.columns - columns
    down = (down * (keys.image.shape[1] / start.keys.image.shape[1])).round().long()
    right = (right * (keys.image.shape[2] / start.keys.image.shape[2])).round().long()
    row = (torch.arange(queries.rows)[:, None] + down).clamp(0, keys.rows - 1)
    column = (torch.arange(queries.columns) + right).clamp(0, keys.columns - 1)
    return (row * keys.columns + column).flatten()


def _at_scale(count: int, side: int, other_count: int, other_side: int) -> Tensor:
    """For each of `count` patches along a side, the patch with the nearest centre at another resolution: int64."""
    centres = (torch.arange(count) + PATCH / 2) * (other_side / side)
    return (centres - PATCH / 2).round().long().clamp(0, other_count - 1)


def _improved(index: Tensor, queries: PatchSet, keys: PatchSet, weights: Tensor, rng: torch.Generator) -> Matches:
    """One sweep of PatchMatch: propagation from the four neighbours, then random search with shrinking radius."""
    matches = Matches(queries, keys, index, _costs(queries, keys, torch.arange(len(queries)), index, weights))
    for shift in ((0, 1), (1, 0), (0, -1), (-1, 0)):
        neighbour = matches.index.view(queries.rows, queries.columns).roll(shift, (0, 1)).flatten()
        _consider(matches, _moved(neighbour, keys, *shift), weights)
    for reach in _reaches(max(keys.rows, keys.columns)):
        down, right = (torch.randint(-reach, reach + 1, (len(queries),), generator=rng) for _ in range(2))
        _consider(matches, _moved(matches.index, keys, down, right), weights)
    return matches


def _reaches(longest: int) -> Iterator[int]:
    while longest >= 1:
        yield longest
        longest //= REACH


def _moved(index: Tensor, keys: PatchSet, down: Tensor | int, right: Tensor | int) -> Tensor:
    """The keys displaced by (down, right) from those at `index`, clamped to the border."""
    row = (index // keys.columns + down).clamp(0, keys.rows - 1)
    column = (index % keys.columns + right).clamp(0, keys.columns - 1)
    return row * keys.columns + column


def _consider(matches: Matches, candidates: Tensor, weights: Tensor) -> None:
    """Accept candidates (a key for each query) that are better, in place."""
    asked = (candidates != matches.index).nonzero().flatten()
    costs = _costs(matches.queries, matches.keys, asked, candidates[asked], weights)
    better = costs < matches.cost[asked]
    matches.cost[asked[better]] = costs[better]
    matches.index[asked[better]] = candidates[asked[better]]


def _costs(queries: PatchSet, keys: PatchSet, asked: Tensor, index: Tensor, weights: Tensor) -> Tensor:
    """Costs of the queries numbered `asked`, each with the key at `index`."""
    costs = [torch.empty(0)]
    for some, theirs in zip(asked.split(BLOCK), index.split(BLOCK), strict=True):
        difference = keys.values.index_select(0, theirs) - queries.values.index_select(0, some)
        costs.append(torch.linalg.vecdot(difference, difference) / difference.shape[1] * weights[theirs])
    return torch.cat(costs)


class Ballot:
    """Accumulates votes: a picture as the weighted mean of overlapping patches."""

    def __init__(self, shape: Shape):
        self.shape = shape
        self.sums = torch.zeros(shape[0] * shape[1], 4)  # colours times weight, weight

    def vote(self, given: PatchSet, chosen: Tensor, places: Tensor, weight: float = 1.0) -> None:
        """Copy the patches of `given` at pixels `chosen` (top left corners) to pixels `places` of this picture."""
        colours = F.pad(given.image.flatten(1).t(), (0, 1), value=1.0) * weight  # [pixels, 4]
        for row in range(PATCH):
            for column in range(PATCH):
                pixels = colours.index_select(0, chosen + (row * given.image.shape[2] + column))
                self.sums.index_add_(0, places + (row * self.shape[1] + column), pixels)

    def result(self) -> Tensor:
        """[3, h, w]."""
        return (self.sums[:, :3] / self.sums[:, 3:]).t().reshape(3, *self.shape).contiguous()


def to_pixels(image: Tensor) -> Pixels:
    """[3, h, w] in [0, 1] -> uint8 [h, w, 3]."""
    values = (image * 255).round().clamp(0, 255).to(torch.uint8)
    return np.ascontiguousarray(values.permute(1, 2, 0).numpy())


def resized(image: Tensor, shape: Shape) -> Tensor:
    """Bicubic, antialiased, within [0, 1]: [3, h, w] -> [3, *shape]."""
    if image.shape[1:] == shape:
        return image
    return F.interpolate(image[None], shape, mode="bicubic", antialias=True)[0].clamp(0, 1)


def level_factors(shapes: list[Shape]) -> list[float]:
    """Resolutions of a pyramid, from coarsest to 1, each `RATIO` of the next one.

    At each, the first shape has at least `COARSEST` px a side, the others two patches.
    """
    least = max(COARSEST / min(shapes[0]), *(2 * PATCH / min(shape) for shape in shapes))
    factors = [1.0]
    while factors[-1] * RATIO >= least:
        factors.append(factors[-1] * RATIO)
    return factors[::-1]


def scaled(shape: Shape, factor: float) -> Shape:
    return max(round(shape[0] * factor), PATCH), max(round(shape[1] * factor), PATCH)
