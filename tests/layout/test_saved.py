"""A layout in a file gives the same picture again, and fits no other one."""

import json
from pathlib import Path

import numpy as np
import pytest

from ingan_fast import Transform
from ingan_fast.errors import UserError
from ingan_fast.layout import LayoutOptions, Layouts
from ingan_fast.layout.perspective import lay_out
from ingan_fast.layout.saved import load_layout, output_size, save_layout
from layout_scenes import ball_mask, ball_on_grain, fence, grain

CORNERS = [[20, 0], [100, 10], [110, 70], [0, 60]]
TRANSFORMS = {
    "wider": Transform.resize((120, 60)),
    "smaller": Transform.resize((60, 45)),
    "the same": Transform.resize((80, 60)),
    "corners": Transform.from_corners(CORNERS, (110, 70)),
    "parallelogram": Transform.from_corners([[40, 0], [120, 0], [80, 60], [0, 60]], (120, 60)),
}


def changed(path: Path, **changes: object) -> None:
    """Other entries in a layout file: arrays, or keys of what it says about itself."""
    with np.load(path) as file:
        arrays = dict(file)
    about = json.loads(bytes(arrays["about"]))
    for name, value in changes.items():
        if name in arrays:
            arrays[name] = value(arrays[name]) if callable(value) else np.asarray(value)
        else:
            about[name] = value
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    np.savez(path, **arrays)


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("tile", ["", "xy"])
def test_it_gives_the_identical_picture(tmp_path: Path, name: str, tile: str) -> None:
    picture = grain(60, 80)
    view = lay_out(Layouts(picture, LayoutOptions(tile=tile)), TRANSFORMS[name])
    save_layout(view, picture, tmp_path / "a.npz")
    again = load_layout(tmp_path / "a.npz", picture)
    np.testing.assert_array_equal(again.draw(picture), view.draw(picture))
    assert output_size(again) == TRANSFORMS[name].size
    assert again.transform == view.transform


def test_crops_are_saved_too(tmp_path: Path) -> None:
    picture, mask = ball_on_grain(at=(45, 3)), ball_mask(at=(45, 3))
    view = lay_out(Layouts(picture, LayoutOptions(remove=mask)), Transform.resize((190, 90)))
    assert view.layout.steps[0].seams.places[0].tolist() == [0] * 90
    save_layout(view, picture, tmp_path / "a.npz")
    np.testing.assert_array_equal(load_layout(tmp_path / "a.npz", picture).draw(picture), view.draw(picture))


def test_the_same_layout_gives_the_same_bytes_and_a_small_file(tmp_path: Path) -> None:
    picture = fence(height=300, posts=20)
    for name in "ab":
        save_layout(lay_out(Layouts(picture), Transform.resize((540, 300))), picture, tmp_path / f"{name}.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert (tmp_path / "a.npz").stat().st_size < 20_000


def test_another_picture_is_refused(tmp_path: Path) -> None:
    picture = grain(60, 80)
    save_layout(lay_out(Layouts(picture), TRANSFORMS["wider"]), picture, tmp_path / "a.npz")
    other = picture.copy()
    other[30, 40, 1] ^= 1
    with pytest.raises(UserError, match="another picture of the same size"):
        load_layout(tmp_path / "a.npz", other)
    with pytest.raises(UserError, match="of 80x60, and this one is 81x60"):
        load_layout(tmp_path / "a.npz", grain(60, 81))
    with pytest.raises(UserError, match="another picture"):
        load_layout(tmp_path / "a.npz", picture.astype(np.uint16))


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"version": 9}, "version 9"),
        ({"format": "x"}, "no layout"),
        ({"steps": [{"axis": 2, "turn": 0}]}, "no layout"),
        ({"places_0": lambda values: values[:, 1:]}, "no layout"),
        ({"places_0": lambda values: values + 1000}, "no layout"),
        ({"places_0": lambda values: values[::-1]}, "no layout"),
        ({"lengths_0": [1]}, "no layout"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, changes: dict, word: str) -> None:
    picture = fence(height=40, posts=20)
    save_layout(lay_out(Layouts(picture), Transform.resize((200, 40))), picture, tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as file:
        assert len(file["lengths_0"]) > 1
    changed(tmp_path / "a.npz", **changes)
    with pytest.raises(UserError, match=word):
        load_layout(tmp_path / "a.npz", picture)


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 cut short"])
def test_what_is_no_layout_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(UserError, match="no layout"):
        load_layout(tmp_path / "a.npz", grain(60, 80))
    with pytest.raises(UserError, match="doesn't exist"):
        load_layout(tmp_path / "b.npz", grain(60, 80))


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", about=np.array([{"format": "ingan-fast layout"}], dtype=object))
    with pytest.raises(UserError, match="no layout"):
        load_layout(tmp_path / "a.npz", grain(60, 80))
