"""Prepared geometry is kept for what is asked for again, and dropped where it takes too much memory."""

from typing import Any

import numpy as np
import pytest

from ingan_fast.geometry import Transform
from ingan_fast.runtime import geometry
from ingan_fast.runtime.geometry import Geometries

SIZES = [(32, 16), (32, 24), (32, 32)]  # 4, 6 and 8 KiB


@pytest.fixture
def prepared() -> list[Any]:
    """What was prepared, in order."""
    return []


@pytest.fixture
def kept(prepared: list[Any], monkeypatch: pytest.MonkeyPatch) -> Geometries:
    """Holds 12 KiB."""
    monkeypatch.setattr(geometry, "KEPT", 12 << 10)

    def prepare(places: dict[str, np.ndarray]) -> tuple[int, ...]:
        prepared.append(places["grid"].shape[1:3])
        return places["grid"].shape[1:3]

    return Geometries(prepare)


def test_what_was_asked_for_is_prepared_once(kept: Geometries, prepared: list[Any]) -> None:
    for _ in range(3):
        assert kept.get(Transform.resize((32, 16))) == (16, 32)
    assert prepared == [(16, 32)]


def test_the_least_recently_used_is_dropped_where_memory_would_be_exceeded(
    kept: Geometries, prepared: list[Any]
) -> None:
    first, second, third = map(Transform.resize, SIZES)
    for transform in (first, second, first, third):  # 4 + 6, and the 8 of the third push out the second
        kept.get(transform)
    prepared.clear()
    kept.get(third)
    kept.get(first)
    assert prepared == []
    kept.get(second)
    assert prepared == [(24, 32)]


def test_memory_stays_bounded(kept: Geometries) -> None:
    for height in range(16, 33):
        kept.get(Transform.resize((32, height)))
        assert sum(size for _, size in kept._kept.values()) <= 12 << 10
    assert len(kept._kept) == 1


def test_the_shape_is_a_part_of_what_is_kept(kept: Geometries, prepared: list[Any]) -> None:
    tilted = Transform.from_corners([(4, 0), (30, 2), (32, 16), (0, 16)], (32, 16))
    kept.get(Transform.resize((32, 16)))
    kept.get(tilted)
    assert len(prepared) == 2


def test_nothing_is_kept_after_it_was_closed(kept: Geometries, prepared: list[Any]) -> None:
    kept.get(Transform.resize((32, 16)))
    kept.forget()
    kept.get(Transform.resize((32, 16)))
    assert len(prepared) == 2
