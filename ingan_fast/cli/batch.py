"""`ingan-fast batch`."""

import math
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingan_fast.cli.console import INTERRUPTED, messages, parts_done
from ingan_fast.errors import UserError
from ingan_fast.interrupts import interrupts
from ingan_fast.training.budget import duration, parse_budget

if TYPE_CHECKING:
    from ingan_fast.batch.pools import RayPool
    from ingan_fast.batch.report import Section
    from ingan_fast.batch.requests import Options, Request
    from ingan_fast.batch.run import Outcome, Progress

FAILURES_TOLD = 20  # lines on the terminal; the report has all

HELP = (
    "Retarget many pictures, on all cores of this machine or on a Ray cluster; needs the extra batch.\n\n"
    "Examples:\n\n"
    "    ingan-fast batch photos --size 1080x1920 --size 1920x1080 --out made\n\n"
    "    ingan-fast batch 'photos/**/*.jpg' --scale 1.5x1 --keep none --out wide\n\n"
    "    ingan-fast batch textures --size 1024x1024 --tile both --out tiles\n\n"
    "    ingan-fast batch photos --size 640x480 --train 5m --export --out learned      (a network for each)\n\n"
    "    ingan-fast batch photos --size 640x480 --out made --address head:6379         (on a cluster)\n\n"
    "photos/a/b.jpg becomes made/a/b_1080x1920.jpg. made/report.html and report.csv list every picture with its "
    "outputs and measures; failures are at the top, then what to look at first. Run the same command again to go on "
    "after an interruption, or with new pictures: what is there already is not made again, unless its picture or the "
    "options changed. The cluster's nodes need this version of ingan-fast, but no files: pictures are sent to them, "
    "and outputs are written by this command.\n\n"
    "Exit codes: 0 if all outputs are there, 1 if some failed (the report says why), 2 for invalid input, 130 after "
    "Ctrl-C."
)


def batch(
    given: Annotated[
        list[str], typer.Argument(metavar="FOLDER|GLOB...", help="Folders, patterns in quotes, or picture files.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="OUT", help="The folder for outputs and report.")],
    size: Annotated[
        list[str] | None, typer.Option(metavar="WxH", help="Output size in pixels, from 16x16; repeatable.")
    ] = None,
    scale: Annotated[
        list[str] | None, typer.Option(metavar="SXxSY", help="Width and height factors; repeatable.")
    ] = None,
    corners: Annotated[
        list[str] | None,
        typer.Option(
            metavar='"x,y x,y x,y x,y"',
            help="Target positions of the source's corners (tl tr br bl), in output pixels; repeatable.",
        ),
    ] = None,
    keep: Annotated[
        str, typer.Option(metavar="auto|none", help="auto spares single objects and faces that it finds; none not.")
    ] = "auto",
    tile: Annotated[str | None, typer.Option(metavar="x|y|both", help="Make the outputs tileable.")] = None,
    variation: Annotated[int, typer.Option(help="0 is the best layout, others are alternatives.")] = 0,
    strip: Annotated[bool, typer.Option("--strip", help="Convert to sRGB and omit profile, EXIF, dpi and texts.")] = (
        False
    ),
    judge: Annotated[
        bool,
        typer.Option(
            "--judge", help="Also measure coherence, completeness, swd and verbatim; needs the extra train (torch)."
        ),
    ] = False,
    train: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Train a network on each picture for this long (1m to 48h) and use it; outputs have the scale of "
            "its picture, which is at most 320 px a side.",
        ),
    ] = None,
    export: Annotated[bool, typer.Option("--export", help="With --train: also write each network as ONNX.")] = False,
    gpus_per_training: Annotated[
        float | None,
        typer.Option(
            help="GPUs for each training: 0.5 puts two on one GPU, 0 uses CPUs; default: 1 if the cluster has any."
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Pictures at once on this machine; default: its cores.")
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="A running Ray cluster; auto: the one that this machine is part of."),
    ] = None,
) -> None:
    from ingan_fast.batch.journal import opened
    from ingan_fast.batch.pictures import check_names, find_pictures
    from ingan_fast.batch.requests import parse_requests

    requests = parse_requests(size or [], scale or [], corners or [])
    options = _options(keep, tile, variation, strip, judge, train, export, requests)
    if gpus_per_training is not None and not (train and 0 <= gpus_per_training <= 64):
        raise UserError("--gpus-per-training is a number from 0 to 64, for --train")
    if workers and address:
        raise UserError("--workers is for this machine, but --address names a cluster; leave out one")
    out = out.expanduser()
    pictures = find_pictures(given, out)
    check_names(pictures, requests, out)
    _check_packages(options, local=address is None)
    if out.exists() and not out.is_dir():
        raise UserError(f"--out {out} is a file; give a folder")

    from ingan_fast.batch.pools import connected
    from ingan_fast.batch.report import sections, write_report
    from ingan_fast.batch.run import Batch

    stopped = False
    with opened(out) as journal:
        job = Batch(pictures, requests, options, journal)
        try:
            if not job.complete():
                with parts_done("starting", len(pictures)) as show, connected(address, workers) as pool:
                    gpus = _gpus(pool, gpus_per_training) if train else 0.0
                    # Signals are handled from here on, because Ray has set handlers of its own.
                    with interrupts() as interrupted:
                        job.run(pool, gpus, lambda progress: show(progress.done, _told(progress)), interrupted)
                    stopped = interrupted.is_set()
        finally:
            found = sections(pictures, job.planned, job.outcome)
            if job.outcome.entries or job.outcome.errors:
                write_report(out, found)
    failed = _tell(found, job.outcome, out)
    if stopped:
        messages.print("Stopped; the same command goes on.")
        raise typer.Exit(INTERRUPTED)
    if failed:
        raise typer.Exit(1)


