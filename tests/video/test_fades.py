"""Fades: what each frame of a video is mixed of where its layout changes at once."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from ingan_fast.pictures import Pixels
from ingan_fast.runtime.arrangement import Arrangement, Cuts
from ingan_fast.video.fades import Fades, Mix
from ingan_fast.video.frames import Frame
from ingan_fast.video.poses import Animation, pose
from ingan_fast.video.rendering import Renderer, blend
from video_clips import QuickEngine

LENGTH = 10


def arranged(jumps: int, shown: float = 20.0) -> Arrangement:
    cuts = Cuts(jumps, 60.0, np.full((jumps, 4), shown, np.float32))
    return Arrangement(cuts, Cuts(1, 0.0, None), False)


def mixes(jumps: Sequence[int], leaps: Sequence[int] = ()) -> list[Mix]:
    """Of frames with so many jumps."""
    fades = Fades(len(jumps), lambda frame: arranged(jumps[frame]), lambda frame: frame in leaps, LENGTH)
    return [fades(frame) for frame in range(len(jumps))]


def weights(mix: Mix) -> dict[int, float]:
    """How much of each number of jumps a frame shows."""
    assert mix.arrangement is not None
    result = {mix.arrangement.across.last: 1 - mix.share}
    if mix.other is not None:
        result[mix.other.across.last] = mix.share
    return result


def most_changed(shown: Sequence[Mix]) -> float:
    """From one frame to the next."""
    most = 0.0
    for before, after in pairwise(shown):
        old, new = weights(before), weights(after)
        most = max(most, *(abs(new.get(jumps, 0) - old.get(jumps, 0)) for jumps in {*old, *new}))
    return most


def test_where_nothing_changes_frames_are_whole() -> None:
    assert [weights(mix) for mix in mixes([2] * 30)] == [{2: 1}] * 30


def test_a_change_is_faded_evenly_around_its_frame() -> None:
    shown = mixes([1] * 20 + [2] * 20)
    shares = [weights(mix).get(2, 0) for mix in shown]
    assert shares[:16] == [0] * 16
    assert shares[16:25] == pytest.approx(np.arange(1, 10) / 10)
    assert shares[25:] == [1] * 15


@pytest.mark.parametrize("change", [1, 3, 17, 19])
def test_the_first_and_the_last_frame_are_whole_however_near_a_change_is(change: int) -> None:
    shown = mixes([1] * change + [2] * (20 - change))
    assert weights(shown[0]) == {1: 1}
    assert weights(shown[-1]) == {2: 1}
    assert most_changed(shown) <= 1 / LENGTH + 1e-9


@pytest.mark.parametrize("every", [3, 7, 12])
def test_many_changes_one_after_the_other_are_still_even(every: int) -> None:
    shown = mixes([1 + frame // every for frame in range(80)])
    assert most_changed(shown[:-LENGTH]) <= 1 / LENGTH + 1e-9  # where the video ends, there may be less time
    off = [
        abs(sum(jumps * part for jumps, part in weights(mix).items()) - 1 - i / every) for i, mix in enumerate(shown)
    ]
    assert max(off) < 1.5 + LENGTH / every  # what is shown keeps up


def test_what_is_back_before_a_fade_would_end_is_not_shown() -> None:
    assert [weights(mix) for mix in mixes([1] * 20 + [2] * 3 + [1] * 20)] == [{1: 1}] * 43


def test_nothing_is_faded_across_a_leap() -> None:
    shown = mixes([1] * 20 + [4] * 12 + [5] * 20, leaps=[20])
    assert all(weights(mix) == {1: 1} for mix in shown[:20])
    assert weights(shown[20]) == {4: 1}
    assert most_changed(shown[20:]) <= 1 / LENGTH + 1e-9


def test_every_frame_is_arranged_once_and_no_further_ahead_than_needed() -> None:
    asked: list[int] = []

    def arrange(frame: int) -> Arrangement:
        asked.append(frame)
        return arranged(1 + frame // 30)

    fades = Fades(1000, arrange, lambda frame: False, LENGTH)
    for frame in range(100):
        fades(frame)
        assert max(asked) <= frame + 2 * LENGTH
    assert asked == sorted(set(asked))
    assert len(fades._known) <= 3 * LENGTH


def test_frames_may_be_left_out_and_asked_for_again() -> None:
    jumps = [1 + frame // 12 for frame in range(80)]
    expected = [weights(mix) for mix in mixes(jumps)]
    fades = Fades(len(jumps), lambda frame: arranged(jumps[frame]), lambda frame: False, LENGTH)
    for frame in (0, 0, 3, 4, 17, 17, 18, 44, 79, 79):
        assert weights(fades(frame)) == expected[frame]


def test_a_cut_may_move_a_little_unseen() -> None:
    assert arranged(2, 20).resembles(arranged(2, 22))
    assert not arranged(2, 20).resembles(arranged(2, 30))
    assert not arranged(2).resembles(arranged(3))
    still = Cuts(1, 0.1, np.zeros((1, 4), np.float32)), Cuts(1, 0.1, np.full((1, 4), 40, np.float32))
    assert still[0].resembles(still[1])  # nothing jumps there
    texture = Arrangement(Cuts(2, 60.0, None), Cuts(2, 60.0, None), True)
    assert texture.resembles(Arrangement(Cuts(2, 60.0, None), Cuts(2, 60.0, None), True))
    assert not texture.resembles(Arrangement(Cuts(2, 60.0, None), Cuts(2, 60.0, None), False))


def test_pictures_are_mixed_in_their_parts() -> None:
    picture, other = np.array([[[0, 100, 255]]], np.uint8), np.array([[[255, 200, 255]]], np.uint8)
    blend(picture, other, 0.25)
    assert picture.tolist() == [[[64, 125, 255]]]


class Jumping(QuickEngine):
    """Shows by its colour how many jumps there are: one up to 40 px of width, then two."""

    calls = 0

    def arrange(self, frame: Pixels | None, *, transform: object, reference: Pixels | None = None) -> Arrangement:
        return arranged(1 if transform.size[0] <= 40 else 2)  # type: ignore[attr-defined]

    def __call__(self, frame: Pixels | None, *, out: Pixels, arrangement: Arrangement, **_: object) -> Pixels:
        out[:] = 100 * arrangement.across.last
        self.calls += 1
        return out


def test_a_video_fades_from_one_layout_to_the_next_and_only_there_a_frame_is_made_twice() -> None:
    canvas = (64, 32)
    boxes = [np.array([(0, 0), (width, 0), (width, 32), (0, 32)], float) for width in range(20, 61)]
    animation, engine = Animation(canvas, Fraction(30), [pose(box, canvas) for box in boxes]), Jumping()
    renderer = Renderer(engine, animation, Fraction(1, 30), (0, 0, 0))
    seen, out = [], np.empty(renderer.shape, np.uint8)
    for index in range(len(boxes)):
        renderer(Frame(index + 1, None, index, 1), out)
        seen.append(int(out[5, 5, 0]))
    assert seen[:15] == [100] * 15
    assert seen[-14:] == [200] * 14
    assert 0 < max(np.diff(seen)) <= 10
    assert engine.calls == len(boxes) + 11  # a fade of 12 frames from the one whole frame to the other
