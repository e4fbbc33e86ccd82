"""The measures that tell what to look at first."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ingan_fast.batch.measures import JUDGED, by_torch, of_layout, worst_first
from ingan_fast.layout import Layouts
from ingan_fast.pictures import MARKET, Photo, load_photo


@dataclass(frozen=True)
class Given:
    """A layout that shows given source columns."""

    columns: list[int]

    def copy(self, values: NDArray) -> NDArray:
        return values[:, self.columns]


def ramp(step: int) -> NDArray[np.uint8]:
    """[4, 8, 3] that becomes brighter by `step` from column to column."""
    return np.tile((np.arange(8) * step).astype(np.uint8)[None, :, None], (4, 1, 3))


@pytest.mark.parametrize(
    ("columns", "step", "cuts", "shown"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 7], 30, 0, 1.0),  # the picture itself
        ([0, 1, 2, 3, 2, 3, 4, 5, 6, 7], 30, 1, 1.0),  # two columns repeated, across 60 grey levels
        ([0, 1, 2, 3, 2, 3, 4, 5, 6, 7], 2, 0, 1.0),  # the same where nobody sees it
        ([0, 1, 6, 7], 30, 1, 0.5),
        ([7, 0], 30, 1, 0.25),  # at the picture's borders
    ],
)
def test_visible_cuts_and_what_is_shown_are_counted(columns: list[int], step: int, cuts: int, shown: float) -> None:
    measures = of_layout(Given(columns), ramp(step))  # type: ignore[arg-type]
    assert measures == {"visible_cuts": pytest.approx(1000 * cuts / len(columns)), "shown": shown}


def test_cuts_between_rows_count_like_those_between_columns() -> None:
    turned = ramp(30).swapaxes(0, 1)

    @dataclass(frozen=True)
    class Rows:
        def copy(self, values: NDArray) -> NDArray:
            return values[[0, 1, 6, 7]]

    assert of_layout(Rows(), turned)["visible_cuts"] == pytest.approx(250)  # type: ignore[arg-type]


def test_sixteen_bits_count_like_eight() -> None:
    layout = Given([0, 1, 6, 7])
    deep = ramp(30).astype(np.uint16) * 257
    assert of_layout(layout, deep) == of_layout(layout, ramp(30))  # type: ignore[arg-type]


def test_a_real_layout_has_more_visible_cuts_than_the_picture_itself() -> None:
    picture = load_photo(MARKET).pixels
    layouts = Layouts(picture)
    same, narrow = (of_layout(layouts.lay_out(size), picture) for size in ((288, 224), (150, 224)))
    assert same == {"visible_cuts": 0.0, "shown": 1.0}
    assert narrow["visible_cuts"] > 1
    assert narrow["shown"] == pytest.approx(150 / 288, abs=0.01)


def test_torch_s_measures_leave_out_what_is_transparent(picture_path: Path) -> None:
    photo = load_photo(picture_path)
    own = by_torch(photo, photo)
    assert own.keys() == set(JUDGED)
    assert own["coherence"] == pytest.approx(0, abs=1e-6)
    spoilt = np.dstack([photo.pixels, np.full(photo.pixels.shape[:2], 255, np.uint8)])
    spoilt[:20, :, :3] = 255 - spoilt[:20, :, :3]
    visible = by_torch(Photo(spoilt), photo)["coherence"]
    spoilt[:20, :, 3] = 0
    assert by_torch(Photo(spoilt), photo)["coherence"] < 0.01 * visible


def test_coherence_comes_before_visible_cuts_where_it_is_known() -> None:
    assert worst_first([{"visible_cuts": 1.0}, {"visible_cuts": 3.0}]) == 3.0
    judged = [{"visible_cuts": 9.0, "coherence": 0.001}, {"visible_cuts": 0.0, "coherence": 0.002}]
    assert worst_first(judged) == pytest.approx(2000)
    assert worst_first([]) == worst_first([{}]) == 0
