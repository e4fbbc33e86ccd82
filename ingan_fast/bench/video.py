"""`ingan-fast bench video`: the pipeline from first to last frame, beside each of its stages alone."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import torch

from ingan_fast.baselines import plain_resize
from ingan_fast.bench.machine import describe
from ingan_fast.bench.models import contenders, write_models
from ingan_fast.bench.results import Results, Row, beside
from ingan_fast.bench.timing import Advance, Spread
from ingan_fast.geometry import Size, Transform
from ingan_fast.images import Pixels
from ingan_fast.runtime import Retargeter
from ingan_fast.video.frames import Frame, Sink, Source, Still
from ingan_fast.video.pipeline import Report, run
from ingan_fast.video.poses import Animation
from ingan_fast.video.reading import Clip
from ingan_fast.video.rendering import Renderer, unmoving
from ingan_fast.video.script import read_script
from ingan_fast.video.writing import Output

SCRIPT = "grow"  # every frame has another size
SECONDS = 10  # that it lasts, however few its frames: layouts change, and are faded, in as many of them as usual
CLIP_FPS = Fraction(30)
BLACK = (0, 0, 0)
NOTES = [
    "a frame; models are opened before the time begins",
    "alone: the stage as all that runs",
    "an encoder looks further ahead than so short a video lasts, so most of its work comes last",
]
DECODING, ENCODING = "decoding alone", "encoding alone"


@dataclass(frozen=True)
class VideoRequest:
    """What is measured.

    Attributes:
        preset: of the generator, which has random weights.
        canvas: (width, height) of the script's video.
        frames: of each video.
        clip: (width, height) of the clip that is laid out anew, 1.5 times as wide.
        repeat: how often each is timed.
    """

    preset: str = "cpu"
    canvas: Size = (640, 480)
    frames: int = 10
    clip: Size = (320, 240)
    repeat: int = 3


@dataclass(frozen=True)
class Case:
    """One video.

    Attributes:
        open_source: its frames, from the first one.
        still: one picture is in all of them, and none is decoded.
        animation: what they show.
        reference: where cuts are looked for; None: in each frame.
        backends: that make it.
    """

    name: str
    open_source: Callable[[], AbstractContextManager[Source]]
    still: bool
    animation: Animation
    reference: Pixels | None
    backends: Sequence[str]


class Stages:
    """One video's stages, together and alone, each as often as it is called."""

    def __init__(self, case: Case, models: Mapping[str, Path], out: Path):
        self.case, self.models, self.out = case, models, out
        self.reports: dict[str, list[Report]] = {backend: [] for backend in case.backends}
        with case.open_source() as source:
            self.base = source.timing.base
            self.frames = [replace(item, pixels=_copy(item.pixels)) for item in source if isinstance(item, Frame)]
        self.pictures = self._render(case.backends[0])[0]

    @property
    def all(self) -> dict[str, Callable[[], float]]:
        """What is timed, by name; each returns its seconds."""
        together = {backend: partial(self.together, backend) for backend in self.case.backends}
        alone = {_alone(backend): partial(self.retarget, backend) for backend in self.case.backends}
        decode = {} if self.case.still else {DECODING: self.decode}
        return {**together, **alone, **decode, ENCODING: self.encode}

    def together(self, backend: str) -> float:
        """The pipeline, from the first frame to the end of the file."""
        with self._engine(backend) as engine, self.case.open_source() as source, self._sink(source) as sink:
            renderer = self._renderer(engine)
            report = run(source, renderer, sink, renderer.shape)
        self.reports[backend].append(report)
        return report.wall

    def retarget(self, backend: str) -> float:
        return self._render(backend)[1]

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

    def _render(self, backend: str) -> tuple[list[Pixels], float]:
        """All pictures, and how many seconds they took."""
        with self._engine(backend) as engine:
            renderer = self._renderer(engine)
            pictures = [np.empty(renderer.shape, np.uint8) for _ in self.frames]
            start = perf_counter()
            for frame, picture in zip(self.frames, pictures, strict=True):
                renderer(frame, picture)
            return pictures, perf_counter() - start

    def _engine(self, backend: str) -> Retargeter:
        """Opened anew, so that no frame's geometry is known from the last time."""
        return Retargeter.open(self.models[backend], "cpu", backend)

    def _renderer(self, engine: Retargeter) -> Renderer:
        return Renderer(engine, self.case.animation, self.base, BLACK, self.case.reference)

    def _sink(self, source: Source) -> AbstractContextManager[Sink]:
        return Output(str(self.out)).open(source, self.case.animation.canvas, self.case.still, lambda notice: None)


