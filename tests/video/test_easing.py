"""How values get from keyframe to keyframe."""

import numpy as np
import pytest

from ingan_fast.video.easing import EASINGS, Curve


def curve(easing: str, values: list[float], closed: bool = False) -> Curve:
    return Curve(range(len(values)), np.array(values)[:, None], [easing] * len(values), closed)


@pytest.mark.parametrize("easing", EASINGS)
def test_every_easing_is_at_its_keyframes_in_time_and_never_beyond_them(easing: str) -> None:
    moving = curve(easing, [3, 7, 5])
    assert [float(moving(time)[0]) for time in (-1, 0, 1, 2, 9)] == [3, 3, 7, 5, 5]
    between = np.array([moving(time)[0] for time in np.linspace(0, 2, 101)])
    assert between.min() >= 3
    assert between.max() <= 7


@pytest.mark.parametrize(
    ("easing", "quarter", "middle"),
    [("linear", 0.25, 0.5), ("ease-in", 0.0625, 0.25), ("ease-out", 0.4375, 0.75), ("ease-in-out", 0.15625, 0.5)],
)
def test_easings_start_and_end_slowly_as_their_names_say(easing: str, quarter: float, middle: float) -> None:
    moving = curve(easing, [0, 1])
    assert moving(0.25)[0] == pytest.approx(quarter)
    assert moving(0.5)[0] == pytest.approx(middle)


def test_hold_stays_until_the_next_keyframe() -> None:
    moving = curve("hold", [0, 1])
    assert moving(0.999)[0] == 0
    assert moving(1)[0] == 1


def test_a_spline_goes_through_keyframes_without_stopping_and_turns_around_without_overshooting() -> None:
    moving = curve("spline", [0, 1, 2, 0])
    speed = (moving(1.001)[0] - moving(0.999)[0]) / 0.002
    assert speed == pytest.approx(1, abs=0.01)
    assert max(moving(time)[0] for time in np.linspace(0, 3, 301)) == 2


def test_a_closed_spline_goes_on_through_its_end() -> None:
    moving = curve("spline", [1, 2, 1, 0, 1], closed=True)
    before, after = 4 - 0.001, 0.001
    assert (moving(4)[0] - moving(before)[0]) / 0.001 == pytest.approx(1, abs=0.01)
    assert (moving(after)[0] - moving(0)[0]) / 0.001 == pytest.approx(1, abs=0.01)


def test_a_spline_beside_another_easing_stops_there() -> None:
    moving = Curve([0, 1, 2], [[0], [1], [2]], ["spline", "spline", "linear"])
    assert (moving(1)[0] - moving(0.999)[0]) / 0.001 == pytest.approx(0, abs=0.01)
