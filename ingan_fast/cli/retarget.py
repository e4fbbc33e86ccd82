"""`ingan-fast retarget`."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingan_fast.cli.console import messages, parts_done, progress, read_text
from ingan_fast.cli.pretrained import Pretrained, given_or_pretrained
from ingan_fast.cli.warp import Warp, tell_start
from ingan_fast.errors import UserError
from ingan_fast.geometry import Transform, check_output_size
from ingan_fast.hub import fetch, is_address
from ingan_fast.layout.limits import check_layout_size
from ingan_fast.parsing import parse_corners, parse_homography, parse_scale, parse_size

if TYPE_CHECKING:
    from ingan_fast.cli.instant import Options
    from ingan_fast.pictures import Pixels

# Size (width, height) of the training picture; and a function (frame, transform, progress) → picture.
Player = tuple[tuple[int, int], Callable[["Pixels | None", Transform, Callable[[float], None]], "Pixels"]]

HELP = (
    "Retarget a picture: more or fewer of its elements, at their own size. Give one of --size, --scale, --corners, "
    "--homography, --collage. A picture file needs no training; a run or an exported model uses its network.\n\n"
    "Examples:\n\n"
    "    ingan-fast retarget photo.jpg --scale 1.5x1 --out wide.png      (seconds, no training)\n\n"
    "    ingan-fast retarget photo.jpg --scale 0.6x1 --keep dog.png --remove pole.png --out narrow.png\n\n"
    "    ingan-fast retarget gravel.png --size 1024x1024 --tile both --out tile.png\n\n"
    "    ingan-fast retarget wall.png --scale 2x1 --companion wall_normal.png --companion wall_height.tif --out "
    "wide/wall.png\n\n"
    "    ingan-fast retarget photos/*.jpg --scale 1.2x1 --out wide/      (several pictures)\n\n"
    "    cat photo.jpg | ingan-fast retarget - --size 640x480 --out - > out.png\n\n"
    "    ingan-fast retarget runs/fruit --size 640x480 --out out.png\n\n"
    "    ingan-fast retarget runs/fruit --scale 1.5x0.7 --out out.png\n\n"
    '    ingan-fast retarget runs/fruit --corners "60,0 340,0 400,300 0,300" --out out.png\n\n'
    "    ingan-fast retarget runs/fruit --homography matrix.json --size 640x480 --out out.png\n\n"
    "    ingan-fast retarget runs/fruit --collage --out sheet.png\n\n"
    "    ingan-fast retarget fruit/model.onnx --size 640x480 --out out.png      (an exported model)\n\n"
    "    ingan-fast retarget hf://me/fruit --scale 1.5x1 --out out.png      (from the Hugging Face Hub)\n\n"
    "    ingan-fast retarget --pretrained market --scale 1.5x1 --out out.png      (a model of the package)\n\n"
    "matrix.json contains 3 rows of 3 numbers, source to output, both in [-1, 1] from edge to edge; or "
    '{"matrix": [[..], [..], [..]], "units": "pixels"} for pixel coordinates as in OpenCV.'
)


def retarget(
    out: Annotated[
        Path,
        typer.Option(
            "--out", help="The output: .png, .jpg, .webp, .tif, .bmp or - (PNG); for several pictures a folder."
        ),
    ],
    given: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PICTURE...|MODEL|RUN",
            help="Pictures (- for standard input), or an exported model, or a run folder, or hf://OWNER/NAME[@REVISION].",
        ),
    ] = None,
    pretrained: Pretrained = None,
    size: Annotated[str | None, typer.Option(metavar="WxH", help="Output size in pixels, from 16x16.")] = None,
    scale: Annotated[str | None, typer.Option(metavar="SXxSY", help="Width and height factors.")] = None,
    corners: Annotated[
        str | None,
        typer.Option(
            metavar='"x,y x,y x,y x,y"',
            help="Target positions of the source's corners (tl tr br bl), in output pixels; transparent outside.",
        ),
    ] = None,
    homography: Annotated[
        Path | None,
        typer.Option(
            help="A JSON file with a matrix, picture to output; needs --size. 3 rows of 3 numbers, both from -1 to 1, "
            'or {"matrix": rows, "units": "pixels"} as in OpenCV.'
        ),
    ] = None,
    collage: Annotated[bool, typer.Option("--collage", help="A collage of many sizes, the source framed.")] = False,
    image: Annotated[Path | None, typer.Option(help="Retarget this picture instead of the run's.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    backend: Annotated[
        str, typer.Option(help="For an exported model: auto, tensorrt, onnxruntime, openvino or torch.")
    ] = "auto",
    warp: Warp = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MASK|auto|none",
            help="For a picture: objects to show once and unchanged, white in a mask of its size; auto (the default, "
            "also with a mask) spares single objects and faces that are detected, none does not.",
        ),
    ] = None,
    remove: Annotated[
        list[Path] | None, typer.Option(metavar="MASK", help="For a picture: what to remove, white in a mask.")
    ] = None,
    tile: Annotated[
        str | None, typer.Option(metavar="x|y|both", help="For a picture: make the output tileable, up to 4x4.")
    ] = None,
    variation: Annotated[int, typer.Option(help="For a picture: 0 is the best layout, others are alternatives.")] = 0,
    show_keep: Annotated[
        Path | None, typer.Option(metavar="FILE", help="For a picture: also write the mask of what is kept.")
    ] = None,
    companion: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="For a picture: a map of it (normals, heights, a mask) to lay out in the same way; written next to "
            "the output under its own name.",
        ),
    ] = None,
    save_layout: Annotated[
        Path | None, typer.Option(metavar="FILE.npz", help="For a picture: also write its layout.")
    ] = None,
    layout: Annotated[
        Path | None, typer.Option(metavar="FILE.npz", help="For a picture: apply a layout that --save-layout wrote.")
    ] = None,
    strip: Annotated[
        bool, typer.Option("--strip", help="For a picture: convert to sRGB and omit profile, EXIF, dpi and texts.")
    ] = False,
) -> None:
    from ingan_fast.cli.instant import Options
    from ingan_fast.pictures import check_output_path, load_image, save_image

    if collage and any(option is not None for option in (size, scale, corners, homography, image)):
        raise UserError("--collage can't be combined with --size, --scale, --corners, --homography or --image")
    options = Options(
        tuple(keep or ()),
        tuple(remove or ()),
        tile,
        variation,
        show_keep,
        tuple(companion or ()),
        save_layout,
        layout,
        strip,
    )
    subjects = given_or_pretrained(given or [], pretrained)
    if len(subjects) > 1 or _is_picture(subjects[0]):
        sizes = (size, scale, corners, homography)
        request = None if collage or (layout and not any(sizes)) else _Request(*sizes)
        if layout and request:
            raise UserError("--layout already determines the size; leave out --size, --scale, --corners, --homography")
        others = image is not None or device != "auto" or backend != "auto" or warp is not None
        return _instant(subjects, out, request, collage, options, others)
    run = fetch(subjects[0]) if is_address(subjects[0]) else subjects[0]
    check_output_path(out, alpha=corners is not None)
    if options.given():
        raise UserError(f"{' and '.join(options.given())} are for pictures, but {run} is not one; leave them out")
    if collage:
        return _collage(run, out, device, warp or "auto")
    pixels = load_image(image, min_side=16, notice=messages.print) if image else None
    request = _Request(size, scale, corners, homography)
    source_size, player = _open(run, device, backend, warp or "auto")
    transform = request.transform(source_size if pixels is None else (pixels.shape[1], pixels.shape[0]))
    check_output_size(transform.size)
    mask = transform.mask()
    alpha = mask if (mask < 1).any() else None
    check_output_path(out, alpha=alpha is not None)
    with parts_done(f"retargeting to {transform.size[0]}x{transform.size[1]}") as show:
        picture = player(pixels, transform, show)
    save_image(picture, out, alpha)
    _tell(out, transform.size)


def _is_picture(path: Path) -> bool:
    from ingan_fast.pictures.formats import named_as_picture
    from ingan_fast.pictures.streams import is_stream

    return not is_address(path) and (named_as_picture(path) or is_stream(path))


def _tell(out: Path, size: tuple[int, int]) -> None:
    """Print the output's name and size; to stderr if the picture itself goes to stdout."""
    from ingan_fast.pictures.streams import is_stream

    print(f"{out}: {size[0]}x{size[1]}", file=sys.stderr if is_stream(out) else sys.stdout)


