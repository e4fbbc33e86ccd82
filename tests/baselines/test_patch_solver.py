"""Matches, votes and pyramids of the patch methods."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor

from ingan_fast.baselines import patch_solver
from ingan_fast.baselines.patch_solver import Ballot, PatchSet, level_factors, match, resized, scaled
from ingan_fast.pictures import Pixels
from ingan_fast.quality.patches import as_tensor


@pytest.fixture
def image(market: Pixels) -> Tensor:
    return as_tensor(market, "picture")


@pytest.fixture
def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def distances(queries: PatchSet, keys: PatchSet) -> Tensor:
    return torch.cdist(queries.values.double(), keys.values.double()).square() / keys.values.shape[1]


def test_matches_are_the_nearest_of_all_pairs(image: Tensor, rng: torch.Generator) -> None:
    queries, keys = PatchSet(image[:, :30, :40]), PatchSet(image[:, 20:50, 30:])
    matches = match(queries, keys, rng)
    cost, index = distances(queries, keys).min(1)
    torch.testing.assert_close(matches.cost.double(), cost, atol=1e-6, rtol=1e-4)
    assert (matches.index == index).double().mean() > 0.99  # but for ties


def test_a_keys_weight_multiplies_its_distances(image: Tensor, rng: torch.Generator) -> None:
    queries, keys = PatchSet(image[:, :20, :30]), PatchSet(image[:, 20:40, 30:])
    weights = torch.linspace(1, 5, len(keys))
    matches = match(queries, keys, rng, weights)
    torch.testing.assert_close(
        matches.cost.double(), (distances(queries, keys) * weights).amin(1), atol=1e-6, rtol=1e-4
    )


def test_patchmatch_comes_near_to_the_exact_matches(
    image: Tensor, rng: torch.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    queries, keys = PatchSet(resized(image, (64, 110))), PatchSet(image)
    coarse = PatchSet(resized(queries.image, (32, 55))), PatchSet(resized(image, (32, 41)))
    exact, start = match(queries, keys, rng), match(*coarse, rng)
    monkeypatch.setattr(patch_solver, "EXACT_PAIRS", 0)
    found = start
    for _ in range(3):
        found = match(queries, keys, rng, start=found)
    assert (found.cost >= exact.cost - 1e-6).all()
    assert found.cost.mean() < 1.15 * exact.cost.mean()
    straight = distances(queries, keys).gather(1, found.index[:, None])[:, 0]
    torch.testing.assert_close(found.cost.double(), straight, atol=1e-6, rtol=1e-4)  # costs are those of the matches


def test_a_coarser_levels_matches_are_carried_by_their_displacement(
    image: Tensor, rng: torch.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    coarse = resized(image, (32, 41))
    start = match(PatchSet(coarse[:, 4:, 6:]), PatchSet(coarse), rng)
    queries, keys = PatchSet(image[:, 8:, 12:]), PatchSet(image)
    monkeypatch.setattr(patch_solver, "EXACT_PAIRS", 0)
    found = match(queries, keys, rng, start=start)
    row, column = found.index // keys.columns, found.index % keys.columns
    expected = torch.arange(len(queries))
    moved = (row == expected // queries.columns + 8) & (column == expected % queries.columns + 12)
    assert moved.double().mean() > 0.95


def test_patches_in_their_own_places_give_the_picture_back(image: Tensor) -> None:
    patches = PatchSet(image)
    ballot = Ballot((64, 82))
    ballot.vote(patches, patches.corners(), patches.corners(), 0.3)
    torch.testing.assert_close(ballot.result(), image)


def test_votes_are_weighted_means() -> None:
    black, white = PatchSet(torch.zeros(3, 7, 7)), PatchSet(torch.ones(3, 9, 9))
    ballot = Ballot((7, 7))
    ballot.vote(black, torch.tensor([0]), torch.tensor([0]), 3.0)
    ballot.vote(white, torch.tensor([20]), torch.tensor([0]), 1.0)
    torch.testing.assert_close(ballot.result(), torch.full((3, 7, 7), 0.25))


def test_levels_end_at_the_full_size_and_start_at_the_coarsest_that_is_allowed() -> None:
    factors = level_factors([(160, 200), (160, 300)])
    assert factors[-1] == 1
    assert factors[0] * 160 >= 20 > factors[0] * 0.75 * 160
    assert all(a == pytest.approx(0.75 * b) for a, b in pairwise(factors))


def test_a_narrow_output_keeps_two_patches_on_every_level() -> None:
    factors = level_factors([(160, 200), (160, 32)])
    assert min(scaled((160, 32), factors[0])) >= 14
