"""`ingan-fast bench video`: the video pipeline from first to last frame, compared with each of its stages alone."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import torch

from ingan_fast.bench.machine import describe
from ingan_fast.bench.models import write_models
from ingan_fast.bench.results import Results, Row, with_speedup
from ingan_fast.bench.timing import Spread, results_in_turns
from ingan_fast.callbacks import Advance
from ingan_fast.geometry import Size, Transform
from ingan_fast.pictures import Pixels
from ingan_fast.quality.resampling import plain_resize
from ingan_fast.runtime import Retargeter
from ingan_fast.video.frames import Frame, Sink, Source, Still
from ingan_fast.video.pipeline import Report, run
from ingan_fast.video.poses import Animation
from ingan_fast.video.reading import Clip
from ingan_fast.video.rendering import Renderer, unmoving
from ingan_fast.video.script import read_script
from ingan_fast.video.writing import VideoOutput

SCRIPT = "grow"  # every frame has another size
SECONDS = 10  # duration for any number of frames, so that layouts change in the usual number of them
CLIP_FPS = Fraction(30)
BLACK = (0, 0, 0)
NOTES = [
    "per frame; models are opened before the timing starts",
    "alone: only this stage runs",
    "an encoder looks about forty frames ahead, so part of its work comes after the last frame",
]
ALONE = RETARGETING, DECODING, ENCODING = "retargeting alone", "decoding alone", "encoding alone"


@dataclass(frozen=True)
class VideoRequest:
    """What to measure.

    Attributes:
        preset: of the generator, which has random weights.
        canvas: (width, height) of the script's video.
        frames: per video.
        clip: (width, height) of the clip that is made 1.5 times as wide.
        repeat: number of timings.
    """

    preset: str = "learned"
    canvas: Size = (640, 480)
    frames: int = 60
    clip: Size = (320, 240)
    repeat: int = 3


@dataclass(frozen=True)
class Case:
    """One video.

    Attributes:
        open_source: opens its frames from the start.
        still: all frames show one picture, and none is decoded.
        animation: the poses of the picture.
    """

    name: str
    open_source: Callable[[], AbstractContextManager[Source]]
    still: bool
    animation: Animation


class Stages:
    """One video's stages with one backend, together and alone."""

    def __init__(self, case: Case, backend: str, model: Path, out: Path):
        self.case, self.backend, self.model, self.out = case, backend, model, out
        self.reports: list[Report] = []
        with case.open_source() as source:
            self.base = source.timing.base
            self.frames = [replace(item, pixels=_copy(item.pixels)) for item in source if isinstance(item, Frame)]
        self.pictures = self._render()[0]

    @property
    def all(self) -> dict[str, Callable[[], float]]:
        """The timed functions by name; each returns its seconds."""
        decode = {} if self.case.still else {DECODING: self.decode}
        return {self.backend: self.together, RETARGETING: self.retarget, **decode, ENCODING: self.encode}

    def together(self) -> float:
        """The pipeline, from the first frame to the end of the file."""
        with self._engine() as engine, self.case.open_source() as source, self._sink(source) as sink:
            renderer = self._renderer(engine)
            report = run(source, renderer, sink, renderer.shape)
        self.reports.append(report)
        return report.wall

    def retarget(self) -> float:
        return self._render()[1]

    def decode(self) -> float:
        with self.case.open_source() as source:
            start = perf_counter()
            for _ in source:
                pass
            return perf_counter() - start

    def encode(self) -> float:
        with self.case.open_source() as source, self._sink(source) as sink:
            start = perf_counter()
            for frame, picture in zip(self.frames, self.pictures, strict=True):
                sink.write(picture, frame.pts, frame.duration)
            sink.finish()
            return perf_counter() - start

    def _render(self) -> tuple[list[Pixels], float]:
        """All pictures, and the seconds to make them."""
        with self._engine() as engine:
            renderer = self._renderer(engine)
            pictures = [np.empty(renderer.shape, np.uint8) for _ in self.frames]
            start = perf_counter()
            for frame, picture in zip(self.frames, pictures, strict=True):
                renderer(frame, picture)
            return pictures, perf_counter() - start

    def _engine(self) -> Retargeter:
        """Open the model again, so that no cached geometry is used."""
        return Retargeter.open(self.model, "cpu", self.backend)

    def _renderer(self, engine: Retargeter) -> Renderer:
        return Renderer(engine, self.case.animation, self.base, BLACK)

    def _sink(self, source: Source) -> AbstractContextManager[Sink]:
        return VideoOutput(str(self.out)).open(source, self.case.animation.canvas, self.case.still, lambda notice: None)


