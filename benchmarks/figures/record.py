"""Files of a figure: fig7.png, the sheet, and fig7.json, its numbers."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import torch

from figures.budgets import Budget
from figures.panels import page
from ingan_fast.bench import schema
from ingan_fast.bench.figure_file import FigureFile, FigureRow, Training
from ingan_fast.bench.machine import describe
from ingan_fast.bench.results import commit
from ingan_fast.pictures import save_image
from ingan_fast.pictures.sheets import Panel


@dataclass(frozen=True)
class Figure:
    """Content of a figure."""

    number: str
    title: str
    caption: str
    panels: list[list[Panel]]  # rows of the sheet
    rows: list[FigureRow]
    trainings: list[Training]
    not_measured: list[str]
    ablations: bool = False  # whether it has its own trainings instead of the shared ones


def write(figure: Figure, folder: Path, budget: Budget, device: str) -> Path:
    """Write the figure's two files, the numbers last; returns the path of the sheet.

    Raises:
        UserError: `folder` can't be written.
    """
    name = f"fig{figure.number}"
    picture = folder / f"{name}.png"
    description = budget.description(
        device, {row.picture for row in figure.rows}, {row.method for row in figure.rows}, figure.ablations
    )
    below = [figure.caption, f"Budget {description}. One output's seconds beside its method, without training."]
    save_image(page(f"Figure {figure.number}: {figure.title}", figure.panels, below), picture)
    document = FigureFile(
        number=figure.number,
        title=figure.title,
        caption=figure.caption,
        picture=picture.name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=commit(),
        machine=describe(torch.device(device)),
        budget=description,
        trainings=figure.trainings,
        rows=figure.rows,
        not_measured=figure.not_measured,
    )
    schema.write(document, folder / f"{name}.json")
    return picture
