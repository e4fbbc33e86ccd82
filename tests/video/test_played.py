"""Scripts by a model: what its network gets in each frame, and what the command says of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from untrained_runs import write_run

from ingan_fast.export.run import ExportOptions, export
from ingan_fast.geometry import Transform
from ingan_fast.layout import Frames
from ingan_fast.pictures import Pixels
from ingan_fast.runtime import Retargeter
from ingan_fast.settings import SMOKE
from ingan_fast.training.trained import read_run
from ingan_fast.video.played import Played
from video_clips import grey, make_clip

Command = Callable[..., Any]
Refused = Callable[..., None]

SIZES = [Transform.resize((width, 56)) for width in (64, 80, 96)]
SHORT = ("--script", "grow-width", "--seconds", "0.1")


@pytest.fixture(params=["run", "model"])
def stretching(request: pytest.FixtureRequest, tmp_path: Path, picture: Pixels) -> Path:
    """A run, or an exported model, whose network is said to stretch large things."""
    run = write_run(tmp_path / "run", SMOKE, picture, stretches=True)
    if request.param == "run":
        return run
    export(read_run(run), tmp_path / "model", ExportOptions())
    return tmp_path / "model"


def test_a_network_that_stretches_gets_the_layout_of_each_frame(stretching: Path, picture: Pixels) -> None:
    retargeter = Retargeter.open(stretching, "cpu")
    engine, frames = Played(retargeter), Frames(picture, expected=SIZES)
    assert engine.warp == "layout"
    engine.expect(SIZES)
    for transform in SIZES:
        frame = engine(None, transform=transform)
        np.testing.assert_array_equal(frame, retargeter(transform=transform, warp=frames))
    assert not np.array_equal(frame, retargeter(transform=transform))
    mirrored = np.ascontiguousarray(picture[:, ::-1])
    assert Played(retargeter, picture=mirrored).warp == "smooth"
    other = Played(retargeter, "layout", mirrored)(None, transform=SIZES[1])
    np.testing.assert_array_equal(other, retargeter(mirrored, transform=SIZES[1], warp=Frames(mirrored)))


@pytest.mark.parametrize(("stretches", "warp"), [(True, "smooth"), (False, "auto")])
def test_other_frames_are_what_they_were(tmp_path: Path, picture: Pixels, stretches: bool, warp: str) -> None:
    retargeter = Retargeter.open(write_run(tmp_path / "run", SMOKE, picture, stretches), "cpu")
    engine = Played(retargeter, warp)
    engine.expect(SIZES)
    assert engine.warp == "smooth"
    for transform in SIZES:
        np.testing.assert_array_equal(engine(None, transform=transform), retargeter(transform=transform))


def test_frames_of_a_clip_are_not_for_it(tmp_path: Path, picture: Pixels) -> None:
    engine = Played(Retargeter.open(write_run(tmp_path / "run", SMOKE, picture), "cpu"))
    with pytest.raises(ValueError, match="not frames of a clip"):
        engine(picture, transform=SIZES[0])


def test_the_command_says_from_what_it_starts(ingan_fast: Command, stretching: Path) -> None:
    made = {}
    for warp in ("auto", "smooth", "layout"):
        ended = ingan_fast("video", stretching, *SHORT, "--warp", warp, "--out", f"{warp}%d.png")
        assert ended.code == 0, ended.err
        assert ("starts from the layout" in ended.err) == (warp == "auto")
        made[warp] = Path(f"{warp}3.png").read_bytes()
    assert made["auto"] == made["layout"] != made["smooth"]


def test_a_warp_that_cannot_be_had_is_refused(refused: Refused, tmp_path: Path, picture: Pixels) -> None:
    run = write_run(tmp_path / "run", SMOKE, picture)
    refused("video", run, *SHORT, "--warp", "bent", "--out", "out.mp4", parts=("auto, smooth or layout",))
    clip = make_clip(tmp_path / "clip.mp4", grey((64, 48), 2))
    words = ("--input", clip, "--scale", "1.5x1", "--out", "out.mp4")
    refused("video", run, *words, "--warp", "layout", parts=("--warp layout is for scripts",))
    refused("video", run, *words, "--warp", "bent", parts=("auto, smooth or layout",))


def test_a_model_of_one_geometry_is_refused_a_layout(refused: Refused, tmp_path: Path, picture: Pixels) -> None:
    run = write_run(tmp_path / "run", SMOKE, picture, stretches=True)
    export(read_run(run), tmp_path / "model", ExportOptions(transform=SIZES[1]))
    refused("video", tmp_path / "model", *SHORT, "--warp", "layout", "--out", "out.mp4", parts=("any geometry",))
