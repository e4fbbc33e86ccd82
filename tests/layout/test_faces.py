"""Faces are found, and outputs show them once and whole."""

import numpy as np
import pytest
from numpy.typing import NDArray

from ingan_fast.layout import Layouts, layouts
from ingan_fast.layout.faces import faces, people
from ingan_fast.layout.single_objects import FACE, STANDING
from layout_scenes import ball_on_grain, drawn_face, face_in_a_crowd, grain, whole_copies

AT = 30, 100  # (y, x) of the upper left corner of the face in its crowd
MIDDLE, SIDE = np.array([AT[1] + 50, AT[0] + 65]), 50  # of what lies between its brows, its chin and its cheeks


def assert_is_the_face(found: NDArray[np.float64], scale: float = 1) -> None:
    assert len(found) == 1
    assert (np.abs(found[0, :2] - scale * MIDDLE) < 0.1 * scale * SIDE).all()
    assert found[0, 2] == pytest.approx(scale * SIDE, rel=0.15)


def of_kind(picture: NDArray[np.uint8], kind: str) -> NDArray:
    grey = picture.mean(axis=2, keepdims=True).astype(np.uint8)
    opaque = np.full_like(grey, 255)
    return {
        "colours": picture,
        "grey": grey,
        "grey with opacity": np.dstack([grey, opaque]),
        "colours with opacity": np.dstack([picture, opaque]),
        "16 bits": picture.astype(np.uint16) * 257,
        "floats": (picture / 255).astype(np.float32),
    }[kind]


@pytest.mark.parametrize("kind", ["colours", "grey", "grey with opacity", "colours with opacity", "16 bits", "floats"])
def test_a_face_is_found_once_where_it_is(kind: str) -> None:
    assert_is_the_face(faces(of_kind(face_in_a_crowd(at=AT), kind)))


@pytest.mark.parametrize("times", [2, 5])
def test_a_face_of_a_large_picture_is_found_at_its_size(times: int) -> None:
    large = face_in_a_crowd(at=AT).repeat(times, axis=0).repeat(times, axis=1)
    assert_is_the_face(faces(large), times)


def test_each_of_two_faces_is_found() -> None:
    two = np.concatenate([face_in_a_crowd(at=AT), face_in_a_crowd(at=AT)[:, ::-1]], axis=1)
    found = faces(two)
    assert sorted(found[:, 0].round(-1)) == [MIDDLE[0], 640 - MIDDLE[0]]


@pytest.mark.parametrize(
    "picture",
    [
        grain(200, 300),
        ball_on_grain(),
        np.full((300, 300, 3), 128, np.uint8),
        np.zeros((1, 900, 1), np.uint8),
        face_in_a_crowd()[::-1],  # upside down
    ],
)
def test_nothing_is_found_where_there_is_no_face(picture: NDArray[np.uint8]) -> None:
    assert faces(picture).shape == (0, 3)
    assert not people(picture).any()


def test_the_head_counts_always_and_the_body_where_the_width_changes() -> None:
    picture = face_in_a_crowd(at=AT)
    _, mask = drawn_face()
    found = people(picture)
    head = np.zeros(picture.shape[:2], bool)
    head[AT[0] : AT[0] + 120, AT[1] : AT[1] + 100] = mask
    assert (found[head] == FACE).mean() > 0.98
    assert (found == FACE).sum() < 2 * head.sum()
    below = found[AT[0] + 140 :]
    assert set(np.unique(below)) == {0, STANDING}
    assert below.any(axis=1).all()
    assert not found[: AT[0] - 20].any()


def parts_shown(output: NDArray[np.uint8]) -> list[int]:
    """How often each part of the face is in an output: both eyes, the nose and the mouth."""
    face, _ = drawn_face()
    parts = face[46:58, 31:69], face[62:71, 44:56], face[73:84, 38:62]
    return [whole_copies(output, part, np.ones(part.shape[:2], bool)) for part in parts]


def skin_shown(output: NDArray[np.uint8], picture: NDArray[np.uint8]) -> float:
    """How much skin is in an output, in that of its picture."""
    shown = [(np.abs(each - np.array([225, 195, 175])) < 10).all(axis=2).sum() for each in (output, picture)]
    return float(shown[0] / shown[1])


@pytest.mark.parametrize("size", [(480, 200), (192, 200), (320, 300), (320, 130)])
def test_outputs_show_a_face_before_a_crowd_once_and_whole(size: tuple[int, int]) -> None:
    picture = face_in_a_crowd(at=AT)
    output = Layouts(picture).retarget(size)
    assert parts_shown(output) == [1, 1, 1]
    assert skin_shown(output, picture) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("size", [(480, 200), (192, 200), (320, 300)])
def test_without_that_it_would_be_doubled_or_cut(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layouts, "people", lambda picture: np.zeros(picture.shape[:2], np.uint8))
    picture = face_in_a_crowd(at=AT)
    unaware = Layouts(picture)
    assert not unaware.objects().any()  # nothing else spares it
    assert abs(skin_shown(unaware.retarget(size), picture) - 1) > 0.2
