"""The best layout is the best of some; variations differ visibly, are as good, and are the same every time."""

from itertools import combinations
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ingan_fast.layout import variations, versions
from ingan_fast.layout.axis import Axis
from ingan_fast.layout.comparison import Comparison, Drawn
from ingan_fast.layout.drawing import copy_pieces
from ingan_fast.layout.jumps import Jump
from ingan_fast.layout.layouts import LayoutOptions, Layouts
from ingan_fast.layout.likeness import Likeness
from ingan_fast.layout.seams import Seams, straight
from ingan_fast.layout.variations import TRIES, _chosen, solve
from ingan_fast.pictures import MARKET
from ingan_fast.quality.metrics import verbatim
from layout_scenes import ball_mask, ball_on_grain, grain

PERIODIC = np.tile(np.random.default_rng(0).uniform(0, 1, (48, 16, 3)).astype(np.float32), (1, 12, 1))
BROKEN = straight([Jump(40, -5), Jump(80, -9), Jump(120, -7), Jump(160, -11)], 48)  # breaks the period four times
WHOLE = straight([Jump(96, -32)], 48)


def solved(axis: Axis, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Seams:
    """What is made of an answer that costs least but is not the best."""
    monkeypatch.setattr(variations, "cheapest_seams", lambda *_: BROKEN)
    return solve(axis, 224, 0, drawn=Drawn(PERIODIC, lambda seams: seams), **options)


def test_the_best_layout_is_the_best_of_some_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    seams = solved(Axis(PERIODIC), monkeypatch)
    np.testing.assert_array_equal(copy_pieces(PERIODIC, seams), np.tile(PERIODIC[:, :16], (1, 14, 1)))


def test_what_is_removed_and_what_moves_is_as_it_is_solved(monkeypatch: pytest.MonkeyPatch) -> None:
    assert solved(Axis(PERIODIC), monkeypatch, one_way=True) is BROKEN
    assert solved(Axis(PERIODIC, remove=np.eye(48, 192, dtype=bool)), monkeypatch) is BROKEN


@pytest.mark.parametrize("tries", [0, TRIES])
def test_small_outputs_have_fewer_cuts_until_nine_patches_in_ten_are_copies(
    monkeypatch: pytest.MonkeyPatch, tries: int
) -> None:
    monkeypatch.setattr(variations, "TRIES", tries)
    with Image.open(MARKET) as market:
        picture = np.asarray(market.convert("RGB").resize((96, 72)))
    output = Layouts(picture).retarget((96, 43))
    assert (verbatim(output, picture) >= 0.9) == (tries > 0)


def test_better_is_what_is_not_worse_in_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    axis, drawn = Axis(PERIODIC), Drawn(PERIODIC, lambda seams: seams)
    comparison = Comparison(axis, BROKEN, drawn=drawn)
    assert max(comparison.better(WHOLE, 1), comparison.surely_better(WHOLE)) < 0.5
    assert comparison.surely_better(BROKEN) == 1
    assert Comparison(axis, WHOLE, drawn=drawn).better(BROKEN, np.inf) == 1
    assert Comparison(axis, WHOLE, drawn=drawn).surely_better(BROKEN) == 1
    monkeypatch.setattr(axis, "seen_cost", lambda *_: 1e3)  # such as half of a single object that comes twice
    assert comparison.better(WHOLE, 2) == 1


def test_variations_differ_visibly_and_each_is_nearly_as_good_as_the_best_one() -> None:
    picture = (grain(40, 90) / 255).astype(np.float32)
    table, likeness = Axis(picture), Likeness(picture)
    found = [solve(table, 120, variation) for variation in range(3)]
    drawn = [copy_pieces(picture, seams) for seams in found]
    contrast = np.abs(picture - np.random.default_rng(0).permuted(picture, axis=1)).mean()
    assert all(np.abs(first - second).mean() > 0.03 * contrast for first, second in combinations(drawn, 2))
    costs = [table.seen_cost(seams) for seams in found]
    assert max(costs) < 1.25 * costs[0]
    for measure in (likeness.coherence, lambda seams: [*likeness.swd_estimates(seams)][-1]):
        measured = [measure(seams) for seams in found]
        assert max(measured) < 1.25 * measured[0]


def test_variations_of_a_small_picture_differ() -> None:
    picture = grain(56, 64)
    axis = Axis((picture / 255).astype(np.float32))
    drawn = [copy_pieces(picture, solve(axis, 90, variation)).astype(int) for variation in range(8)]
    different = [(np.abs(one - other).mean(axis=2) >= 10).mean() for one, other in combinations(drawn, 2)]
    assert min(different) >= 0.01  # of the pixels, by ten grey levels


@pytest.mark.parametrize("variation", [3, 11])
def test_a_variation_is_the_same_every_time(variation: int) -> None:
    picture = (grain(30, 60) / 255).astype(np.float32)
    first, second = (solve(Axis(picture), 80, variation) for _ in range(2))
    np.testing.assert_array_equal(first.lengths, second.lengths)
    np.testing.assert_array_equal(first.places, second.places)


def test_variations_spare_what_is_kept() -> None:
    picture, keep = (ball_on_grain() / 255).astype(np.float32), ball_mask()
    for variation in (1, 2):
        assert copy_pieces(keep, solve(Axis(picture, keep), 130, variation)).sum() == keep.sum()


def test_pieces_are_shifted_by_multiples_of_four_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "SOLVED_PIXELS", 2000)
    monkeypatch.setattr(variations, "FIELDS", 20)
    picture = grain(56, 112)
    shifts = []
    for variation in range(4):
        (step,) = Layouts(picture, LayoutOptions(variation=variation)).lay_out((192, 56)).steps
        shifts += np.cumsum(step.seams.lengths).tolist()
    assert len(shifts) > 3
    assert all(shift % 4 == 0 for shift in shifts)