def steps(request: VideoRequest) -> int:
    return (3 + 4) * request.repeat  # only the clip has a decoding stage


def measure(request: VideoRequest, picture: Pixels, advance: Advance) -> Results:
    """Rows per video with the fastest backend: the pipeline, compared with its slowest stage; and each stage alone.

    Raises:
        UserError: onnx is not installed.
    """
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        backend, model = next(iter(write_models(folder, request.preset, picture).items()))
        for case in _cases(request, picture, folder):
            stages = Stages(case, backend, model, folder / "out.mp4")
            seconds = results_in_turns(stages.all, request.repeat, advance)
            rows += _rows(stages, {name: [one / request.frames for one in each] for name, each in seconds.items()})
    return Results(
        "video",
        describe(torch.device("cpu")),
        asdict(request),
        rows,
        details={"notes": NOTES},
    )


def _cases(request: VideoRequest, picture: Pixels, folder: Path) -> Iterator[Case]:
    source_size, fps = (picture.shape[1], picture.shape[0]), Fraction(request.frames, SECONDS)
    script = read_script(SCRIPT, source_size, fps=fps, seconds=SECONDS, canvas=request.canvas)
    yield Case(
        f"script {SCRIPT}, {'{}x{}'.format(*request.canvas)}, preset {request.preset}",
        lambda: nullcontext(Still(request.frames, fps)),
        True,
        script,
    )
    clip = folder / "clip.mp4"
    _write_clip(clip, picture, request)
    transform = Transform.scale(1.5, 1, request.clip)
    yield Case(
        f"clip {'{}x{}'.format(*request.clip)} to {'{}x{}'.format(*transform.size)}, preset {request.preset}",
        lambda: closing(Clip(clip)),
        False,
        unmoving(transform, request.clip),
    )


def _write_clip(path: Path, picture: Pixels, request: VideoRequest) -> None:
    """Write a clip of the picture rotating horizontally."""
    source, still = Still(request.frames, CLIP_FPS), plain_resize(picture, request.clip)
    with VideoOutput(str(path)).open(source, request.clip, False, lambda notice: None) as sink:
        for frame in source:
            sink.write(np.roll(still, frame.number, axis=1), frame.pts, frame.duration)
        sink.finish()


def _rows(stages: Stages, seconds: Mapping[str, list[float]]) -> list[Row]:
    """Rows, from seconds per frame."""
    case, rows = stages.case.name, []
    for name, values in seconds.items():
        if name != stages.backend:
            rows.append(Row(case, name, Spread.of(values)))
            continue
        alone = {stage: median(seconds[stage]) for stage in ALONE if stage in seconds}
        slowest = max(alone, key=lambda stage: alone[stage])
        details = {"frames": len(stages.frames), "fps": 1 / median(values), "at_once": _at_once(stages)}
        rows.append(
            with_speedup(Row(case, name, Spread.of(values), details=details), slowest, seconds[slowest], values)
        )
    return rows


def _at_once(stages: Stages) -> dict[str, float]:
    """Milliseconds per frame that each stage works while the others run, too."""
    reports, count = stages.reports, len(stages.frames)
    times = {
        "decoding": [report.decode for report in reports],
        "retargeting": [report.inference for report in reports],
        "encoding": [report.encode for report in reports],
    }
    return {stage: 1e3 * median(values) / count for stage, values in times.items()}


def _copy(pixels: Pixels | None) -> Pixels | None:
    return None if pixels is None else pixels.copy()
