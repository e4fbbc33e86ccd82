"""`ingan-fast export`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingan_fast.cli.console import messages, parts_done, read_text
from ingan_fast.errors import UserError
from ingan_fast.geometry import Size, Transform
from ingan_fast.parsing import parse_bytes, parse_corners, parse_homography, parse_size

if TYPE_CHECKING:
    from ingan_fast.export.profiles import Profile
    from ingan_fast.export.run import ExportOptions

FLAVORS = {"auto": "auto", "tensorrt": "tensorrt", "rtx": "tensorrt-rtx"}

SERVED = "triton-server"
STEPS = (0.2, 0.7)  # of the time, when a file is made and when it is checked

HELP = (
    "Convert a run to a file for ONNX Runtime, OpenVINO, TensorRT or C++ programs, for any input and output size.\n\n"
    "Examples:\n\n"
    "    ingan-fast export runs/fruit --out fruit\n\n"
    "    ingan-fast export runs/fruit --out fruit --precision fp16 --trt\n\n"
    "    ingan-fast export runs/fruit --out fruit --trt --profile 64x64:640x480:2048x2048\n\n"
    "    ingan-fast export runs/fruit --out fruit --fixed 640x480      (for video players)\n\n"
    "    ingan-fast export runs/fruit --out fruit --bake-source        (to animate its picture)\n\n"
    "    ingan-fast export runs/fruit --out fruit --format pt2         (for libtorch)\n\n"
    "    ingan-fast export runs/fruit --out models --format triton-server\n\n"
    "Each file is checked against the generator in its runtime, and kept only if they agree. The inputs are described "
    "in model.onnx.json, and in docs/export.md."
)


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder made by `ingan-fast train`.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to write to.")],
    format_: Annotated[
        str, typer.Option("--format", help="onnx, pt2 (AOTInductor), or triton-server (a model repository).")
    ] = "onnx",
    precision: Annotated[str, typer.Option(help="Precision of the convolutions: fp32, fp16 or bf16.")] = "fp32",
    fixed: Annotated[
        str | None, typer.Option(metavar="WxH", help="Bake in one output size; the only input is a frame in [0, 1].")
    ] = None,
    transform: Annotated[
        str | None,
        typer.Option(
            metavar="CORNERS|FILE", help="With --fixed: corners (tl tr br bl, output pixels), or a .json matrix."
        ),
    ] = None,
    frame: Annotated[
        str | None, typer.Option(metavar="WxH", help="With --fixed: the frames' size; default: the source's.")
    ] = None,
    bake_source: Annotated[
        bool, typer.Option("--bake-source", help="Bake in the run's picture; the only input is the geometry.")
    ] = False,
    trt: Annotated[bool, typer.Option("--trt", help="Also build a TensorRT engine.")] = False,
    trt_flavor: Annotated[
        str, typer.Option("--trt-flavor", help="tensorrt, rtx, or auto: whichever is installed.")
    ] = "auto",
    profile: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MIN:OPT:MAX", help="With --trt: output sizes, such as 64x64:640x480:2048x2048; repeatable."
        ),
    ] = None,
    workspace: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="With --trt: limit of GPU memory for building, such as 2G."),
    ] = None,
    device: Annotated[str, typer.Option(help="With --format pt2: auto, cpu, cuda, cuda:N or mps.")] = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the files of an earlier export.")] = False,
) -> None:
    from ingan_fast.export.profiles import parse_profile
    from ingan_fast.export.run import FILES, ExportOptions
    from ingan_fast.export.run import export as write
    from ingan_fast.export.triton_server import FILES as SERVER_FILES
    from ingan_fast.export.triton_server import write_repository
    from ingan_fast.model.devices import pick_device
    from ingan_fast.training.trained import read_run

    if trt_flavor not in FLAVORS:
        raise UserError(f"unknown --trt-flavor {trt_flavor}; choose one of {', '.join(FLAVORS)}")
    if (profile or workspace or trt_flavor != "auto") and not trt:
        raise UserError("--profile, --workspace and --trt-flavor are for TensorRT engines; add --trt")
    if format_ not in (*FILES, SERVED):
        raise UserError(f"unknown --format {format_}; choose one of {', '.join((*FILES, SERVED))}")
    if trt and format_ != "onnx":
        raise UserError(f"--trt builds an engine from an ONNX file, not from {format_}; leave out --format")
    served, format_ = format_ == SERVED, "onnx" if format_ == SERVED else format_
    wanted = ExportOptions(
        format_, precision, _transform(fixed, transform), parse_size(frame) if frame else None, bake_source
    )
    profiles = [parse_profile(text) for text in profile or []]
    limit = parse_bytes(workspace) if workspace else None
    files = list(SERVER_FILES) if served else [FILES[format_]]
    _check_folder(out, [*files, "model.engine"] if trt else files, overwrite)
    with parts_done("exporting") as show:
        steps = iter(STEPS)

        def tell(step: str) -> None:
            show(next(steps, STEPS[-1]), step)

        trained = read_run(run, merge=format_ == "onnx")
        if served:
            written = write_repository(trained, out, wanted, tell)
        else:
            written = write(trained, out, wanted, pick_device(device), tell)
    messages.print(f"{written.check}")
    print(f"{written.path}: {written.path.stat().st_size / 1e6:.1f} MB, {_inputs(wanted)}")
    if trt:
        _build(written.path, FLAVORS[trt_flavor], profiles, limit, uint8=wanted.transform is None)


def _build(model: Path, flavor: str, profiles: list["Profile"], workspace: int | None, uint8: bool) -> None:
    from ingan_fast.export.engine import build_engine

    with parts_done("building an engine") as show:
        engine = build_engine(
            model,
            flavor,
            profiles or None,
            workspace,
            uint8=uint8,  # players feed a fixed graph's engine themselves
            notice=messages.print,
            progress=lambda phase, part: show(part, phase),
        )
    print(f"{engine}: {engine.stat().st_size / 1e6:.1f} MB")


def _transform(size: str | None, text: str | None) -> Transform | None:
    """The geometry to bake in."""
    if size is None:
        if text is not None:
            raise UserError("--transform needs a fixed geometry; give the output's size: --fixed 640x480")
        return None
    wanted = parse_size(size)
    if text is None:
        return Transform.resize(wanted)
    if not text.endswith(".json"):
        return Transform.from_corners(parse_corners(text), wanted)
    matrix, units = parse_homography(read_text(Path(text)))
    if units == "pixels":
        raise UserError(f"{text} is in pixels, but the source's size is unknown; give a normalised matrix")
    return Transform(wanted, matrix)


def _check_folder(out: Path, files: list[str], overwrite: bool) -> None:
    """Check the output folder before the work."""
    if out.exists() and not out.is_dir():
        raise UserError(f"--out {out} is a file; give a folder")
    found = [name for name in files if (out / name).exists()]
    if found and not overwrite:
        raise UserError(f"{out} already has {' and '.join(found)}; add --overwrite, or choose another folder")


def _inputs(wanted: "ExportOptions") -> str:
    if wanted.transform is not None:
        size: Size = wanted.transform.size
        return f"frames → {size[0]}x{size[1]}"
    return "any output size of one picture" if wanted.bake_source else "any input and output size"
