"""Files of a figure: fig7.png, the sheet, and fig7.json, its numbers (schema "ingan-fast/figure/1")."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from figures.budgets import Budget
from figures.outputs import Row
from figures.panels import page
from ingan_fast.bench.machine import describe
from ingan_fast.bench.results import commit
from ingan_fast.files import atomic_write
from ingan_fast.pictures import save_image
from ingan_fast.pictures.sheets import Panel

SCHEMA = "ingan-fast/figure/1"


@dataclass(frozen=True)
class Figure:
    """Content of a figure."""

    number: str
    title: str
    caption: str
    panels: list[list[Panel]]  # rows of the sheet
    rows: list[Row]
    trainings: list[dict[str, Any]]
    not_measured: list[str]
    ablations: bool = False  # whether it has its own trainings instead of the shared ones


def write(figure: Figure, folder: Path, budget: Budget, device: str) -> Path:
    """Write the figure's two files, the numbers last; returns the path of the sheet.

    Raises:
        UserError: `folder` can't be written.
    """
    name = f"fig{figure.number}"
    picture = folder / f"{name}.png"
    told = budget.told(
        device, {row.picture for row in figure.rows}, {row.method for row in figure.rows}, figure.ablations
    )
    below = [figure.caption, f"Budget {told}. One output's seconds beside its method, without training."]
    save_image(page(f"Figure {figure.number}: {figure.title}", figure.panels, below), picture)
    document = {
        "schema": SCHEMA,
        "figure": figure.number,
        "title": figure.title,
        "caption": figure.caption,
        "picture": picture.name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": describe(torch.device(device)),
        "budget": told,
        "trainings": figure.trainings,
        "rows": [row.as_dict() for row in figure.rows],
        "not_measured": figure.not_measured,
    }
    atomic_write(folder / f"{name}.json", (json.dumps(document, indent=2, allow_nan=False) + "\n").encode())
    return picture