@pytest.mark.parametrize(
    ("worse", "expected"),
    [
        ((1.0, 1.05, 1.07, 1.0), 2),  # as good, and differs by far
        ((1.0, 1.05, 1.30, 1.0), 1),  # nothing that differs by far is as good: a smaller difference will do
        ((1.0, 1.40, 1.30, 1.0), 2),  # nothing is as good: the least bad of all that differ
        ((1.0, 1.30, 1.40, 1.0), 1),
    ],
)
def test_small_differences_are_for_want_of_large_ones(worse: tuple[float, ...], expected: int) -> None:
    picture = (grain(40, 100) / 255).astype(np.float32)
    places = (75, 70, 45, 74)  # the outputs differ from the first one in 5, 30 and 1 of 130 columns
    candidates = [straight([Jump(place, -30)], 40) for place in places]
    of = dict(zip(map(id, candidates), worse, strict=True))
    comparison = SimpleNamespace(
        axis=SimpleNamespace(picture=picture),
        worse=lambda seams: (of[id(seams)], 1.0),
        coherence=lambda seams: of[id(seams)],
    )
    assert _chosen(comparison, candidates, 1) is candidates[expected]


def test_what_estimates_choose_is_looked_at_closely() -> None:
    picture = (grain(40, 100) / 255).astype(np.float32)
    candidates = [straight([Jump(place, -30)], 40) for place in (75, 45, 60)]
    estimated, true = (
        dict(zip(map(id, candidates), worse, strict=True)) for worse in ((1.0, 1.01, 1.05), (1.0, 1.3, 1.04))
    )
    comparison = SimpleNamespace(
        axis=SimpleNamespace(picture=picture),
        worse=lambda seams: (estimated[id(seams)], 1.0),
        coherence=lambda seams: true[id(seams)],
    )
    assert _chosen(comparison, candidates, 1) is candidates[2]