def _instant(
    pictures: list[Path],
    out: Path,
    request: "_Request | None",
    collage: bool,
    options: "Options",
    others: bool,
) -> None:
    """Retarget pictures without a network; with several, failures are reported and the others are made."""
    from ingan_fast.cli.instant import folder_outputs, picture_collage, retarget_picture
    from ingan_fast.pictures import check_output_path

    for path in pictures:
        if not _is_picture(path):
            raise UserError(f"{path} is not a picture; give a single run or model, or pictures")
    if others:
        raise UserError(
            "--image, --device, --backend and --warp are for runs and models; leave them out with a picture"
        )
    options.check()
    alpha = request is not None and request.corners is not None
    if len(pictures) > 1 or out.expanduser().is_dir():
        targets = folder_outputs(pictures, out.expanduser(), options, alpha)
    else:
        check_output_path(out, alpha)
        targets = [out]
    failures = []
    for path, target in zip(pictures, targets, strict=True):
        try:
            if collage:
                made = picture_collage(path, target, options)
            else:
                made = retarget_picture(path, target, request.transform if request else None, options)
            _tell(target, made)
        except UserError as error:
            failures.append(error)
            if len(pictures) > 1:
                messages.print(f"{path}: {error}", markup=False, soft_wrap=True)
    if failures and len(pictures) == 1:
        raise failures[0]
    if failures:
        raise UserError(f"{len(failures)} of {len(pictures)} pictures failed (see above)")


