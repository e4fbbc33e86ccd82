"""`ingan-fast evaluate`."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ingan_fast.cli.console import answers, check_json_path, messages, progress
from ingan_fast.errors import UserError
from ingan_fast.geometry import Transform

if TYPE_CHECKING:
    from ingan_fast.pictures import Pixels
    from ingan_fast.quality.evaluation import Judged, Measures, Output

HELP = (
    "Evaluate a run, a picture's layouts without training, or pictures made from a source, in numbers, compared with "
    "a plain resize and seam carving at the same size.\n\n"
    "Examples:\n\n"
    "    ingan-fast evaluate runs/fruit      makes and evaluates four sizes, and the way back\n\n"
    "    ingan-fast evaluate fruit.png       the same for the picture's layouts without training\n\n"
    "    ingan-fast evaluate wide.png tall.png --source fruit.png --json numbers.json\n\n"
    "    ingan-fast evaluate runs/fruit --maps maps      also shows where it is good or bad\n\n"
    "coherence: distance of the output's patches to the source's (artefacts); completeness: of the source's to the "
    "output's (losses); swd: difference of the two distributions of patches; all x1000 in the table, 0 is "
    "best. verbatim: fraction of the output's patches copied from the source, neither blended nor painted. "
    "kept width, kept height: 0 if elements were stretched with the picture, 1 if they keep their size; "
    "for changes of one side only. psnr: the source's reconstruction, in dB."
)

JUDGED_SIDE = 512  # px of a picture's longer side; the cost is quadratic in the number of patches


def evaluate(
    given: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN|PICTURE|OUTPUT...", help="A run folder, a picture, or pictures made from --source."
        ),
    ],
    source: Annotated[Path | None, typer.Option(help="The pictures' source; a run has its own.")] = None,
    json_path: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Also write the numbers.")] = None,
    maps: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Also write maps of stretch and of coherence.")
    ] = None,
    device: Annotated[str, typer.Option(help="For a run's generator: auto, cpu, cuda, cuda:N or mps.")] = "auto",
) -> None:
    photo = _photo(given, source)
    run = None if photo else _single_run(given, source)
    inputs = given if run is None else [run / "config.json", run / "source.png"]
    inputs = [path.resolve() for path in (*inputs, *([source] if source else []))]
    if json_path is not None:
        check_json_path(json_path, inputs)
    from ingan_fast.quality.evaluation import Judge, has_seam_carving

    names = _file_names(None if run or photo else given)
    targets = [] if maps is None else _map_paths(maps, names, inputs)
    if photo is not None:
        pixels, outputs = _lay_out(photo)
    else:
        pixels, outputs = _read(given, source) if run is None else _retarget(run, device)
    if not has_seam_carving():
        messages.print("without seam carving, which is not installed: pip install seam-carving")
    with progress("judging", len(outputs) * Judge.steps()) as advance:
        judge = Judge(pixels, advance)
        judged = [judge.judge(output) for output in outputs]
    shown_source = run / "source.png" if run else photo or source
    answers.print(_table(judged))
    if targets:
        with progress("maps", len(outputs)) as advance:
            for output, paths in zip(outputs, targets, strict=True):
                _write_maps(output, pixels, *paths)
                advance()
        print(f"{maps}: maps")
    if json_path is not None:
        from ingan_fast.files import atomic_write

        content = {"source": str(shown_source), "outputs": [one.as_dict() for one in judged]}
        atomic_write(json_path, (json.dumps(content, indent=2, allow_nan=False) + "\n").encode())
        print(f"{json_path}: numbers")


def _photo(given: list[Path], source: Path | None) -> Path | None:
    """The picture to lay out: the only argument, if it is a file and no source is given."""
    return given[0] if len(given) == 1 and source is None and given[0].is_file() else None


def _single_run(given: list[Path], source: Path | None) -> Path | None:
    """The run folder, or None for pictures; rejects mixtures, duplicates and a missing source."""
    for path in given:
        if not os.path.exists(path):
            raise UserError(f"{path} doesn't exist; give a run folder, or pictures and --source")
    folders = [path for path in given if path.is_dir()]
    if folders and len(given) > 1:
        raise UserError(f"{folders[0]} is a folder; give a single run, or pictures")
    if folders:
        if source is not None:
            raise UserError(f"{folders[0]} is a folder, and a run has its own source; leave out --source")
        return folders[0]
    if source is None:
        raise UserError(f"{given[0]} needs --source, the picture that it was made from (for a run: RUN/source.png)")
    seen: set[Path] = set()
    for path in given:
        if path.resolve() in seen:
            raise UserError(f"{path} was given twice; give each picture once")
        seen.add(path.resolve())
    return None


def _file_names(given: list[Path] | None) -> list[str]:
    """File names of the outputs' maps, without suffix; numbered if two would be equal."""
    if given is None:
        from ingan_fast.quality.evaluation import SHAPES

        return [name.replace(" ", "_") for name in SHAPES]
    stems = [path.stem for path in given]
    return stems if len(set(stems)) == len(stems) else [f"{n}_{stem}" for n, stem in enumerate(stems, start=1)]


