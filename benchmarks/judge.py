"""Judge retargeted pictures beside a plain resize and seam carving of the same size.

    python benchmarks/judge.py SOURCE OUTPUT...

Coherence, completeness and SWD are x1000 (lower is better); kept: 0 for a plain resize, 1 where every element
keeps its size, "-" where it isn't defined.
"""

import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.table import Table

from ingan_fast.baselines import plain_resize, seam_carve
from ingan_fast.errors import UserError
from ingan_fast.metrics import evaluate


def judge(source: Path, outputs: Annotated[list[Path], typer.Argument()], baselines: bool = True) -> None:
    """Print one row of numbers per output, and with --baselines two more per size."""
    picture = read(source)
    table = Table("picture", "size", "coherence", "completeness", "swd", "kept width", "kept height")
    sizes: list[tuple[int, int]] = []
    for path in outputs:
        output = read(path)
        sizes.append((output.shape[1], output.shape[0]))
        table.add_row(*row(path.name, output, picture))
    for size in dict.fromkeys(sizes) if baselines else ():
        table.add_row(*row("plain resize", plain_resize(picture, size), picture))
        table.add_row(*row("seam carving", seam_carve(picture, size), picture))
    Console().print(table)


def read(path: Path) -> NDArray:
    """A picture file as [height, width, 3] uint8.

    Raises:
        UserError: no such file, or no picture.
    """
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except OSError as error:
        raise UserError(f"can't read {path} as a picture: {error}; give a PNG or JPEG file") from error


def row(name: str, output: NDArray, source: NDArray) -> list[str]:
    """One table row: name, size, the five measures."""
    numbers = evaluate(output, source)
    thousandths = [f"{1000 * (numbers[key] or 0):.2f}" for key in ("coherence", "completeness", "swd")]
    kept = ["-" if (k := numbers[key]) is None else f"{k:.2f}" for key in ("kept_width", "kept_height")]
    return [name, f"{output.shape[1]}x{output.shape[0]}", *thousandths, *kept]


if __name__ == "__main__":
    try:
        typer.run(judge)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
