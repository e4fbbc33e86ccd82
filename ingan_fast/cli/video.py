"""`ingan-fast video`."""

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from fractions import Fraction
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ingan_fast.cli.console import INTERRUPTED, messages, progress
from ingan_fast.errors import UserError
from ingan_fast.geometry import Size, Transform
from ingan_fast.hub import is_address
from ingan_fast.interrupts import interrupts
from ingan_fast.parsing import parse_corners, parse_scale, parse_size
from ingan_fast.video.named import NAMES
from ingan_fast.video.timing import parse_fps

if TYPE_CHECKING:
    from ingan_fast.runtime import Retargeter
    from ingan_fast.video.animations import AnimatedPicture
    from ingan_fast.video.laid_out import LaidOut
    from ingan_fast.video.pipeline import Report
    from ingan_fast.video.pipes import RawFrames
    from ingan_fast.video.reading import Clip
    from ingan_fast.video.script import Animation

HELP = (
    "Animate a picture (--script), or retarget each frame of a clip (--input with one of --size, --scale, --corners, "
    "--script).\n\n"
    "Examples:\n\n"
    "    ingan-fast video photo.jpg --script grow --out out.mp4      (no training)\n\n"
    "    ingan-fast video runs/fruit --script grow --out out.mp4\n\n"
    "    ingan-fast video hf://me/fruit --script grow --out out.mp4      (from the Hugging Face Hub)\n\n"
    "    ingan-fast video runs/fruit --script mine.yaml --canvas 640x480 --background none --out out.webm\n\n"
    "    ingan-fast video runs/fruit --input clip.mp4 --scale 1.5x1 --out wide.mp4\n\n"
    '    ingan-fast video runs/fruit --input clip.mp4 --corners "60,0 340,0 400,300 0,300" --out "frames/%05d.png"\n\n'
    "    ffmpeg -i clip.mp4 -f yuv4mpegpipe - | ingan-fast video runs/fruit --input - --size 640x480 --out - | "
    "ffplay -\n\n"
    f"Scripts: {', '.join(NAMES)}, or a YAML file of keyframes (docs/video.md).\n\n"
    "Files: .mp4 .m4v .mkv .mov (H.264), .webm (VP9), .gif, .webp, pictures (frames/%05d.png). With --background none "
    ".mov (ProRes 4444), .webm, .gif, .webp and .png have transparency. For other codecs pipe y4m to ffmpeg. Ctrl-C "
    "ends the video early; the file is then complete."
)

BROKEN_PIPE = 141  # exit code that shells report for a process ended by a closed pipe
PICTURE_SIDE = 960  # px; longer side of a picture without a model, limited to the size of screens
GIF_FPS = Fraction(25)  # GIF counts time in 1/100 s
RAW_FPS = Fraction(30)


