"""Whole layouts: sizes, what is shown, colours across seams, and what is the same every time."""

import gc
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ingan_fast.errors import UserError
from ingan_fast.geometry import Transform
from ingan_fast.layout import LayoutOptions, Layouts, steps
from ingan_fast.layout import layouts as module
from ingan_fast.layout.axis import Axis
from ingan_fast.layout.drawing import copy_pieces, draw
from ingan_fast.layout.ends import are_crops
from ingan_fast.layout.frames import Frames
from ingan_fast.layout.refining import refine
from ingan_fast.layout.seams import Seams
from ingan_fast.layout.single_objects import STANDING, WHOLE
from ingan_fast.quality.metrics import coherence, size_kept, verbatim
from layout_scenes import ball_mask, ball_on_grain, fence, grain, whole_copies

FACADE = Path(__file__).parents[2] / "benchmarks" / "pictures" / "facade.png"


@pytest.mark.parametrize("size", [(300, 200), (97, 200), (200, 97), (213, 187), (16, 16), (201, 200), (450, 320)])
def test_an_output_has_the_size_that_was_asked_for(size: tuple[int, int]) -> None:
    assert Layouts(grain(200, 200)).retarget(size).shape == (size[1], size[0], 3)


@pytest.mark.parametrize(("height", "width"), [(16, 400), (400, 16), (17, 19)])
def test_long_and_small_pictures_are_laid_out_too(height: int, width: int) -> None:
    picture = grain(height, width)
    assert Layouts(picture).retarget((2 * width, height)).shape == (height, 2 * width, 3)
    assert Layouts(picture).retarget((max(width // 2, 16), height)).shape[1] == max(width // 2, 16)


def test_the_same_size_is_the_same_picture() -> None:
    picture = grain(60, 80)
    np.testing.assert_array_equal(Layouts(picture).retarget((80, 60)), picture)


def test_a_fence_grows_by_whole_posts_at_full_resolution() -> None:
    picture = np.kron(fence(height=120, posts=12), np.ones((3, 3, 1), np.uint8))  # 648 x 360, period 54
    wide = Layouts(picture).retarget((648 + 5 * 54, 360))
    posts = (np.abs(wide[200].astype(int) - (150, 40, 30)).max(axis=1) < 8).astype(int)
    starts = np.flatnonzero(np.diff(posts, prepend=0) == 1)
    assert len(starts) == 17
    assert (np.diff(starts) == 54).all()


@pytest.mark.parametrize(("axis", "ratio"), [(0, 1.5), (1, 0.6)])
def test_a_texture_is_laid_out_without_ghosts_and_at_its_size(axis: int, ratio: float) -> None:
    picture = grain(110, 110)
    size = (round(110 * ratio), 110) if axis == 0 else (110, round(110 * ratio))
    output = Layouts(picture).retarget(size)
    assert verbatim(output, picture) > 0.8
    assert coherence(output, picture) < 0.5 * coherence(picture[::-1], picture)
    assert size_kept(output, picture, ("width", "height")[axis]) > 0.8


def test_the_same_picture_gives_the_same_output() -> None:
    picture = grain(100, 120)
    first, second = (Layouts(picture).retarget((170, 80)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_transposed_picture_gives_the_transposed_output() -> None:
    picture = grain(100, 120)
    wide = Layouts(picture).retarget((170, 100))
    high = Layouts(picture.transpose(1, 0, 2).copy()).retarget((100, 170))
    np.testing.assert_array_equal(wide.transpose(1, 0, 2), high)


def test_colours_are_matched_across_a_seam_in_a_slow_gradient() -> None:
    picture = (
        np.repeat(np.linspace(100, 140, 200)[None, :, None], 50, axis=0).repeat(3, axis=2).round().astype(np.uint8)
    )
    seams = Seams(np.array([-80]), np.full((1, 50), 150))
    hard, matched = copy_pieces(picture, seams), draw(picture, seams)
    step = np.abs(np.diff(hard.astype(int), axis=1)).max()
    assert step >= 15
    assert np.abs(np.diff(matched.astype(int), axis=1)).max() <= step / 3
    np.testing.assert_array_equal(matched[:, :100], picture[:, :100])  # far from the seam nothing changes


def test_an_edge_is_not_taken_for_a_shade() -> None:
    picture = np.zeros((30, 100, 3), np.uint8)
    picture[:, 50:] = 200
    drawn = draw(picture, Seams(np.array([40]), np.full((1, 30), 30)))
    assert drawn[:, :28].max() <= 2
    assert drawn[:, 32:].min() >= 198


def test_refined_seams_have_the_width_that_is_wanted_and_fit_at_full_detail() -> None:
    picture = np.kron(fence(height=30), np.ones((4, 4, 1), np.uint8))  # 720 x 120, period 72
    rough = Seams(np.array([-17, 19]), np.array([[60] * 30, [140] * 30]))  # nearly one post more, one less
    fine = refine(picture, rough, 4.0, 720)
    assert fine.lengths.tolist() == [-72, 72]


def test_a_layout_is_refused_for_a_picture_of_another_size() -> None:
    layout = Layouts(grain(60, 80)).lay_out((100, 60))
    with pytest.raises(UserError, match="80x60"):
        layout.draw(grain(60, 81))


def test_what_is_copied_stays_registered_with_what_is_drawn() -> None:
    picture = grain(90, 140)
    layout = Layouts(picture).lay_out((200, 70))
    columns = np.arange(140)[None].repeat(90, axis=0)
    rows = np.arange(90)[:, None].repeat(140, axis=1)
    copied = picture[layout.copy(rows), layout.copy(columns)]
    np.testing.assert_array_equal(copied, layout.copy(picture))
    assert (copied == layout.draw(picture)).mean() > 0.8


@pytest.mark.parametrize("at", [(45, 2), (45, 14), (45, 147), (45, 137), (1, 75), (88, 75), (86, 148)])
@pytest.mark.parametrize("size", [(150, 90), (210, 90), (100, 90), (150, 130), (150, 60)])
def test_what_is_removed_at_a_border_is_found_nowhere(at: tuple[int, int], size: tuple[int, int]) -> None:
    picture, mask = ball_on_grain(at=at, radius=11), ball_mask(at=at, radius=11)
    layout = Layouts(picture, LayoutOptions(remove=mask)).lay_out(size)
    drawn = layout.draw(picture)
    assert drawn.shape == (size[1], size[0], 3)
    assert not layout.copy(mask).any()
    ground = picture[~mask].astype(int)
    coloured = np.ptp(drawn.astype(int), axis=2)  # the ball has colours, the ground has none
    assert np.ptp(ground, axis=1).max() == 0
    assert coloured.max() < 80


def test_only_smaller_outputs_begin_or_end_inside_of_the_picture_and_never_in_what_is_kept() -> None:
    picture = grain(60, 120)
    keep = np.zeros((60, 120), bool)
    keep[30, [0, 119]] = True
    for width, options, is_cropped in (
        (80, LayoutOptions(), True),
        (80, LayoutOptions(keep=keep), False),
        (160, LayoutOptions(), False),
    ):
        (step,) = Layouts(picture, options).lay_out((width, 60)).steps
        assert are_crops(step.seams.places, step.seams.lengths, 120).any() == is_cropped


@pytest.mark.parametrize("width", [576, 800])
def test_what_is_removed_is_gone_where_refining_would_leave_its_corners(width: int) -> None:
    picture = np.asarray(Image.open(FACADE).convert("RGB").resize((576, 448)))
    mask = np.zeros((448, 576), bool)
    mask[72:252, 258:356] = True
    layout = Layouts(picture, LayoutOptions(remove=mask, keep_objects=False)).lay_out((width, 448))
    assert not layout.copy(mask).any()


@pytest.mark.parametrize("width", [160, 120, 80])
def test_a_single_object_is_not_left_out_of_much_smaller_outputs(width: int) -> None:
    scene = {"height": 90, "width": 400, "at": (45, 200)}
    picture, mask = ball_on_grain(**scene), ball_mask(**scene)
    box = slice(31, 60), slice(186, 215)
    assert whole_copies(Layouts(picture).retarget((width, 90)), picture[box], mask[box]) == 1


@pytest.mark.parametrize("at", [60, 200, 330])
@pytest.mark.parametrize("width", [80, 50, 36])
def test_what_is_kept_is_whole_where_almost_all_else_is_left_out(width: int, at: int) -> None:
    scene = {"height": 90, "width": 400, "at": (45, at)}
    picture, keep = ball_on_grain(**scene), ball_mask(**scene)
    box = slice(31, 60), slice(at - 14, at + 15)
    output = Layouts(picture, LayoutOptions(keep=keep, keep_objects=False)).retarget((width, 90))
    assert whole_copies(output, picture[box], keep[box]) == 1


def test_a_single_object_is_not_repeated_for_the_sake_of_few_pieces() -> None:
    size, at, radius = (120, 64), (60, 32), 26  # beside the ball, there are 6 px
    layout = Layouts(ball_on_grain(*size, at, radius)).lay_out((96, 120))
    assert layout.copy(ball_mask(*size, at, radius)).sum() == ball_mask(*size, at, radius).sum()


def test_a_ball_near_the_border_appears_once_in_a_tile_twice_as_large() -> None:
    at = 45, 20
    layout = Layouts(ball_on_grain(at=at), LayoutOptions(tile="xy")).lay_out((300, 180))
    ball = ball_mask(at=at)
    assert layout.copy(ball).sum() == pytest.approx(ball.sum(), rel=0.1)


def test_seams_of_a_texture_go_sideways_less_than_a_pixel_a_row() -> None:
    seams = Layouts(grain(300, 300)).lay_out((450, 300)).steps[0].seams
    assert np.abs(np.diff(seams.places, axis=1)).mean() < 0.8


def test_who_is_too_high_keeps_the_head(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, columns = np.mgrid[:160, :120]
    head, body = (np.abs(columns - 60) < 12) & (rows > 16), (np.abs(columns - 60) < 45) & (rows >= 60)
    monkeypatch.setattr(module, "single_objects", lambda _: (head | body) * np.uint8(WHOLE))
    picture = np.where((head | body)[..., None], 160, 60).astype(np.uint8) + grain(160, 120) // 4
    shown = Layouts(picture).lay_out((120, 90)).copy(rows)[:, 60]
    assert np.isin(np.arange(17, 90), shown).all()


def test_what_objects_stand_on_is_spared_where_the_width_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    tables: list[tuple] = []

    def table(*given: Any, **flags: bool) -> Axis:
        tables.append(given)
        return Axis(*given, **flags)

    monkeypatch.setattr(steps, "Axis", table)
    found = np.zeros((60, 80), np.uint8)
    found[10:30, 30:50], found[30:, 35:45] = WHOLE, STANDING
    monkeypatch.setattr(module, "single_objects", lambda _: found)
    layouts = Layouts(grain(60, 80))
    layouts.lay_out((100, 60))
    layouts.lay_out((80, 75))
    wider, higher = (given[3] for given in tables)
    np.testing.assert_array_equal(wider, found > 0)
    np.testing.assert_array_equal(higher.T, found == WHOLE)
    np.testing.assert_array_equal(layouts.objects(), found > 0)


def test_tables_are_for_smaller_or_larger_outputs_or_for_videos(monkeypatch: pytest.MonkeyPatch) -> None:
    tables: list[tuple[bool, bool]] = []

    def table(*given: Any, **flags: bool) -> Axis:
        tables.append((flags["smaller"], flags["moving"]))
        return Axis(*given, **flags)

    monkeypatch.setattr(steps, "Axis", table)
    layouts = Layouts(grain(40, 60))
    for width in (80, 50, 90, 45):
        layouts.lay_out((width, 40))
    assert tables == [(False, False), (True, False)]
    tables.clear()
    frames = Frames(grain(40, 60))
    for width in (80, 50):
        frames.draw(Transform.resize((width, 40)))
    assert tables == [(False, True)]


def test_tables_are_freed_with_their_layouts_without_a_collection() -> None:
    layouts = Layouts(grain(40, 60))
    layouts.lay_out((80, 40))
    (axis,) = layouts._tables.values()
    assert axis.likeness
    tables = [weakref.ref(each) for each in (axis, *axis.likeness._scales)]
    gc.disable()
    try:
        del axis, layouts
        assert not any(table() for table in tables)
    finally:
        gc.enable()
