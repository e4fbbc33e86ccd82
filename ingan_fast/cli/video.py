"""`ingan-fast video`."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ingan_fast.cli.console import INTERRUPTED, messages, progress
from ingan_fast.cli.pretrained import Pretrained, given_or_pretrained
from ingan_fast.cli.video_request import Request
from ingan_fast.cli.warp import Warp, tell_start
from ingan_fast.errors import UserError
from ingan_fast.geometry import Size
from ingan_fast.hub import is_address
from ingan_fast.interrupts import interrupts
from ingan_fast.video.named import NAMES

if TYPE_CHECKING:
    from ingan_fast.runtime import Retargeter
    from ingan_fast.video.laid_out import LaidOut
    from ingan_fast.video.pipeline import Report
    from ingan_fast.video.played import Played

HELP = (
    "Animate a picture (--script), or retarget each frame of a clip (--input with one of --size, --scale, --corners, "
    "--script).\n\n"
    "Examples:\n\n"
    "    ingan-fast video photo.jpg --script grow --out out.mp4      (no training)\n\n"
    "    ingan-fast video runs/fruit --script grow --out out.mp4\n\n"
    "    ingan-fast video hf://me/fruit --script grow --out out.mp4      (from the Hugging Face Hub)\n\n"
    "    ingan-fast video --pretrained market --script grow --out out.mp4      (a model of the package)\n\n"
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


def video(
    out: Annotated[str, typer.Option(metavar="FILE", help="The video; frames/%05d.png for pictures; - for a pipe.")],
    given: Annotated[
        Path | None,
        typer.Argument(metavar="PICTURE|MODEL|RUN", help="A picture (scripts), an exported model, or a run folder."),
    ] = None,
    pretrained: Pretrained = None,
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
    warp: Warp = None,
) -> None:
    [model] = given_or_pretrained([] if given is None else [given], pretrained)
    request = Request(
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
                report, canvas_size, notices = _make(request, model, device, backend, warp, interrupted)
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


def open_picture(path: Path, request: Request, others: bool) -> "LaidOut":
    """Lays a picture out for each frame.

    Args:
        path: the picture's file.
        request: the options.
        others: whether there are options of runs and models besides.

    Raises:
        UserError: it can't be read, or the request needs a model.
    """
    from ingan_fast.layout.pictures import as_stored, in_unit_range, shrunk
    from ingan_fast.pictures import has_opacity, load_photo, srgb
    from ingan_fast.video.laid_out import LaidOut

    if request.input is not None:
        raise UserError(f"{path} is a picture, but --input needs a run or a model for its frames; give one")
    if others:
        raise UserError("--device, --backend and --warp are for runs and models; leave them out with a picture")
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


def open_model(path: Path, request: Request, device: str, backend: str, warp: str) -> "Played | Retargeter":
    """Plays the training picture for a script, or else the frames of a clip.

    Raises:
        UserError: the model can't be run, or not with this warp.
    """
    from ingan_fast.runtime import Retargeter
    from ingan_fast.video.played import Played

    if request.input is not None and warp == "layout":
        raise UserError("--warp layout is for scripts: frames of a clip would each have another layout; leave it out")
    retargeter = Retargeter.open(path, device, backend)
    played = Played(retargeter, warp)
    if request.input is not None:
        return retargeter
    tell_start(played.warp, warp)
    return played


def _make(
    request: Request, model: Path, device: str, backend: str, warp: str | None, interrupted: Event
) -> tuple["Report", Size, list[str]]:
    """Make the video; returns the report, the frames' size, and messages for the user."""
    from ingan_fast.pictures.formats import named_as_picture
    from ingan_fast.video.frames import Still
    from ingan_fast.video.laid_out import LaidOut
    from ingan_fast.video.pipeline import run
    from ingan_fast.video.played import Played
    from ingan_fast.video.rendering import Renderer

    notices: list[str] = []
    with ExitStack() as stack:
        clip = stack.enter_context(closing(request.open_clip(interrupted))) if request.input is not None else None
        is_picture = named_as_picture(model) and not is_address(model)
        engine: LaidOut | Played | Retargeter
        if is_picture:
            engine = open_picture(model, request, device != "auto" or backend != "auto" or warp is not None)
        else:
            engine = open_model(model, request, device, backend, warp or "auto")
        stack.enter_context(closing(engine))
        animation = request.animation(clip.size if clip else engine.source_size, clip)
        if isinstance(engine, LaidOut | Played):
            engine.expect(pose.transform for pose in animation.poses)
        source = clip or Still(len(animation.poses), animation.fps)
        renderer = Renderer(engine, animation, source.timing.base, request.background)
        sink = stack.enter_context(request.output.open(source, animation.canvas, clip is None, notices.append))
        advance = stack.enter_context(_progress(source.total))
        report = run(source, renderer, sink, renderer.shape, interrupted=interrupted, advance=advance)
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
