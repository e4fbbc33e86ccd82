"""The loops in C give what numpy gives, to the bit, and refuse what would lead them out of their arrays."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ingan_fast.layout import compiled, faces, variations
from ingan_fast.layout.axis import Axis
from ingan_fast.layout.drawing import copy_pieces, draw
from ingan_fast.layout.ends import are_crops
from ingan_fast.layout.refining import refine
from ingan_fast.layout.seam_costs import SeamCosts
from ingan_fast.layout.seams import Seams
from ingan_fast.layout.sliding import slide
from ingan_fast.layout.solver import cheapest_seams
from ingan_fast.layout.steps import turned
from layout_scenes import ball_mask, ball_on_grain, face_in_a_crowd, grain

pytestmark = pytest.mark.skipif(not compiled.available, reason="needs the compiled loops (pip install with a compiler)")
BALL = (ball_on_grain() / 255).astype(np.float32)
GREY = (grain(50, 90, channels=1) / 255).astype(np.float32)


def both_ways(action: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    in_c = action()
    with monkeypatch.context() as patch:
        patch.setattr(compiled, "available", False)
        return in_c, action()


@pytest.mark.parametrize(
    ("picture", "count", "options"),
    [
        (BALL, 220, {}),
        (BALL, 90, {}),
        (BALL, 20, {}),
        (GREY, 200, {}),
        (GREY, 120, {"closed": True}),
        (GREY, 120, {"one_way": True}),
        (BALL, 100, {"one_way": True}),
        (GREY, 90, {"any_change": True}),
    ],
)
def test_seams_are_the_same(
    picture: NDArray[np.float32], count: int, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    in_c, in_numpy = both_ways(lambda: cheapest_seams(Axis(picture), count, **options), monkeypatch)
    assert len(in_c.lengths) > 0
    np.testing.assert_array_equal(in_c.lengths, in_numpy.lengths)
    np.testing.assert_array_equal(in_c.places, in_numpy.places)


@pytest.mark.parametrize("every", [1, 3])
def test_windows_that_pass_a_cascade_are_the_same(every: int, monkeypatch: pytest.MonkeyPatch) -> None:
    crowd = Image.fromarray(face_in_a_crowd()).convert("L")
    grey = np.asarray(crowd.resize((288, 180), Image.Resampling.BILINEAR))  # the face as large as a window
    in_c, in_numpy = both_ways(lambda: faces._cascade().passed(grey, every), monkeypatch)
    assert in_c.shape == tuple((size - 45) // every + 1 for size in grey.shape)
    assert 0 < in_c.sum() < 20
    np.testing.assert_array_equal(in_c, in_numpy)


def test_cascades_that_would_read_beside_their_picture_are_refused() -> None:
    cascade, picture = faces._cascade(), np.zeros((60, 60), np.uint8)
    tables = {name: getattr(cascade, name) for name in ("counts", "thresholds", "boxes", "subsets", "leaves")}
    for wrong in (
        {"boxes": tables["boxes"] + 20},
        {"boxes": -1 - tables["boxes"]},
        {"boxes": tables["boxes"][:, :3].copy()},
        {"counts": tables["counts"] + 1},
        {"subsets": tables["subsets"][:, :128].copy()},
        {"leaves": tables["leaves"][1:].copy()},
        {"thresholds": tables["thresholds"][1:].copy()},
    ):
        with pytest.raises(ValueError, match="don't fit together"):
            compiled.loops.pass_cascade(picture, 45, *(tables | wrong).values(), 1, np.zeros((16, 16), bool))
    with pytest.raises(ValueError, match="don't fit together"):
        compiled.loops.pass_cascade(picture, 45, *tables.values(), 1, np.zeros((17, 16), bool))


@pytest.mark.parametrize(("count", "variation"), [(70, 2), (45, 9)])
def test_variations_are_the_same(count: int, variation: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variations, "FIELDS", 60)
    picture = np.ascontiguousarray(GREY[:24, :56])
    in_c, in_numpy = both_ways(lambda: variations.solve(Axis(picture), count, variation), monkeypatch)
    np.testing.assert_array_equal(in_c.lengths, in_numpy.lengths)
    np.testing.assert_array_equal(in_c.places, in_numpy.places)


def test_seams_around_masks_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    keep, remove = ball_mask(), ball_mask(at=(20, 30), radius=8)
    in_c, in_numpy = both_ways(lambda: cheapest_seams(Axis(BALL, keep, remove, spare=keep), 130), monkeypatch)
    np.testing.assert_array_equal(in_c.lengths, in_numpy.lengths)
    np.testing.assert_array_equal(in_c.places, in_numpy.places)


@pytest.mark.parametrize("x", [3, 146])
def test_crops_are_the_same(x: int, monkeypatch: pytest.MonkeyPatch) -> None:
    remove = ball_mask(at=(20, x), radius=8)
    in_c, in_numpy = both_ways(lambda: cheapest_seams(Axis(BALL, remove=remove, cropped=True), 160), monkeypatch)
    assert are_crops(in_c.places, in_c.lengths, 150).any()
    assert not are_crops(in_c.places, in_c.lengths, 150).all()
    np.testing.assert_array_equal(in_c.lengths, in_numpy.lengths)
    np.testing.assert_array_equal(in_c.places, in_numpy.places)


@pytest.mark.parametrize("shape", [(1, 40, 3), (2, 13, 1), (30, 3, 4), (7, 31, 2)])
def test_tables_are_the_same(shape: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    picture = np.random.default_rng(0).uniform(0, 1, shape).astype(np.float32)

    def tables() -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        costs = SeamCosts(picture)
        return costs.differences, costs.best_seams, costs.at(shape[1] * 2 // 3)

    for in_c, in_numpy in zip(*both_ways(tables, monkeypatch), strict=True):
        np.testing.assert_array_equal(in_c, in_numpy)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, bool])
@pytest.mark.parametrize("more", [(), (3,)])
def test_pieces_are_the_same(dtype: type, more: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    picture = np.random.default_rng(0).integers(0, 2, (4, 30, *more)).astype(dtype).swapaxes(0, 1).copy().swapaxes(0, 1)
    seams = Seams(np.array([5, -4]), np.array([[3, 4, 3, 2], [15, 14, 14, 30]]))
    in_c, in_numpy = both_ways(lambda: copy_pieces(picture, seams), monkeypatch)
    assert in_c.dtype == in_numpy.dtype
    np.testing.assert_array_equal(in_c, in_numpy)


def larger_seams() -> Seams:
    return Seams(np.array([-12, 7]), np.array([[20 + y % 3 for y in range(30)], [70 - y // 4 for y in range(30)]]))


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("most", [255, 65535, None])
def test_seams_of_larger_versions_are_the_same(
    channels: int, most: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = grain(60, 180, channels=channels)
    picture = (picture / 255).astype(np.float32) if most is None else picture.astype(np.uint16) * (most // 255)
    picture = picture.astype(np.uint8) if most == 255 else picture
    for closed in (False, True):
        refined = both_ways(lambda way=closed: refine(picture, larger_seams(), 2.0, 187, closed=way), monkeypatch)
        np.testing.assert_array_equal(refined[0].lengths, refined[1].lengths)
        np.testing.assert_array_equal(refined[0].places, refined[1].places)
        drawn = both_ways(lambda seams=refined[0]: draw(picture, seams), monkeypatch)
        assert (drawn[0] != copy_pieces(picture, refined[0])).any()
        np.testing.assert_array_equal(*drawn)


@pytest.mark.parametrize(("lengths", "start", "size"), [((-10.3, 4.6), 0.0, 126), ((-12.0, 7.0), 8.0, 150)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_pieces_at_any_place_are_the_same(
    lengths: tuple[float, float], start: float, size: int, dtype: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = (np.repeat(np.linspace(100, 104, 120)[None, :, None], 30, axis=0).round() / 255).astype(np.float32)
    picture = picture.repeat(3, axis=2)
    picture = picture if dtype is np.float32 else np.rint(picture * np.iinfo(dtype).max).astype(dtype)
    drawn = both_ways(lambda: slide(picture[::-1], larger_seams().places, np.array(lengths), size, start), monkeypatch)
    np.testing.assert_array_equal(*drawn)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_columns_between_pixels_are_the_same(dtype: type, monkeypatch: pytest.MonkeyPatch) -> None:
    most = 1 if dtype is np.float32 else np.iinfo(dtype).max
    picture = (np.random.default_rng(0).uniform(0, 1, (20, 50, 3)) * most).astype(dtype)
    drawn = both_ways(lambda: slide(picture, np.zeros((0, 20), int), np.zeros(0), 54, 2.3), monkeypatch)
    np.testing.assert_array_equal(*drawn)


@pytest.mark.parametrize("shape", [(40, 70, 3), (33, 5, 4), (7, 65), (9, 8, 2)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, bool])
def test_pictures_turn_alike(shape: tuple[int, ...], dtype: type, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = np.random.default_rng(0).integers(0, 2, shape).astype(dtype)
    np.testing.assert_array_equal(*both_ways(lambda: turned(picture, 1), monkeypatch))


def test_other_arrays_are_refused() -> None:
    picture, result = np.zeros((2, 9, 3), np.uint8), np.zeros((2, 6, 3), np.uint8)
    places, lengths = np.full((1, 2), 4), np.array([3])
    compiled.loops.copy_pieces(picture, places, lengths, result)
    with pytest.raises(TypeError, match="array 1 has format f"):
        compiled.loops.copy_pieces(picture.astype(np.float32), places, lengths, result)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="don't fit together"):
        compiled.loops.copy_pieces(picture, places + 8, lengths, result)
    with pytest.raises(ValueError, match="don't fit together"):
        compiled.loops.copy_pieces(picture, places, lengths - 1, result)
    with pytest.raises(ValueError, match="contiguous"):
        compiled.loops.copy_pieces(picture[:, ::2], places, lengths, result)
    table, shown = np.zeros((5, 9), np.float32), np.zeros((12, 9), np.float32)
    border, jumps = np.zeros(10, np.float32), np.zeros((3, 2), np.int64)
    with pytest.raises(ValueError, match="starts and turns"):
        compiled.loops.best_jumps((table,), np.array([1]), np.array([4]), shown, border, border, 2, 2, jumps)
    with pytest.raises(ValueError, match="jumps and starts"):
        compiled.loops.best_jumps((table,), np.array([0]), np.array([4]), shown, border, border[1:], 2, 2, jumps)


def test_other_cells_are_refused() -> None:
    join, fields, places = np.full(8, 4.0), np.zeros((4, 5, 2), np.float32), np.zeros((2, 4), np.int64)
    each, shares, index = np.ones((3, 3), np.float32), np.ones((1, 3)), np.full((1, 3), 7)
    largest, evenness = np.zeros(20), np.zeros(20, np.float32)
    known = each, fields, *places, largest, evenness
    changed = compiled.loops.mean_fields(join, 2, 0.0, index, shares, *known)
    with pytest.raises(ValueError, match="cells and their seam"):
        compiled.loops.mean_fields(join, 2, 0.0, index + 13, shares, *known)
    compiled.loops.scale_fields(fields, *places, largest[:changed])
    with pytest.raises(ValueError, match="fields and their parts"):
        compiled.loops.scale_fields(fields, *places, largest[: changed - 1])
    picture = np.zeros((8, 10, 1), np.uint8)
    compiled.loops.shade(picture, "B", join, 1.0, fields, 2, 0.0, 0, 10, 255.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="output and its seam"):
        compiled.loops.shade(picture, "B", join, 1.0, fields, 2, 0.0, 0, 11, 255.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="fields and the points"):
        compiled.loops.steps_at(fields, 2, 0.0, index[0], np.zeros(2), np.zeros((3, 1), np.float32))
    with pytest.raises(ValueError, match="picture and its points"):
        compiled.loops.around(picture, "B", 1.0, np.zeros(3), index[0] + 1, -2, np.zeros((3, 4, 1), np.float32))
