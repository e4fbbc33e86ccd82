"""From the seams of a small version of a picture to those of a larger one: near them, at the larger one's detail.

Each seam moves by a few pixels, in each row by itself, and each jump's length changes by a few, so that the lengths'
sum is what the output's size asks for and the seams together show least.
"""

import numpy as np
from numpy.typing import NDArray

from ingan_fast.layout import compiled
from ingan_fast.layout.ends import are_crops
from ingan_fast.layout.pictures import Mask, seen
from ingan_fast.layout.seam_costs import AROUND, BESIDE, SHARE_AROUND, Floats
from ingan_fast.layout.seams import Places, Seams

SAMPLES = 9  # number of pixels compared in the wider surroundings of a seam
STEP = 4.0  # maximum scale factor from one version of the picture to the next
SLOPE = 2  # px; maximum sideways step of a seam per row
BEND = 1e-2  # cost of a sideways step of one px, as a squared difference of values in [0, 1]
MOST_SHOWN = 4  # px per row of removed content after which showing more costs nothing more
OUTSIDE = 1e2  # cost of a place outside the picture, or of a forbidden one
NEVER = 1e4  # cost of moving a crop: higher than the cost of showing removed content
ALIGNED = 4  # px; shifts by a multiple of it are copies at half and quarter size, too
MISALIGNED = 0.25  # cost of another shift, as a fraction of what a seam shows


