"""`bench video`: the pipeline beside its stages alone."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ingan_fast.bench import video
from ingan_fast.bench.results import Results
from ingan_fast.bench.video import DECODING, ENCODING, RETARGETING, Stages, VideoRequest
from ingan_fast.pictures import Pixels
from ingan_fast.video.reading import Clip

REQUEST = VideoRequest("smoke", (64, 48), 10, (32, 32), 2)


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch, models: dict[str, Path]) -> str:
    """The only one that is measured."""
    monkeypatch.setattr(video, "write_models", lambda *_: {"onnxruntime": models["onnxruntime"]})
    return "onnxruntime"


@pytest.fixture
def results(backend: str, picture: Pixels) -> Results:
    advanced: list[None] = []
    results = video.measure(REQUEST, picture, lambda: advanced.append(None))
    assert len(advanced) == video.steps(REQUEST)
    return results


def test_all_stages_at_once_are_held_against_the_slowest_alone(results: Results, backend: str) -> None:
    script, clip = ([row for row in results.rows if row.case.startswith(name)] for name in ("script", "clip"))
    assert [row.name for row in script] == [backend, RETARGETING, ENCODING]
    assert [row.name for row in clip] == [backend, RETARGETING, DECODING, ENCODING]
    for together, *alone in (script, clip):
        medians = {row.name: row.milliseconds.median for row in alone if row.milliseconds}
        assert together.baseline == max(medians, key=lambda name: medians[name])
        assert together.milliseconds is not None
        assert together.times_as_fast == pytest.approx(max(medians.values()) / together.milliseconds.median)
        assert together.details["fps"] == pytest.approx(1e3 / together.milliseconds.median)
        assert all(row.baseline is None for row in alone)


def test_stages_work_no_longer_than_all_of_it_takes(results: Results, backend: str) -> None:
    for row in results.rows:
        if row.name == backend:
            at_once = row.details["at_once"]
            assert set(at_once) == {"decoding", "retargeting", "encoding"}
            assert row.milliseconds is not None
            assert 0 < at_once["retargeting"] < 1.5 * row.milliseconds.p80  # medians of different turns
            assert at_once["encoding"] > 0


@pytest.fixture
def cases(picture: Pixels, tmp_path: Path) -> dict[str, video.Case]:
    return {case.name.split()[0]: case for case in video._cases(REQUEST, picture, tmp_path)}


@pytest.mark.parametrize("name", ["script", "clip"])
def test_the_pipeline_and_its_stages_alone_make_the_same_frames(
    name: str, cases: dict[str, video.Case], models: dict[str, Path], tmp_path: Path
) -> None:
    def frames(write: Callable[[], float]) -> list[Pixels]:
        assert write() > 0
        with closing(Clip(tmp_path / "out.mp4")) as clip:
            return [frame.pixels.copy() for frame in clip]

    stages = Stages(cases[name], "onnxruntime", models["onnxruntime"], tmp_path / "out.mp4")
    together, alone = frames(stages.together), frames(stages.encode)
    assert len(together) == len(alone) == REQUEST.frames
    # Where in memory a frame is decides how it is converted to the encoder's colours.
    np.testing.assert_allclose(np.array(together, int), np.array(alone, int), atol=12)
    assert len({picture.tobytes() for picture in stages.pictures}) == REQUEST.frames  # something moves


def test_layouts_change_as_often_as_in_a_video_of_usual_length(cases: dict[str, video.Case]) -> None:
    assert len(cases["script"].animation.poses) == REQUEST.frames
    assert cases["script"].animation.fps == REQUEST.frames / video.SECONDS
    assert replace(REQUEST, frames=300).frames / video.SECONDS == 30
