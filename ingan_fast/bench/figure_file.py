"""The numbers of a regenerated figure of the paper: figN.json, next to its sheet figN.png."""

from datetime import datetime
from typing import Any

import msgspec

from ingan_fast.bench.results import Machine


class Training(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A training of the figure's outputs."""

    name: str
    picture: str
    preset: str
    changes: dict[str, Any]  # to the preset's settings
    iterations: int
    seconds: float
    seed: int = 0


class FigureRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The numbers of one output by one method."""

    picture: str
    output: str  # such as "width x1.5"
    method: str
    size: tuple[int, int] | None  # (width, height)
    seconds: float | None
    training_seconds: float | None
    measures: dict[str, float | None]  # of `ingan_fast.quality.metrics.evaluate`
    error: str | None = None


class FigureFile(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="schema", tag="ingan-fast/figure/1"
):
    """A figure's file."""

    number: str = msgspec.field(name="figure")
    title: str
    caption: str
    picture: str  # name of the sheet's file
    created: str  # ISO 8601
    commit: str | None
    machine: Machine
    budget: str
    trainings: list[Training]
    rows: list[FigureRow]
    not_measured: list[str]

    def __post_init__(self) -> None:
        datetime.fromisoformat(self.created)
