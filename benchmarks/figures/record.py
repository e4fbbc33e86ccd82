"""A figure as files: fig7.png, the sheet, and fig7.json, its numbers (schema "ingan-fast/figure/1")."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from figures.outputs import Row
from figures.panels import page
from ingan_fast.bench.machine import describe
from ingan_fast.bench.results import commit
from ingan_fast.files import atomic_write
from ingan_fast.images import save_image
from ingan_fast.sheets import Panel

SCHEMA = "ingan-fast/figure/1"


@dataclass(frozen=True)
class Figure:
    """What a figure shows and tells."""

    number: str
    title: str
    caption: str
    panels: list[list[Panel]]  # rows of the sheet
    rows: list[Row]
    trainings: list[dict[str, Any]]
    not_measured: list[str] = field(default_factory=list)


def write(figure: Figure, folder: Path, budget: str, device: str) -> Path:
    """Write the figure's two files, the numbers last; the path of the sheet.

    Raises:
        UserError: `folder` can't be written.
    """
    name = f"fig{figure.number}"
    picture = folder / f"{name}.png"
    save_image(page(f"{figure.number}  {figure.title}", figure.panels, [figure.caption, f"Budget: {budget}."]), picture)
    document = {
        "schema": SCHEMA,
        "figure": figure.number,
        "title": figure.title,
        "caption": figure.caption,
        "picture": picture.name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": describe(torch.device(device)),
        "budget": budget,
        "trainings": figure.trainings,
        "rows": [row.as_dict() for row in figure.rows],
        "not_measured": figure.not_measured,
    }
    atomic_write(folder / f"{name}.json", (json.dumps(document, indent=2, allow_nan=False) + "\n").encode())
    return picture


def trainings_text(trainings: Sequence[dict[str, Any]]) -> str:
    """For people: "market 1,200 iterations in 110 s"."""
    return "; ".join(
        f"{one['name']}: {one['iterations']:,} iterations of the preset {one['preset']} in {one['seconds']:.0f} s"
        for one in trainings
    )
