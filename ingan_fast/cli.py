"""The command line."""

import os

# Before torch is imported: oneDNN keeps the kernels of all the shapes that a training meets (1,024 by default).
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "8192")

import errno
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from ingan_fast.config import PRESETS, parse_changes, preset, with_changes
from ingan_fast.errors import UserError
from ingan_fast.geometry import Transform, check_output_size
from ingan_fast.parsing import parse_corners, parse_homography, parse_scale, parse_size
from ingan_fast.progress import training_progress

if TYPE_CHECKING:
    from ingan_fast.retargeting import TrainedGenerator

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Learn the patches of one image and lay them out again at any size, shape or perspective.",
)
messages = Console(stderr=True, highlight=False)

INTERRUPTED = 130


def _settings_help() -> str:
    from dataclasses import fields

    values = ", ".join(f"{field.name}={getattr(PRESETS['cpu'], field.name)}" for field in fields(PRESETS["cpu"]))
    return f"\n\nSettings for --set, with the values of the preset cpu: {values}."


def _version(wanted: bool) -> None:
    if wanted:
        print(f"ingan-fast {version('ingan-fast')}")
        raise typer.Exit


@app.callback()
def _main(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


@app.command(
    help="Train a generator on one picture, or on several of a kind.\n\n"
    "Examples:\n\n"
    "    ingan-fast train fruit.jpg --out runs/fruit\n\n"
    "    ingan-fast train fruit.jpg --out runs/fruit --resume      go on after a crash or Ctrl-C\n\n"
    "    ingan-fast train fruit.jpg --out runs/long --preset paper --device cuda\n\n"
    "    ingan-fast train a.png b.png --out runs/both --iterations 5000 --set crop=128" + _settings_help()
)
def train(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Pictures, 32 px a side or more.")],
    out: Annotated[Path, typer.Option("--out", metavar="RUN", help="The run folder that is made.")],
    preset_name: Annotated[str, typer.Option("--preset", help=f"One of {', '.join(PRESETS)}.")] = "cpu",
    iterations: Annotated[int | None, typer.Option(help="Instead of the preset's number.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same result.")] = 0,
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting; repeatable.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from RUN's last checkpoint.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the run in RUN.")] = False,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Also write TensorBoard events.")] = False,
) -> None:
    wanted: dict[str, Any] = dict(parse_changes(changes or []))
    if iterations is not None:
        wanted["iterations"] = iterations
    total = with_changes(preset(preset_name), wanted).iterations
    from ingan_fast.training import train as run_training

    with training_progress(total, messages) as report:
        result = run_training(
            images,
            out,
            preset_name=preset_name,
            settings=wanted,
            device=device,
            seed=seed,
            resume=resume,
            overwrite=overwrite,
            tensorboard=tensorboard,
            report=report,
            notice=messages.print,
        )
    if not result.finished:
        messages.print(
            f"Stopped; iteration {result.iteration} of {total} is saved in {out}. "
            "The same command with --resume goes on."
        )
        raise typer.Exit(INTERRUPTED)
    print(f"{out}: trained, {result.iteration} iterations. Look at {out / 'monitor' / 'latest.png'}, then for example:")
    print(f"    ingan-fast retarget {out} --scale 1.5x1 --out wide.png")


@app.command(
    help="Lay a run's picture out anew: give one of --size, --scale, --corners, --homography, --collage.\n\n"
    "Examples:\n\n"
    "    ingan-fast retarget runs/fruit --size 640x480 --out out.png\n\n"
    "    ingan-fast retarget runs/fruit --scale 1.5x0.7 --out out.png\n\n"
    '    ingan-fast retarget runs/fruit --corners "60,0 340,0 400,300 0,300" --out out.png\n\n'
    "    ingan-fast retarget runs/fruit --homography matrix.json --size 640x480 --out out.png\n\n"
    "    ingan-fast retarget runs/fruit --collage --out sheet.png\n\n"
    "matrix.json holds 3 rows of 3 numbers, source to output, both in [-1, 1] from edge to edge; or "
    '{"matrix": [[..], [..], [..]], "units": "pixels"} for pixel coordinates as OpenCV has them.'
)
def retarget(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder made by `ingan-fast train`.")],
    out: Annotated[Path, typer.Option("--out", help="The picture to write: .png, .jpg, .webp, .tif or .bmp.")],
    size: Annotated[str | None, typer.Option(metavar="WxH", help="Output size in pixels, from 16x16.")] = None,
    scale: Annotated[str | None, typer.Option(metavar="SXxSY", help="Width and height factors.")] = None,
    corners: Annotated[
        str | None,
        typer.Option(
            metavar='"x,y x,y x,y x,y"',
            help="Where the source's corners land (tl tr br bl), in output pixels; transparent outside.",
        ),
    ] = None,
    homography: Annotated[Path | None, typer.Option(help="A JSON file with a matrix; needs --size.")] = None,
    collage: Annotated[bool, typer.Option("--collage", help="A sheet of many sizes, the source framed.")] = False,
    image: Annotated[Path | None, typer.Option(help="Retarget this picture instead of the run's.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
) -> None:
    from ingan_fast.images import check_output_path, load_image, save_image

    check_output_path(out, alpha=corners is not None)
    if collage:
        if any(option is not None for option in (size, scale, corners, homography, image)):
            raise UserError("--collage stands alone; leave out --size, --scale, --corners, --homography and --image")
        return _collage(run, out, device)
    pixels = load_image(image, min_side=16) if image else None
    request = _Request(size, scale, corners, homography)
    trained = _load(run, device)
    source = trained.source if pixels is None else pixels
    transform = request.transform((source.shape[1], source.shape[0]))
    check_output_path(out, alpha=bool((transform.mask() < 1).any()))
    with Progress(console=messages, transient=True, disable=not messages.is_terminal) as progress:
        task = progress.add_task(f"retargeting to {transform.size[0]}x{transform.size[1]}", total=1.0)
        result = trained.retarget(transform, pixels, progress=lambda part: progress.update(task, completed=part))
    save_image(result.picture, out, result.alpha)
    print(f"{out}: {transform.size[0]}x{transform.size[1]}")


@app.command(
    help="Train on a picture (a market stand that comes along, or yours) and make a page that shows it at other sizes "
    "and shapes, beside plain resizes. The same command goes on where it was cut off.\n\n"
    "Examples:\n\n"
    "    ingan-fast demo --out demo\n\n"
    "    ingan-fast demo fruit.jpg --out demo_fruit"
)
def demo(
    image: Annotated[Path | None, typer.Argument(metavar="[IMAGE]", help="A picture of many small things.")] = None,
    out: Annotated[Path, typer.Option("--out", help="The folder for the run, the pictures and index.html.")] = Path(
        "demo"
    ),
    preset_name: Annotated[str, typer.Option("--preset", help=f"One of {', '.join(PRESETS)}.")] = "cpu",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
) -> None:
    from ingan_fast import demo as page

    run = out / "run"
    messages.print(
        f"First pictures, after {preset(preset_name).preview_every} iterations: {run / 'monitor' / 'latest.png'}"
    )
    train([image or page.PICTURE], run, preset_name=preset_name, device=device, resume=True)
    trained = _load(run, device)
    with Progress(console=messages, transient=True, disable=not messages.is_terminal) as progress:
        task = progress.add_task("pictures", total=len(page.examples(trained.source_size)))
        index = page.make_page(trained, out, lambda: progress.advance(task))
    print(f"Open {index} in a browser; {out / 'sheet.png'} shows the same on one sheet.")


@app.command(
    help="Tell what a run is: pictures, settings, how far it has come.\n\nExample:\n\n    ingan-fast info runs/fruit"
)
def info(run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")]) -> None:
    from ingan_fast.info import describe

    Console(highlight=False).print(describe(run))


class _Request:
    """What the user asks for, checked before anything heavy is loaded."""

    def __init__(self, size: str | None, scale: str | None, corners: str | None, homography: Path | None):
        given = [
            f"--{name}" for name, value in (("scale", scale), ("corners", corners), ("homography", homography)) if value
        ]
        if len(given) > 1 or (scale and size):
            raise UserError(f"{' and '.join(given + ['--size'] * bool(scale and size))} exclude each other; give one")
        if not given and not size:
            raise UserError("nothing was asked for; give --size, --scale, --corners, --homography or --collage")
        if homography and not size:
            raise UserError("--homography needs the output's --size; give for example --size 640x480")
        self.size = parse_size(size) if size else None
        self.scale = parse_scale(scale) if scale else None
        self.corners = parse_corners(corners) if corners else None
        self.homography = parse_homography(_read_text(homography)) if homography else None

    def transform(self, source_size: tuple[int, int]) -> Transform:
        if self.scale is not None:
            transform = Transform.scale(*self.scale, source_size)
        elif self.corners is not None:
            transform = Transform.from_corners(self.corners, self.size)
        elif self.homography is not None and self.size is not None:
            matrix, units = self.homography
            transform = (
                Transform.from_pixels(matrix, self.size, source_size)
                if units == "pixels"
                else Transform(self.size, matrix)
            )
        else:
            assert self.size is not None
            transform = Transform.resize(self.size)
        check_output_size(transform.size)
        return transform


def _read_text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"can't read {path}: {getattr(error, 'strerror', None) or 'it is not text'}") from error


def _load(run: Path, device: str) -> "TrainedGenerator":
    from ingan_fast.retargeting import load

    return load(run, device)


def _collage(run: Path, out: Path, device: str) -> None:
    from ingan_fast.collage import FACTORS
    from ingan_fast.collage import collage as make
    from ingan_fast.images import save_image

    trained = _load(run, device)
    with Progress(console=messages, transient=True, disable=not messages.is_terminal) as progress:
        task = progress.add_task("collage", total=len(FACTORS) ** 2)
        page = make(trained, lambda: progress.advance(task))
    save_image(page, out)
    print(f"{out}: {page.shape[1]}x{page.shape[0]}")


def main() -> None:
    """Run the command line; bad input is one line on stderr and exit code 2."""
    try:
        app()
    except UserError as error:
        _fail(str(error))
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        _fail("no space left on the disk; free some and run the same command again (a training: with --resume)")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _fail(message: str) -> None:
    print(f"ingan-fast: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()
