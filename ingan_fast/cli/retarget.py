"""`ingan-fast retarget`."""

from collections.abc import Callable
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from ingan_fast.cli.console import messages, parts_done, progress, read_text
from ingan_fast.errors import UserError
from ingan_fast.geometry import Transform, check_output_size
from ingan_fast.parsing import parse_corners, parse_homography, parse_scale, parse_size

if TYPE_CHECKING:
    from ingan_fast.cli.instant import Options
    from ingan_fast.pictures import Pixels

# The (width, height) that was trained on; and frame, transform, progress → picture.
Engine = tuple[tuple[int, int], Callable[["Pixels | None", Transform, Callable[[float], None]], "Pixels"]]

MODELS = (".onnx", ".engine", ".pt2")
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".ppm", ".pgm", ".jfif")

HELP = (
    "Lay a picture out anew, more or fewer of its elements at their own size: give one of --size, --scale, --corners, "
    "--homography, --collage. A picture file needs no training; a run or an exported model adds its network.\n\n"
    "Examples:\n\n"
    "    ingan-fast retarget photo.jpg --scale 1.5x1 --out wide.png      (seconds, no training)\n\n"
    "    ingan-fast retarget photo.jpg --scale 0.6x1 --keep dog.png --remove pole.png --out narrow.png\n\n"
    "    ingan-fast retarget gravel.png --size 1024x1024 --tile both --out tile.png\n\n"
    "    ingan-fast retarget runs/fruit --size 640x480 --out out.png\n\n"
    "    ingan-fast retarget runs/fruit --scale 1.5x0.7 --out out.png\n\n"
    '    ingan-fast retarget runs/fruit --corners "60,0 340,0 400,300 0,300" --out out.png\n\n'
    "    ingan-fast retarget runs/fruit --homography matrix.json --size 640x480 --out out.png\n\n"
    "    ingan-fast retarget runs/fruit --collage --out sheet.png\n\n"
    "    ingan-fast retarget fruit/model.onnx --size 640x480 --out out.png      (an exported model)\n\n"
    "matrix.json holds 3 rows of 3 numbers, source to output, both in [-1, 1] from edge to edge; or "
    '{"matrix": [[..], [..], [..]], "units": "pixels"} for pixel coordinates as OpenCV has them.'
)


def retarget(
    run: Annotated[
        Path, typer.Argument(metavar="PICTURE|MODEL|RUN", help="A picture, an exported model, or a run folder.")
    ],
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
    backend: Annotated[
        str, typer.Option(help="For an exported model: auto, tensorrt, onnxruntime, openvino or torch.")
    ] = "auto",
    keep: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MASK|auto|none",
            help="Of a picture: what appears once and whole, white in a mask of its size; auto spares single objects "
            "that are found (the default without a mask), none does not.",
        ),
    ] = None,
    remove: Annotated[
        list[Path] | None, typer.Option(metavar="MASK", help="Of a picture: what does not appear, white in a mask.")
    ] = None,
    tile: Annotated[
        str | None, typer.Option(metavar="x|y|both", help="Of a picture: the output continues itself when repeated.")
    ] = None,
    variation: Annotated[int, typer.Option(help="Of a picture: 0 is the best layout, others are other ones.")] = 0,
    show_keep: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Of a picture: also write what is kept or spared.")
    ] = None,
) -> None:
    from ingan_fast.cli.instant import Options
    from ingan_fast.pictures import check_output_path, load_image, save_image

    check_output_path(out, alpha=corners is not None)
    if collage and any(option is not None for option in (size, scale, corners, homography, image)):
        raise UserError("--collage stands alone; leave out --size, --scale, --corners, --homography and --image")
    options = Options(tuple(keep or ()), tuple(remove or ()), tile, variation, show_keep)
    if _is_picture(run):
        request = None if collage else _Request(size, scale, corners, homography)
        return _instant(run, out, request, options, image is not None or device != "auto" or backend != "auto")
    if options.given():
        raise UserError(f"{' and '.join(options.given())} are for pictures, and {run} is none; leave them out")
    if collage:
        return _collage(run, out, device)
    pixels = load_image(image, min_side=16, notice=messages.print) if image else None
    request = _Request(size, scale, corners, homography)
    source_size, engine = _open(run, device, backend)
    transform = request.transform(source_size if pixels is None else (pixels.shape[1], pixels.shape[0]))
    mask = transform.mask()
    alpha = mask if (mask < 1).any() else None
    check_output_path(out, alpha=alpha is not None)
    with parts_done(f"retargeting to {transform.size[0]}x{transform.size[1]}") as show:
        picture = engine(pixels, transform, show)
    save_image(picture, out, alpha)
    print(f"{out}: {transform.size[0]}x{transform.size[1]}")


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in PICTURES and not path.is_dir()


def _instant(picture: Path, out: Path, request: "_Request | None", options: "Options", others: bool) -> None:
    from ingan_fast.cli.instant import picture_collage, read_picture, retarget_picture

    if others:
        raise UserError("--image, --device and --backend are for runs and models; leave them out with a picture")
    options.check()
    if request is None:
        width, height = picture_collage(picture, out, options)
    else:
        photo = read_picture(picture)
        transform = request.transform((photo.pixels.shape[1], photo.pixels.shape[0]))
        width, height = retarget_picture(picture, out, transform, photo, options)
    print(f"{out}: {width}x{height}")


def _open(path: Path, device: str, backend: str) -> Engine:
    if path.suffix not in MODELS and ((path / "config.json").exists() or not path.is_dir()):
        if backend not in ("auto", "torch"):
            raise UserError(
                f"{backend} can't run a run folder; export it first: ingan-fast export {quote(str(path))} --out DIR"
            )
        from ingan_fast.training.trained import load

        trained = load(path, device)
        return trained.source_size, lambda frame, wanted, show: trained.retarget(wanted, frame, None, show).picture
    from ingan_fast.runtime import Retargeter

    retargeter = Retargeter.open(path, device, backend)
    messages.print(retargeter.describe())
    return retargeter.source_size, lambda frame, transform, show: retargeter(frame, transform=transform, progress=show)


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
        self.homography = parse_homography(read_text(homography)) if homography else None

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


def _collage(run: Path, out: Path, device: str) -> None:
    from ingan_fast.pictures import save_image
    from ingan_fast.pictures.collage import FACTORS
    from ingan_fast.pictures.collage import collage as make
    from ingan_fast.training.trained import load

    trained = load(run, device)
    with progress("collage", len(FACTORS) ** 2) as advance:
        page = make(
            trained.source,
            lambda size: trained.retarget(Transform.resize(size)).picture,
            advance,
        )
    save_image(page, out)
    print(f"{out}: {page.shape[1]}x{page.shape[0]}")