def _tell(found: "list[Section]", outcome: "Outcome", out: Path) -> int:
    """Print the failures and a summary; returns the number of pictures that failed."""
    states = Counter(section.state() for section in found)
    failed, missing = states["failed"], states["missing"]
    for section in found[: min(failed, FAILURES_TOLD)]:
        for kinds, error in section.errors():
            messages.print(f"{section.picture.path}: {kinds}: {error}", markup=False, soft_wrap=True)
    if failed > FAILURES_TOLD:
        messages.print(f"and {failed - FAILURES_TOLD} more; see {out / 'report.html'}", markup=False, soft_wrap=True)
    made = len(outcome.made)
    parts = [f"{made} outputs made in {duration(outcome.seconds)}", f"{len(outcome.entries) - made} were there"]
    parts += [f"{failed} of {len(found)} pictures failed"] * bool(failed)
    parts += [f"{missing} are not done yet"] * bool(missing)
    print(f"{out / 'report.html'}: {', '.join(parts)}")
    return failed


def _options(
    keep: str,
    tile: str | None,
    variation: int,
    strip: bool,
    judge: bool,
    train: str | None,
    export: bool,
    requests: "list[Request]",
) -> "Options":
    from ingan_fast.batch.requests import Options, Training
    from ingan_fast.cli.instant import TILES

    if keep not in ("auto", "none"):
        raise UserError(f"--keep {keep} is unknown; choose auto or none (masks are for `ingan-fast retarget`)")
    if tile is not None and tile not in TILES:
        raise UserError(f"unknown --tile {tile}; choose x, y or both")
    if variation < 0:
        raise UserError(f"--variation {variation} is out of range; give 0 (the best layout) or more")
    if tile and any(request.kind == "corners" for request in requests):
        raise UserError("--tile needs outputs that fill their frames; leave out --corners")
    given = ["--keep"] * (keep != "auto") + ["--tile"] * bool(tile) + ["--variation"] * bool(variation)
    if train and given:
        raise UserError(f"{' and '.join(given)} are for layouts, but --train uses networks; leave out one")
    if export and not train:
        raise UserError("--export writes trained networks; add --train, such as --train 5m")
    training = Training(parse_budget(train), export=export) if train else None
    return Options(keep == "auto", TILES[tile] if tile else "", variation, strip, judge, training)


def _check_packages(options: "Options", local: bool) -> None:
    """Name what is missing before any work, where the work is done on this machine."""
    needed = {"ray": "batch"}
    if local and (options.judge or options.training):
        needed["torch"] = "train"
    if local and options.training and options.training.export:
        needed |= {"onnx": "export", "onnxscript": "export"}
    for package, extra in needed.items():
        if find_spec(package) is None:
            raise UserError(f"this needs {package}, which is not installed: pip install 'ingan-fast[{extra}]'")


def _gpus(pool: "RayPool", wanted: float | None) -> float:
    """GPUs of each training."""
    there = pool.gpus()
    if wanted is None:
        return min(1.0, there)
    if wanted > there:
        raise UserError(f"--gpus-per-training {wanted:g} is more than the cluster has ({there:g}); give less, or 0")
    return wanted


def _told(progress: "Progress") -> str:
    """Progress in words."""
    parts = [f"{progress.done} of {progress.pictures} pictures"]
    if progress.made and progress.seconds:
        speed = progress.made / progress.seconds
        left = (progress.pictures - progress.done) / speed
        parts += [f"{speed:.2g} a second", f"about {duration(math.ceil(left))} left"]
    return ", ".join(parts + [f"{progress.failed} failed"] * bool(progress.failed))