def steps(request: VideoRequest) -> int:
    backends = len(contenders())
    return (2 * backends + 1 + 2 + 2) * request.repeat


def measure(request: VideoRequest, picture: Pixels, advance: Advance) -> Results:
    """Rows of each video: by each backend all stages at once, beside the slowest of them alone, and each alone.

    Raises:
        UserError: onnx is not installed.
    """
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        models = write_models(folder, request.preset, picture)
        for case in _cases(request, picture, folder, list(models)):
            stages = Stages(case, models, folder / "out.mp4")
            seconds = _take_turns(stages.all, request.repeat, advance)
            rows += _rows(stages, {name: [one / request.frames for one in each] for name, each in seconds.items()})
    return Results(
        "video",
        describe(torch.device("cpu")),
        asdict(request),
        rows,
        details={"notes": NOTES},
    )


def _cases(request: VideoRequest, picture: Pixels, folder: Path, backends: Sequence[str]) -> Iterator[Case]:
    source_size, fps = (picture.shape[1], picture.shape[0]), Fraction(request.frames, SECONDS)
    script = read_script(SCRIPT, source_size, fps=fps, seconds=SECONDS, canvas=request.canvas)
    yield Case(
        f"script {SCRIPT}, {_text(request.canvas)}, preset {request.preset}",
        lambda: nullcontext(Still(request.frames, fps)),
        True,
        script,
        None,
        backends,
    )
    clip = folder / "clip.mp4"
    _write_clip(clip, picture, request)
    transform = Transform.scale(1.5, 1, request.clip)
    with closing(Clip(clip)) as opened:
        reference = opened.first
    yield Case(
        f"clip {_text(request.clip)} to {_text(transform.size)}, preset {request.preset}",
        lambda: closing(Clip(clip)),
        False,
        unmoving(transform, request.clip),
        reference,
        backends[:1],
    )


def _write_clip(path: Path, picture: Pixels, request: VideoRequest) -> None:
    """The picture, going around."""
    source, still = Still(request.frames, CLIP_FPS), plain_resize(picture, request.clip)
    with Output(str(path)).open(source, request.clip, False, lambda notice: None) as sink:
        for frame in source:
            sink.write(np.roll(still, frame.number, axis=1), frame.pts, frame.duration)
        sink.finish()


def _take_turns(actions: Mapping[str, Callable[[], float]], repeat: int, advance: Advance) -> dict[str, list[float]]:
    """What the actions return, one of each in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(repeat):
        for name, action in actions.items():
            seconds[name].append(action())
            advance()
    return seconds


def _rows(stages: Stages, seconds: Mapping[str, list[float]]) -> list[Row]:
    """Of seconds a frame."""
    case, rows = stages.case.name, []
    for name, values in seconds.items():
        if name not in stages.reports:
            rows.append(Row(case, name, Spread.of(values)))
            continue
        alone = {stage: median(seconds[stage]) for stage in (_alone(name), DECODING, ENCODING) if stage in seconds}
        slowest = max(alone, key=lambda stage: alone[stage])
        details = {"frames": len(stages.frames), "fps": 1 / median(values), "at_once": _at_once(stages, name)}
        rows.append(beside(Row(case, name, Spread.of(values), details=details), slowest, seconds[slowest], values))
    return rows


def _at_once(stages: Stages, backend: str) -> dict[str, float]:
    """Milliseconds a frame that each stage worked, while the others did, too."""
    reports, count = stages.reports[backend], len(stages.frames)
    times = {
        "decoding": [report.decode for report in reports],
        "retargeting": [report.inference for report in reports],
        "encoding": [report.encode for report in reports],
    }
    return {stage: 1e3 * median(values) / count for stage, values in times.items()}


def _alone(backend: str) -> str:
    return f"{backend}, retargeting alone"


def _copy(pixels: Pixels | None) -> Pixels | None:
    return None if pixels is None else pixels.copy()


def _text(size: Size) -> str:
    return f"{size[0]}x{size[1]}"