def _open(path: Path, device: str, backend: str, warp: str) -> Player:
    from ingan_fast.runtime import Retargeter

    if (path / "config.json").is_file() and not (path / "generator.safetensors").is_file():
        return _open_untrained(path)
    retargeter = Retargeter.open(path, device, backend, precision="float32")
    if not (path / "config.json").is_file():  # a run has no choice of backends
        messages.print(retargeter.describe())

    def play(frame: "Pixels | None", transform: Transform, show: Callable[[float], None]) -> "Pixels":
        chosen = retargeter.warp_for(frame, warp)
        tell_start(chosen, warp)
        made: Pixels = retargeter(frame, transform=transform, progress=show, warp=chosen)
        return made

    return retargeter.source_size, play


def _open_untrained(path: Path) -> Player:
    """Player for a run without a network yet: lays its picture out."""
    from ingan_fast.layout import Layouts, perspective
    from ingan_fast.training.run_folder import RunFolder

    run = RunFolder(path)
    source = run.read_sources(run.read_config())[0]
    messages.print(f"{run.path} has no trained network yet: its picture is laid out without one")
    return (source.shape[1], source.shape[0]), lambda frame, wanted, show: perspective.retarget(
        Layouts(source if frame is None else frame), wanted
    )


class _Request:
    """The requested geometry, checked before slow imports."""

    def __init__(self, size: str | None, scale: str | None, corners: str | None, homography: Path | None):
        given = [
            f"--{name}" for name, value in (("scale", scale), ("corners", corners), ("homography", homography)) if value
        ]
        if len(given) > 1 or (scale and size):
            raise UserError(f"{' and '.join(given + ['--size'] * bool(scale and size))} exclude each other; give one")
        if not given and not size:
            raise UserError("no output size was given; give --size, --scale, --corners, --homography or --collage")
        if homography and not size:
            raise UserError("--homography needs the output's --size; give for example --size 640x480")
        self.size = parse_size(size, check_layout_size) if size else None
        self.scale = parse_scale(scale) if scale else None
        self.corners = parse_corners(corners) if corners else None
        self.homography = parse_homography(read_text(homography)) if homography else None

    def transform(self, source_size: tuple[int, int]) -> Transform:
        if self.homography is None or self.size is None:
            return Transform.requested(source_size, self.size, self.scale, self.corners)
        matrix, units = self.homography
        in_pixels = units == "pixels"
        transform = Transform.from_pixels(matrix, self.size, source_size) if in_pixels else Transform(self.size, matrix)
        if not transform.is_seen():
            hint = "" if in_pixels else '; is it in pixels? then give {"matrix": ..., "units": "pixels"}'
            raise UserError(f"the homography leaves nothing inside {self.size[0]}x{self.size[1]}{hint}")
        return transform


def _collage(run: Path, out: Path, device: str, warp: str) -> None:
    from ingan_fast.pictures import save_image
    from ingan_fast.pictures.collage import FACTORS
    from ingan_fast.pictures.collage import collage as make
    from ingan_fast.runtime.retargeter import load

    trained = load(run, device)
    with progress("collage", len(FACTORS) ** 2) as advance:
        page = make(
            trained.training_picture(),
            lambda size: trained.retarget(Transform.resize(size), warp=warp).picture,
            advance,
        )
    save_image(page, out)
    _tell(out, (page.shape[1], page.shape[0]))
