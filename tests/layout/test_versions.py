"""The versions of a picture through which seams are carried."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from ingan_fast.layout.refining import STEP
from ingan_fast.layout.versions import versions


def slope(width: int, height: int, dtype: str = "uint8") -> NDArray:
    """Brighter to the right: versions of it are alike wherever they lie in place."""
    line = np.linspace(0, 1, width)[None, :, None] * np.ones((height, 1, 3))
    return np.rint(line * 255).astype(np.uint8) if dtype == "uint8" else line.astype(dtype)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize(
    ("factor", "count"), [(1, 0), (1.5, 1), (4, 1), (5, 2), (15.9, 2), (22.4, 3), (60, 4), (64.5, 5)]
)
def test_each_is_a_few_times_as_large_as_the_one_before(factor: float, count: int, dtype: str) -> None:
    picture = slope(641, 323, dtype)
    found = versions(picture, factor)
    assert len(found) == count
    widths = [round(641 / factor)] + [version.shape[1] for version in found]
    assert all(after / before < 1.5 * STEP for before, after in pairwise(widths))
    for version in found:
        expected = slope(version.shape[1], 1, "float32")[0, :, 0]
        shown = version[version.shape[0] // 2, :, 0] / (255 if dtype == "uint8" else 1)
        np.testing.assert_allclose(shown, expected, atol=0.03)
    if count:
        assert found[-1] is picture
