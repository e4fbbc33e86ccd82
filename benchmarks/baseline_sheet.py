"""All baselines for one picture at one scale: a sheet of outputs, and a table of times and measures.

python benchmarks/baseline_sheet.py PICTURE SHEET.png [--scale 1.5x1] [--kind size] [--side 200] [--only GPNN GPDM]
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from figures.outputs import bar, timed
from figures.panels import time_text, wrapped
from rich.console import Console
from rich.table import Table

from ingan_fast.baselines import BASELINES
from ingan_fast.cli.console import INTERRUPTED, messages
from ingan_fast.errors import UserError
from ingan_fast.geometry import Size, Transform
from ingan_fast.parsing import parse_scale
from ingan_fast.pictures import Pixels, check_output_path, fit_within, load_image, save_image
from ingan_fast.pictures.sheets import Panel, sheet
from ingan_fast.quality.metrics import evaluate

MEASURES = {
    "kept_width": "kept w",
    "kept_height": "kept h",
    "coherence": "coherence",
    "completeness": "complete",
    "swd": "swd",
}


@dataclass(frozen=True)
class Result:
    name: str
    picture: Pixels
    seconds: float
    measures: dict[str, float | None]


def make(name: str, source: Pixels, size: Size) -> Result:
    with bar(name) as report:
        picture, seconds = timed(lambda: BASELINES[name](source, size, progress=report))
    return Result(name, picture, seconds, evaluate(picture, source))


def panels(source: Pixels, results: list[Result]) -> Pixels:
    """The source, then the results, in rows."""
    first = Panel(f"source, {source.shape[1]}x{source.shape[0]}", source, framed=True)
    made = [Panel(f"{one.name}, {time_text(one.seconds)}", one.picture) for one in results]
    return sheet([[first], *wrapped(made)])


def table(results: list[Result], title: str) -> Table:
    result = Table(title=title, title_justify="left", box=None, caption="coherence, completeness, swd: times 1000")
    for column in ("baseline", "seconds", *MEASURES.values()):
        result.add_column(column, justify="left" if column == "baseline" else "right", no_wrap=True)
    for made in results:
        result.add_row(made.name, f"{made.seconds:.1f}", *(shown(name, made.measures[name]) for name in MEASURES))
    return result


def shown(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if name.startswith("kept") else f"{value * 1000:.2f}"


def run(arguments: argparse.Namespace) -> None:
    check_output_path(arguments.sheet, alpha=False)
    source = fit_within(load_image(arguments.picture), arguments.side)
    transform = Transform.scale(*parse_scale(arguments.scale), (source.shape[1], source.shape[0]))
    names = arguments.only or [name for name, baseline in BASELINES.items() if arguments.kind in baseline.outputs]
    results = []
    for name in names:
        try:
            results.append(make(name, source, transform.size))
        except UserError as error:  # a package is missing, or the method doesn't support the picture
            messages.print(f"{name}: {error}", markup=False)
    save_image(panels(source, results), arguments.sheet)
    size = "x".join(map(str, transform.size))
    title = f"{arguments.picture.name} to {size}, torch {torch.__version__}, {torch.get_num_threads()} threads"
    Console().print(table(results, title))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("picture", type=Path)
    parser.add_argument("sheet", type=Path)
    parser.add_argument("--scale", default="1.5x1", help="factors of width and height, or one factor for both")
    parser.add_argument("--kind", choices=("size", "texture"), default="size", help="which baselines (default: size)")
    parser.add_argument("--side", type=int, default=200, help="longer side to shrink the picture to (default: 200)")
    names = [name for name, baseline in BASELINES.items() if baseline.outputs != {"shape"}]
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", help=f"of: {', '.join(names)}")
    try:
        run(parser.parse_args())
    except UserError as error:
        messages.print(f"baseline_sheet: {error}", markup=False, soft_wrap=True)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