def _map_paths(folder: Path, names: list[str], inputs: list[Path]) -> list[tuple[Path, Path]]:
    """Paths of each output's maps (stretch, coherence), checked to be writable."""
    from ingan_fast.pictures import check_output_path

    pairs = [(folder / f"{name}_stretch.png", folder / f"{name}_coherence.png") for name in names]
    for path in (path for pair in pairs for path in pair):
        if path.resolve() in inputs:
            raise UserError(f"--maps {folder} would replace the input {path}; choose another folder")
        check_output_path(path, alpha=False)
    return pairs


def _read(given: list[Path], source: Path | None) -> "tuple[Pixels, list[Output]]":
    """Read the source and the outputs, and check that they belong together."""
    from ingan_fast.pictures import load_image
    from ingan_fast.quality.evaluation import read_output
    from ingan_fast.quality.patches import PATCH
    from ingan_fast.quality.same_source import check_made_of

    assert source is not None
    pixels = load_image(source, min_side=PATCH)
    outputs = [read_output(path) for path in given]
    with progress("reading", len(outputs)) as advance:
        for output in outputs:
            check_made_of(output.name, output.picture, pixels, output.mask)
            advance()
    return pixels, outputs


def _lay_out(photo: Path) -> "tuple[Pixels, list[Output]]":
    """A picture, and its layouts without training at the fixed shapes."""
    from ingan_fast.layout import Layouts, perspective
    from ingan_fast.pictures import fit_within, load_image
    from ingan_fast.quality.evaluation import SHAPES, retargetings

    picture = load_image(photo, notice=messages.print)
    pixels = fit_within(picture, JUDGED_SIDE)
    size = pixels.shape[1], pixels.shape[0]
    if pixels is not picture:
        messages.print(f"{photo} is {picture.shape[1]}x{picture.shape[0]}; it is evaluated at {size[0]}x{size[1]}")
    layouts = Layouts(pixels)

    def retarget(transform: Transform, given: "Pixels | None") -> "Pixels":
        return perspective.retarget(layouts if given is None else Layouts(given), transform)

    with progress("laying out", len(SHAPES)) as advance:
        return pixels, list(retargetings(retarget, size, advance))


def _retarget(run: Path, device: str) -> "tuple[Pixels, list[Output]]":
    from ingan_fast.quality.evaluation import SHAPES, retargetings
    from ingan_fast.runtime.retargeter import load

    trained = load(run, device)
    with progress("retargeting", len(SHAPES)) as advance:
        made = retargetings(lambda wanted, image: trained.retarget(wanted, image).picture, trained.source_size, advance)
        return trained.training_picture(), list(made)


def _write_maps(output: "Output", source: "Pixels", stretch: Path, coherence: Path) -> None:
    from ingan_fast.quality.maps import draw_coherence, draw_stretch

    draw_coherence(output.picture, source, coherence, output.mask)
    if output.mask is not None:
        messages.print(f"{output.name}: no map of stretch, which needs a picture without transparency")
        return
    try:
        draw_stretch(output.picture, source, stretch)
    except UserError as error:
        messages.print(f"{output.name}: no map of stretch: {error}")


def _table(judged: "list[Judged]") -> Table:
    """One block per output: its own measures, then the baselines'."""
    columns = ["coherence", "completeness", "swd", "verbatim", "kept_width", "kept_height"]
    if any("psnr" in one.measures for one in judged):
        columns.append("psnr")
    table = Table(box=None, pad_edge=False, caption="coherence, completeness, swd: x1000", caption_justify="left")
    table.add_column("picture", overflow="fold")
    for name in ("size", *columns):
        table.add_column(name.replace("_", "\n"), justify="right")
    for one in judged:
        size = "{}x{}".format(*one.output.size)
        table.add_row(one.output.name, size, *_cells(one.measures, columns))
        table.add_row("  plain resize", "", *_cells(one.plain_resize, columns))
        if one.seam_carving is not None:
            table.add_row("  seam carving", "", *_cells(one.seam_carving, columns))
        table.add_row()
    return table


def _cells(measures: "Measures", columns: list[str]) -> list[str]:
    thousandths = ("coherence", "completeness", "swd")
    values = [(measures.get(name), 1000 if name in thousandths else 1) for name in columns]
    return ["-" if value is None else f"{factor * value:.2f}" for value, factor in values]