def video(
    model: Annotated[
        Path,
        typer.Argument(metavar="PICTURE|MODEL|RUN", help="A picture (scripts), an exported model, or a run folder."),
    ],
    out: Annotated[str, typer.Option(metavar="FILE", help="The video; frames/%05d.png for pictures; - for a pipe.")],
    script: Annotated[str | None, typer.Option(metavar="NAME|FILE", help="The motion.")] = None,
    input_: Annotated[
        str | None, typer.Option("--input", metavar="CLIP", help="A video, or - for standard input.")
    ] = None,
    size: Annotated[str | None, typer.Option(metavar="WxH", help="With --input: the output's size.")] = None,
    scale: Annotated[str | None, typer.Option(metavar="SXxSY", help="With --input: width and height factors.")] = None,
    corners: Annotated[
        str | None,
        typer.Option(metavar='"x,y x,y x,y x,y"', help="With --input: target positions of its corners (tl tr br bl)."),
    ] = None,
    canvas: Annotated[str | None, typer.Option(metavar="WxH", help="For a script: the video's size.")] = None,
    anchor: Annotated[
        str | None, typer.Option(help="For a script: placement of smaller pictures; centre, left, top-left, ...")
    ] = None,
    fps: Annotated[str | None, typer.Option(help="Frames per second of a script or raw input; 30 (GIF: 25).")] = None,
    seconds: Annotated[float | None, typer.Option(help="Duration of a script; 10, or the clip's.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of random scripts.")] = None,
    background: Annotated[
        str, typer.Option(metavar="COLOUR", help="Outside the picture: #rrggbb, or none for transparency.")
    ] = "#000000",
    raw: Annotated[
        str | None,
        typer.Option(metavar="WxH", help="Use rgb24 in pipes instead of y4m: size of input frames, else of output."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    backend: Annotated[str, typer.Option(help="What runs the model; auto: the fastest available.")] = "auto",
) -> None:
    request = _Request(
        out=out,
        script=script,
        input_=input_,
        size=size,
        scale=scale,
        corners=corners,
        canvas=canvas,
        anchor=anchor,
        fps=fps,
        seconds=seconds,
        seed=seed,
        background=background,
        raw=raw,
    )
    try:
        with interrupts() as interrupted:
            try:
                report, canvas_size, notices = _make(request, model, device, backend, interrupted)
            except UserError as error:
                if interrupted.is_set():  # the interrupt is the cause, for example of missing input
                    raise KeyboardInterrupt from error
                raise
    except BrokenPipeError as error:  # the reader has closed the pipe
        raise typer.Exit(BROKEN_PIPE) from error
    width, height = canvas_size
    for notice in notices:
        messages.print(notice, markup=False, soft_wrap=True)
    stream = sys.stderr if out == "-" else sys.stdout
    print(f"{out}: {report.frames} frames of {width}x{height}; {_speed(report)}", file=stream)
    if report.interrupted:
        messages.print("Stopped; the output so far is complete.")
        raise typer.Exit(INTERRUPTED)


class _Request:
    """The request, checked before slow imports."""

    def __init__(
        self,
        *,
        out: str,
        script: str | None,
        input_: str | None,
        size: str | None,
        scale: str | None,
        corners: str | None,
        canvas: str | None,
        anchor: str | None,
        fps: str | None,
        seconds: float | None,
        seed: int | None,
        background: str,
        raw: str | None,
    ):
        from ingan_fast.video.writing import Output

        shapes = {"--size": size, "--scale": scale, "--corners": corners}
        motion = {"--canvas": canvas, "--anchor": anchor, "--seconds": seconds, "--seed": seed}
        self.input = input_
        _check_request(input_, script, [name for name, value in shapes.items() if value is not None])
        _check_option_conflicts(
            input_, out, script, raw, fps, [name for name, value in motion.items() if value is not None]
        )
        self.script, self.anchor, self.seconds, self.seed = script, anchor, seconds, seed or 0
        self.size = parse_size(size) if size is not None else None
        self.scale = parse_scale(scale) if scale is not None else None
        self.corners = parse_corners(corners) if corners is not None else None
        self.canvas = parse_size(canvas) if canvas is not None else None
        self.raw = parse_size(raw) if raw is not None else None
        self.fps = parse_fps(fps) if fps is not None else None
        self.background = _parse_background(background)
        self.output = Output(out, alpha=self.background is None, raw=raw is not None)
        _check_output_is_not_input(input_, out)

    def open_clip(self, interrupted: Event) -> "AnimatedPicture | Clip | RawFrames":
        from ingan_fast.video.animations import AnimatedPicture, is_animation
        from ingan_fast.video.pipes import PipeInput, RawFrames
        from ingan_fast.video.reading import Clip

        assert self.input is not None
        if self.input != "-":
            path = Path(self.input)
            return AnimatedPicture(path) if is_animation(path) else Clip(path)
        if sys.stdin.isatty():
            raise UserError("--input - reads frames from standard input, which is a terminal; pipe a video in")
        pipe = PipeInput(sys.stdin.fileno(), interrupted)
        return RawFrames(pipe, self.raw, self.fps or RAW_FPS) if self.raw else Clip(pipe)

    def animation(self, source_size: Size, clip: "AnimatedPicture | Clip | RawFrames | None") -> "Animation":
        from ingan_fast.video.rendering import unmoving
        from ingan_fast.video.script import read_script

        if self.script is None:
            animation = unmoving(self._transform(source_size), source_size)
        else:
            fps, seconds = self.fps, self.seconds
            if clip is not None:
                fps, seconds = clip.timing.rate, seconds or clip.seconds
            elif fps is None and self.output.name.lower().endswith(".gif"):
                fps = GIF_FPS
            animation = read_script(
                self.script,
                source_size,
                fps=fps,
                seconds=seconds,
                canvas=self.canvas,
                anchor=self.anchor,
                seed=self.seed,
            )
        if self.raw and self.input != "-" and self.raw != animation.canvas:
            wanted, made = (f"{width}x{height}" for width, height in (self.raw, animation.canvas))
            raise UserError(f"--raw {wanted} differs from the output's frames of {made}; give --raw {made}")
        return animation

    def _transform(self, source_size: Size) -> Transform:
        if self.scale is not None:
            return Transform.scale(*self.scale, source_size)
        if self.corners is not None:
            return Transform.from_corners(self.corners, self.size)
        assert self.size is not None
        return Transform.resize(self.size)


def _check_request(input_: str | None, script: str | None, shapes: list[str]) -> None:
    if input_ is None:
        if shapes:
            raise UserError(f"{shapes[0]} is for clips: add --input, or make a picture with `ingan-fast retarget`")
        if script is None:
            raise UserError("nothing to do; give --script, or --input with --size, --scale or --corners")
    elif script is not None and shapes:
        raise UserError(f"--script and {shapes[0]} exclude each other; give one")
    elif "--scale" in shapes and len(shapes) > 1:
        raise UserError(f"{' and '.join(shapes)} exclude each other; give one")
    elif script is None and not shapes:
        raise UserError("--input needs an output geometry; give --size, --scale, --corners or --script")


def _check_option_conflicts(
    input_: str | None, out: str, script: str | None, raw: str | None, fps: str | None, motion: list[str]
) -> None:
    if motion and script is None:
        raise UserError(f"{motion[0]} needs --script; give one, or leave {motion[0]} out")
    if raw is not None and "-" not in (input_, out):
        raise UserError("--raw is for frames in pipes; give --input - or --out -, or leave it out")
    if fps is not None and input_ is not None and not (input_ == "-" and raw is not None):
        raise UserError("--fps is for a script without --input, and for raw input; a clip keeps its own times")


def _check_output_is_not_input(input_: str | None, out: str) -> None:
    if input_ not in (None, "-") and os.path.exists(out) and os.path.exists(input_) and os.path.samefile(input_, out):
        raise UserError(f"--out {out} would replace the input; choose another name")


def _parse_background(text: str) -> tuple[int, int, int] | None:
    if text == "none":
        return None
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        raise UserError(f"background {text[:60]!r} is invalid; give #rrggbb, such as #ffffff, or none")
    red, green, blue = bytes.fromhex(text[1:])
    return red, green, blue


def open_picture(path: Path, request: _Request, device: str, backend: str) -> "LaidOut":
    """Engine that lays a picture out for each frame.

    Raises:
        UserError: it can't be read, or the request needs a model.
    """
    from ingan_fast.layout.pictures import as_stored, in_unit_range, shrunk
    from ingan_fast.pictures import has_opacity, load_photo, srgb
    from ingan_fast.video.laid_out import LaidOut

    if request.input is not None:
        raise UserError(f"{path} is a picture, but --input needs a run or a model for its frames; give one")
    if device != "auto" or backend != "auto":
        raise UserError("--device and --backend are for runs and models; leave them out with a picture")
    pixels = srgb(load_photo(path)).pixels
    if has_opacity(pixels) and request.background is None:
        raise UserError(f"{path} is partly transparent, which needs a background in a video; give --background")
    height, width = pixels.shape[:2]
    factor = max(1.0, max(height, width) / PICTURE_SIDE)
    if factor > 1:
        size = round(width / factor), round(height / factor)
        pixels = as_stored(in_unit_range(shrunk(pixels, size)), pixels.dtype)
        messages.print(f"{path} is {width}x{height}; the video uses it at {size[0]}x{size[1]}", soft_wrap=True)
    return LaidOut(pixels, request.background or (0, 0, 0))


def open_engine(model: Path, device: str, backend: str) -> "Retargeter":
    from ingan_fast.runtime import Retargeter

    return Retargeter.open(model, device, backend)


def _make(
    request: _Request, model: Path, device: str, backend: str, interrupted: Event
) -> tuple["Report", Size, list[str]]:
    """Make the video; returns the report, the frames' size, and messages for the user."""
    from ingan_fast.pictures.formats import named_as_picture
    from ingan_fast.video.frames import Still
    from ingan_fast.video.pipeline import run
    from ingan_fast.video.rendering import Renderer

    notices: list[str] = []
    with ExitStack() as stack:
        clip = stack.enter_context(closing(request.open_clip(interrupted))) if request.input is not None else None
        is_picture = named_as_picture(model) and not is_address(model)
        opened = open_picture(model, request, device, backend) if is_picture else None
        engine = stack.enter_context(closing(opened or open_engine(model, device, backend)))
        animation = request.animation(clip.size if clip else engine.source_size, clip)
        if opened is not None:
            opened.expect([pose.transform for pose in animation.poses])
        source = clip or Still(len(animation.poses), animation.fps)
        renderer = Renderer(engine, animation, source.timing.base, request.background)
        sink = stack.enter_context(request.output.open(source, animation.canvas, clip is None, notices.append))
        advance = stack.enter_context(_progress(source.total))
        report = run(source, renderer, sink, renderer.shape, interrupted=interrupted, progress=advance)
        if not report.frames:
            raise KeyboardInterrupt
        if renderer.laid_over:
            notices.append("the clip is partly transparent, and was drawn over --background; none keeps transparency")
    return report, animation.canvas, notices


@contextmanager
def _progress(total: int | None) -> Iterator[Callable[[], None]]:
    """Show a bar with frames per second and remaining time; yields a function to call after each frame."""
    columns = (
        TextColumn("frame"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[fps]} fps"),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    if not messages.is_terminal and total:
        with progress("frames", total) as advance:
            yield advance
        return
    with Progress(*columns, console=messages, transient=True, disable=not messages.is_terminal) as bar:
        task = bar.add_task("", total=total, fps="–")

        def advance() -> None:
            speed = bar.tasks[0].speed
            bar.update(task, advance=1, fps=f"{speed:.1f}" if speed else "–")

        yield advance


def _speed(report: "Report") -> str:
    parts = f"decode {report.decode:.1f} s, retargeting {report.inference:.1f} s, encode {report.encode:.1f} s"
    return f"{report.frames / report.wall:.1f} per second ({parts}, in parallel {report.wall:.1f} s)"
