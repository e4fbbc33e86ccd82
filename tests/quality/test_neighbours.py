"""The nearest rows are those that comparing all of them finds, with compiled loops and without."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from torch import Tensor

from ingan_fast.layout import compiled
from ingan_fast.quality.neighbours import BLOCK, BOXED, GROUP, _grouped, nearest
from ingan_fast.threads import using_threads


def rows_like_patches(count: int, values: int, seed: int) -> Tensor:
    """Rows that lie mostly along a few directions, as patches do; the directions are the same for all seeds."""
    directions = np.random.default_rng(0).normal(size=(12, values)) * 0.7 ** np.arange(12)[:, None]
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(count, 12)) @ directions + rng.normal(0, 0.05, (count, values))
    return torch.from_numpy((0.5 + 0.1 * rows).astype(np.float32))


@pytest.fixture(params=["compiled", "torch"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "compiled" and not compiled.available:
        pytest.skip("needs the compiled loops (pip install with a compiler)")
    monkeypatch.setattr(compiled, "available", request.param == "compiled")


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    ("count", "others", "values"), [(300, 2000, 147), (70, 3 * GROUP, 540), (9, 50, 12), (1, 1, 5)]
)
def test_they_agree_with_brute_force(count: int, others: int, values: int) -> None:
    queries, database = rows_like_patches(count, values, 1), rows_like_patches(others, values, 2)
    queries[0] = database[others // 2]
    expected = cdist(queries.double(), database.double(), "sqeuclidean").min(1) / values
    found = nearest(queries, iter(database.split(700)))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=2e-8)


@pytest.mark.usefixtures("way")
def test_equal_rows_far_from_zero_are_found() -> None:
    rows = 50 + rows_like_patches(400, 147, 3)
    assert float(nearest(rows[:60], iter(rows.split(90))).max()) < 1e-5
    assert float(nearest(torch.ones(3, 147), iter([torch.ones(40, 147)])).max()) == 0


@pytest.mark.skipif(not compiled.available, reason="needs the compiled loops (pip install with a compiler)")
def test_threads_change_nothing() -> None:
    queries, database = rows_like_patches(200, 147, 1), rows_like_patches(900, 147, 2)
    found = []
    for threads in (1, 3):
        with using_threads(threads):
            found.append(nearest(queries, iter([database])))
    assert torch.equal(*found)


@pytest.mark.skipif(not compiled.available, reason="needs the compiled loops (pip install with a compiler)")
@pytest.mark.parametrize("place", [-1, 40])
def test_places_outside_the_rows_are_refused(place: int) -> None:
    queries, rows = np.zeros((2, 4), np.float32), np.zeros((40, 4), np.float32)
    order = np.full((1, GROUP), place)
    best, box = np.full(2, np.inf, np.float32), np.zeros((1, 4, BLOCK), np.float32)
    group = np.zeros((1, 4, GROUP), np.float32)
    with pytest.raises(ValueError, match="fit together"):
        compiled.loops.nearest(
            queries, queries, group, rows, order, box, box, box[0, :, :1].copy(), box[0, :, :1].copy(), 0.0, best
        )


@pytest.mark.skipif(not compiled.available, reason="needs the compiled loops (pip install with a compiler)")
def test_boxes_hold_all_rows_of_their_groups_and_blocks() -> None:
    rows = rows_like_patches(GROUP * (BLOCK + 2) + 5, 28, 4).numpy()
    order, grouped, low, high, low_blocks, high_blocks = _grouped(rows)
    assert sorted(set(order.ravel())) == list(range(len(rows)))
    assert np.array_equal(grouped.transpose(0, 2, 1), rows[order])
    for group, members in enumerate(rows[order][:, :, :BOXED]):
        block, at = divmod(group, BLOCK)
        assert np.array_equal(low[block, :, at], members.min(0))
        assert np.array_equal(high[block, :, at], members.max(0))
    for block in range(2):
        members = rows[order][block * BLOCK : (block + 1) * BLOCK].reshape(-1, 28)[:, :BOXED]
        assert np.array_equal(low_blocks[:, block], members.min(0))
        assert np.array_equal(high_blocks[:, block], members.max(0))
    assert np.isinf(low[1, :, 3:]).all()  # groups that aren't there are never near