def refine(
    picture: NDArray,
    seams: Seams,
    scale: float,
    count: int,
    keep: Mask | None = None,
    remove: Mask | None = None,
    closed: bool = False,
    in_order: bool = False,
    aligned: bool = False,
) -> Seams:
    """The seams in a larger version of the picture they were found in.

    Args:
        picture: [h, w, channels], the larger version, as for `pictures.seen`.
        seams: of the smaller one.
        scale: the larger one's width beside the smaller one's.
        count: the columns that are wanted of the larger one.
        keep: [h, w], what must be neither left out nor repeated.
        remove: [h, w], what must not be shown.
        closed: seams end in the column in which they begin.
        in_order: each seam stays behind the place of the one before, also where that one goes back.
        aligned: whether pieces are better shifted by multiples of `ALIGNED`.
    """
    height, width = picture.shape[:2]
    places = _enlarged(seams.places, height, scale)
    lengths = np.round(seams.lengths * scale).astype(np.intp)
    left_over = width - count - int(lengths.sum())
    reach = max(int(np.ceil(scale)), -(-abs(left_over) // len(lengths)))
    around = int(np.ceil(scale)) + 2
    costs = _band_costs(picture, places, lengths, around, reach, scale)  # [2 reach + 1, n, h, 2 around + 1]
    for crop in np.flatnonzero(are_crops(seams.places, seams.lengths, round(width / scale))):
        _hold_crop(costs[:, crop], int(places[crop, 0]), width - int(lengths[crop]))
    for mask, counts in ((keep, True), (remove, False)):
        if mask is not None:
            _add_mask(costs, mask, places, lengths, around, reach, counts)
    changes = _changes(_path_costs(costs), left_over, np.cumsum(lengths) if aligned else None)
    chosen = costs[changes + reach, np.arange(len(lengths))]
    found = _paths(chosen)
    if closed:
        ends = places[:, :1] + found[:, :1] - places[:, [0, -1]]  # the column of the first row, in both rows' bands
        for end, row in ((0, 0), (1, -1)):
            chosen[:, row][np.arange(2 * around + 1) != ends[:, end, None]] += OUTSIDE
        found = _paths(chosen)
    moved = places + found - around
    return Seams(lengths + changes, _apart(moved, lengths + changes, width, in_order))


def _enlarged(places: Places, height: int, scale: float) -> Places:
    rows = (np.arange(height) + 0.5) * (places.shape[1] / height) - 0.5
    known = np.arange(places.shape[1])
    return np.stack([np.interp(rows, known, line) * scale for line in places]).round().astype(np.intp)


def _band_costs(picture: NDArray, places: Places, lengths: Places, around: int, reach: int, scale: float) -> Floats:
    """What each seam shows at each place near it, for each change of its jump's length."""
    height, width = picture.shape[:2]
    result = np.zeros((2 * reach + 1, *places.shape, 2 * around + 1), np.float32)
    spread = np.round(np.linspace(-AROUND, AROUND, SAMPLES) * scale).astype(np.int64)
    if compiled.available:
        kind = picture.dtype.char if picture.dtype.char in "BH" else "f"
        pixels = np.ascontiguousarray(picture, kind)
        at, jumps = places.astype(np.int64), lengths.astype(np.int64)
        compiled.loops.band_costs(pixels, kind, at, jumps, spread, 1 - SHARE_AROUND, SHARE_AROUND, OUTSIDE, result)
        return result
    rows = np.arange(height)[None, :, None]
    near = np.arange(-around - BESIDE, around + BESIDE)
    far = np.arange(near[0] - reach, near[-1] + reach + 1)
    before = seen(picture[rows, np.clip(places[..., None] + near, 0, width - 1)])  # [n, h, places, channels]
    after = places[..., None] + lengths[:, None, None]
    continued = seen(picture[rows, np.clip(after + far, 0, width - 1)])
    at = places[..., None] + np.arange(-around, around + 1)
    wide = seen(picture[rows, np.clip(places[..., None] + spread, 0, width - 1)])
    for change in range(2 * reach + 1):
        square = _squares(before - continued[:, :, change : change + len(near)])
        square *= (1 - SHARE_AROUND) / (2 * BESIDE * before.shape[3])
        for beside in range(2 * BESIDE):
            result[change] += square[..., beside : beside + 2 * around + 1]
        square = _squares(wide - seen(picture[rows, np.clip(after + spread + (change - reach), 0, width - 1)]))
        total = np.asarray(sum(square[..., sample] for sample in range(SAMPLES)))
        result[change] += np.float32(SHARE_AROUND) * (total / np.float32(SAMPLES * wide.shape[3]))[..., None]
        goes_on = at + (lengths + change - reach)[:, None, None]
        result[change][(goes_on < 0) | (goes_on > width) | (at < 0) | (at > width)] = OUTSIDE
    return result


def _hold_crop(costs: Floats, place: int, end: int) -> None:
    """Let a crop begin with the picture or end with it.

    Args:
        costs: [2 reach + 1, h, 2 around + 1], of this one seam; changed in place.
        place: of the seam.
        end: where its place would be if it ended with the picture as long as it is.
    """
    reach, around = costs.shape[0] // 2, costs.shape[2] // 2
    costs[:] = NEVER
    for change in range(-reach, reach + 1):
        wanted = 0 if place == 0 else end - change
        if abs(wanted - place) <= around:
            costs[change + reach, :, wanted - place + around] = 0


def _squares(pixels: Floats) -> Floats:
    """Sums of squares over the channels, added up in the order in which the compiled loops do."""
    result = pixels[..., 0] * pixels[..., 0]
    for channel in range(1, pixels.shape[-1]):
        result += pixels[..., channel] * pixels[..., channel]
    return np.asarray(result, np.float32)


def _add_mask(costs: Floats, mask: Mask, places: Places, lengths: Places, around: int, reach: int, keep: bool) -> None:
    """Make seams dear that leave out or repeat any of the mask (`keep`), or that show more of it than need be."""
    width = mask.shape[1]
    rows = np.arange(len(mask))[None, :, None]
    at = places[..., None] + np.arange(-around, around + 1)
    before = kept_before(mask)
    first = before[rows, np.clip(at, 0, width)]
    parts = [
        first - before[rows, np.clip(at + (lengths + change - reach)[:, None, None], 0, width)]
        for change in range(2 * reach + 1)
    ]
    shown = np.stack(parts)
    if keep:
        costs[shown != 0] += OUTSIDE
    else:
        costs += np.minimum(shown - shown.min(axis=(0, -1), keepdims=True), MOST_SHOWN) * np.float32(OUTSIDE)


def kept_before(keep: Mask) -> NDArray[np.int32]:
    """How many pixels of each row are kept before each column: [h, w + 1]."""
    return np.pad(np.cumsum(keep, axis=1, dtype=np.int32), ((0, 0), (1, 0)))


def _path_costs(costs: Floats) -> Floats:
    """What the cheapest path costs: [k, n] of [k, n, h, places]."""
    if compiled.available:
        least = np.empty(costs.shape[:2], np.float32)
        compiled.loops.path_costs(costs, BEND, least)
        return least
    so_far = costs[..., 0, :].copy()
    for row in range(1, costs.shape[-2]):
        so_far = _went_on(so_far) + costs[..., row, :]
    return np.asarray(so_far.min(axis=-1))


def _paths(costs: Floats) -> Places:
    """The cheapest path's place in each row: [n, h] of [n, h, places]."""
    count, height, room = costs.shape
    if compiled.available:
        found = np.empty((count, height), np.int64)
        compiled.loops.paths(costs, BEND, found)
        return found
    reached = np.empty((height, count, room), np.float32)
    reached[0] = costs[:, 0]
    for row in range(1, height):
        reached[row] = _went_on(reached[row - 1]) + costs[:, row]
    result = np.empty((count, height), np.intp)
    place = reached[-1].argmin(axis=1)
    result[:, -1] = place
    steps = np.arange(-SLOPE, SLOPE + 1)
    each = np.arange(count)[:, None]
    for row in range(height - 1, 0, -1):
        options = place[:, None] + steps
        outside = (options < 0) | (options >= room)
        options = np.clip(options, 0, room - 1)
        prices = np.where(outside, np.inf, reached[row - 1][each, options] + BEND * np.abs(steps))
        place = options[each[:, 0], prices.argmin(axis=1)]
        result[:, row - 1] = place
    return result


def _went_on(so_far: Floats) -> Floats:
    """The cheapest cost to come to each place of the next row from."""
    best = so_far.copy()
    for step in range(1, SLOPE + 1):
        price = np.float32(BEND * step)
        np.minimum(best[..., step:], so_far[..., :-step] + price, out=best[..., step:])
        np.minimum(best[..., :-step], so_far[..., step:] + price, out=best[..., :-step])
    return best


def _changes(costs: Floats, total: int, shifts: Places | None = None) -> Places:
    """The changes of lengths [n] that cost least together and whose sum is `total`.

    Args:
        costs: [changes, n].
        total: the sum.
        shifts: [n], of the pieces after the seams without changes; multiples of `ALIGNED` are then better.
    """
    options, count = costs.shape
    reach = options // 2
    room = count * reach
    best = np.full((count + 1, 2 * room + 1), np.inf)
    best[0, room] = 0
    for seam in range(count):
        padded = np.pad(best[seam], reach, constant_values=np.inf)
        moves = [padded[2 * reach - option : 2 * reach - option + 2 * room + 1] for option in range(options)]
        best[seam + 1] = (np.stack(moves) + costs[:, seam, None]).min(axis=0)
        if shifts is not None:
            misaligned = (shifts[seam] + np.arange(-room, room + 1)) % ALIGNED != 0
            best[seam + 1] += MISALIGNED * np.median(costs.min(axis=0)) * misaligned
    changes = np.empty(count, np.intp)
    place = room + total
    for seam in range(count - 1, -1, -1):
        before = place - np.arange(options) + reach
        inside = (before >= 0) & (before <= 2 * room)
        prices = np.where(inside, best[seam][np.clip(before, 0, 2 * room)] + costs[:, seam], np.inf)
        option = int(prices.argmin())
        changes[seam] = option - reach
        place -= option - reach
    return changes


def _apart(places: Places, lengths: Places, width: int, in_order: bool) -> Places:
    """Places in order, with at least a column between two seams, and none outside the picture."""
    result = places.copy()
    forward = np.maximum(lengths, 0) if in_order else lengths
    for seam, length in enumerate(lengths):
        low = np.full(result.shape[1], max(0, -length))
        if seam:
            low = np.maximum(low, result[seam - 1] + forward[seam - 1] + 1)
        result[seam] = np.maximum(result[seam], low)
    for seam in range(len(lengths) - 1, -1, -1):
        high = np.full(result.shape[1], min(width, width - lengths[seam]))
        if seam + 1 < len(lengths):
            high = np.minimum(high, result[seam + 1] - forward[seam] - 1)
        result[seam] = np.minimum(result[seam], high)
    return result
