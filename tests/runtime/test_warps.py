"""What a network gets under T: the picture warped as a whole, or laid out where large things would be stretched."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from untrained_runs import write_run

from ingan_fast import Transform
from ingan_fast.errors import UserError
from ingan_fast.export.run import ExportOptions, export
from ingan_fast.layout import Frames, Layouts
from ingan_fast.layout.perspective import lay_out
from ingan_fast.pictures import Pixels
from ingan_fast.runtime import Retargeter
from ingan_fast.runtime.opening import Opened
from ingan_fast.runtime.retargeter import load
from ingan_fast.settings import SMOKE
from ingan_fast.training.trained import read_run

WIDE = Transform.resize((96, 56))
TILT = Transform.from_corners([(10, 0), (90, 8), (100, 70), (0, 60)], (100, 70))


class Recorder:
    """A backend that keeps the grid that it was given."""

    name, bytes_per_pixel = "recorder", 1

    def prepare(self, geometry: dict[str, np.ndarray]) -> np.ndarray:
        return geometry["grid"]

    def run(self, frame: Pixels | None, prepared: np.ndarray, out: Pixels) -> None:
        self.grid = prepared[0]
        out[:] = 0


@pytest.fixture
def opened(picture: Pixels) -> Opened:
    """Of a network that stretches large things."""
    return Opened(Recorder(), "", 8, picture, (64, 56), stretches=True)  # type: ignore[arg-type]


def grid_of(retargeter: Retargeter, transform: Transform, **words: Any) -> np.ndarray:
    retargeter.retarget(transform, **words)
    grid: np.ndarray = retargeter._backend.grid  # type: ignore[attr-defined]
    return grid


@pytest.mark.parametrize("transform", [WIDE, TILT], ids=["whole", "tilted"])
def test_a_still_of_a_network_that_stretches_starts_from_the_layout(
    opened: Opened, picture: Pixels, transform: Transform
) -> None:
    expected, inside = lay_out(Layouts(picture), transform).grid(), transform.mask() > 0
    found = grid_of(Retargeter(opened), transform)
    np.testing.assert_array_equal(found, grid_of(Retargeter(opened), transform, frame=picture))
    np.testing.assert_array_equal(found[inside], expected[inside])
    np.testing.assert_array_equal(found[~inside], transform.grid()[~inside])
    assert np.abs(found - transform.grid())[inside].max() > 0.1


def test_tiles_of_it_start_from_the_same_layout(opened: Opened) -> None:
    tall = Transform.resize((64, 112))
    tiled = Retargeter(opened, max_memory=1)
    assert tiled._tile < 112
    grid = grid_of(tiled, tall)  # of the last tile
    np.testing.assert_array_equal(grid, grid_of(Retargeter(opened), tall)[-len(grid) :])


def test_everything_else_is_warped_as_a_whole(opened: Opened, picture: Pixels) -> None:
    smooth = WIDE.grid()
    np.testing.assert_array_equal(grid_of(Retargeter(opened), WIDE, warp="smooth"), smooth)
    np.testing.assert_array_equal(grid_of(Retargeter(opened), WIDE, frame=picture[::-1].copy()), smooth)
    np.testing.assert_array_equal(grid_of(Retargeter(replace(opened, stretches=False)), WIDE), smooth)
    frames = Retargeter(opened)
    frames(transform=WIDE)  # one of a video
    np.testing.assert_array_equal(frames._backend.grid, smooth)  # type: ignore[attr-defined]


def test_a_frame_starts_from_its_own_layout_where_that_is_asked_for(opened: Opened, picture: Pixels) -> None:
    frame = np.ascontiguousarray(picture[:, ::-1])
    expected = lay_out(Layouts(frame), WIDE).grid()
    retargeter = Retargeter(opened)
    np.testing.assert_array_equal(grid_of(retargeter, WIDE, frame=frame, warp="layout"), expected)
    assert not retargeter._geometries._kept  # tables of frames that don't come again would fill the memory


@pytest.mark.parametrize("transform", [WIDE, TILT], ids=["whole", "tilted"])
def test_frames_of_a_video_start_from_layouts_that_move_evenly(
    opened: Opened, picture: Pixels, transform: Transform
) -> None:
    frames = Frames(picture, expected=[transform])
    for retargeter in (Retargeter(opened), Retargeter(replace(opened, baked_source=True))):
        np.testing.assert_array_equal(grid_of(retargeter, transform, warp=frames), frames.grid(transform))
    tall = Transform.resize((64, 112))
    last = grid_of(Retargeter(opened, max_memory=1), tall, warp=frames)
    np.testing.assert_array_equal(last, frames.grid(tall)[-len(last) :])


def test_layouts_of_another_picture_are_refused(opened: Opened, picture: Pixels) -> None:
    with pytest.raises(UserError, match="of 60x56, and the frame is 64x56"):
        Retargeter(opened)(transform=WIDE, warp=Frames(picture[:, :60]))
    with pytest.raises(UserError, match="of 64x56, and the frame is 60x56"):
        Retargeter(opened)(picture[:, :60], transform=WIDE, warp=Frames(picture))
    with pytest.raises(UserError, match="any geometry"):
        Retargeter(replace(opened, fixed=WIDE))(transform=WIDE, warp=Frames(picture))


@pytest.mark.parametrize(
    ("change", "warp", "part"),
    [
        ({}, "bent", "auto, smooth or layout"),
        ({"fixed": WIDE}, "layout", "any geometry"),
        ({"source": None}, "layout", "pixels"),
    ],
)
def test_a_layout_that_cannot_be_had_is_refused(opened: Opened, change: dict[str, Any], warp: str, part: str) -> None:
    retargeter = Retargeter(replace(opened, **change))
    with pytest.raises(UserError, match=part):
        retargeter.retarget(WIDE, warp=warp)


@pytest.mark.parametrize("stretches", [True, False])
def test_a_run_and_its_exported_model_say_whether_the_network_stretches(
    tmp_path: Path, picture: Pixels, stretches: bool
) -> None:
    run = write_run(tmp_path / "run", SMOKE, picture, stretches)
    assert load(run, "cpu").stretches == stretches
    export(read_run(run), tmp_path / "exported", ExportOptions())
    assert Retargeter.open(tmp_path / "exported", "cpu").stretches == stretches


def test_a_training_finds_out_whether_its_network_stretches(trained_run: Path, run_copy: Path) -> None:
    lines = [json.loads(line) for line in (trained_run / "log.jsonl").read_text().splitlines()]
    kept = [line for line in lines if "kept_width_x1.5" in line][-1]
    assert load(trained_run, "cpu").stretches == (min(kept["kept_width_x1.5"], kept["kept_width_x0.6"]) < 0.7)
    (run_copy / "log.jsonl").unlink()  # as of one from the Hub
    assert load(run_copy, "cpu").stretches == load(trained_run, "cpu").stretches


def test_the_command_says_from_what_it_starts(ingan_fast: Callable[..., Any], tmp_path: Path, picture: Pixels) -> None:
    run = write_run(tmp_path / "run", SMOKE, picture, stretches=True)
    made = {}
    for warp in ("auto", "smooth", "layout"):
        ended = ingan_fast("retarget", run, "--scale", "1.5x1", "--warp", warp, "--out", f"{warp}.png")
        assert ended.code == 0, ended.err
        assert ("starts from the layout" in ended.err) == (warp == "auto")
        made[warp] = Path(f"{warp}.png").read_bytes()
    assert made["auto"] == made["layout"] != made["smooth"]
