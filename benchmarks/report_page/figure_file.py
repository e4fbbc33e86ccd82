"""Reads a figure's numbers as written by `benchmarks/figures`: figN.json."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from ingan_fast.baselines import BASELINES
from ingan_fast.bench.checked import check, load
from ingan_fast.bench.results import MACHINE
from ingan_fast.errors import UserError
from report_page.measures import with_one_kept

SCHEMA = "ingan-fast/figure/1"
OURS = "ingan-fast"
ABLATIONS = "9"  # the figure whose methods, except baselines, are variants of ours, possibly "..., seed 1"
FAILURE = "10"  # the figure of the failure, which patch measures don't detect
WHOLE = "all losses"  # the variant that the ablations are compared with
SEED = ", seed "

TRAINING = {"name": str, "picture": str, "preset": str, "changes": dict, "iterations": int, "seconds": float}
ROW = {
    "picture": str,
    "output": str,
    "method": str,
    "size": ([int], None),
    "seconds": (float, None),
    "training_seconds": (float, None),
    "measures": {str: (float, None)},
    "error": (str, None),
}
FIGURE = {
    "figure": (str, int),
    "title": str,
    "caption": str,
    "picture": str,
    "created": str,
    "commit": (str, None),
    "machine": MACHINE,
    "budget": str,
    "trainings": [TRAINING],
    "rows": [ROW],
    "not_measured": [str],
}


@dataclass(frozen=True)
class Training:
    """A training of the figure's outputs."""

    name: str
    picture: str
    preset: str
    changes: dict[str, Any]  # to the preset's settings
    iterations: int
    seconds: float


@dataclass(frozen=True)
class Made:
    """One output by one method."""

    picture: str
    output: str  # such as "width x1.5"
    method: str
    size: list[int] | None  # (width, height)
    seconds: float | None
    training_seconds: float | None
    measures: dict[str, float | None]  # of `ingan_fast.quality.metrics.evaluate`, with size_kept for the kept side
    error: str | None


@dataclass(frozen=True)
class Figure:
    """A regenerated figure of the paper."""

    number: str
    title: str
    caption: str
    picture: Path
    created: str  # ISO 8601
    commit: str | None
    machine: dict[str, Any]
    budget: str
    trainings: list[Training]
    rows: list[Made]
    not_measured: list[str]

    @property
    def name(self) -> str:
        return f"Figure {self.number}"

    @property
    def is_counted(self) -> bool:
        """Whether its numbers count in the quality summary."""
        return self.number != FAILURE

    def is_ours(self, method: str) -> bool:
        return self.number != ABLATIONS and method.startswith(OURS)

    def is_baseline(self, method: str) -> bool:
        return method in BASELINES if self.number == ABLATIONS else not self.is_ours(method)

    def is_whole(self, method: str) -> bool:
        """Whether ablations are compared with this method."""
        return self.number == ABLATIONS and method.partition(SEED)[0] == WHOLE

    def is_ablation(self, method: str, whole: str) -> bool:
        """Whether the method is a variant with the same seed as `whole`."""
        return (
            not self.is_baseline(method) and method != whole and method.partition(SEED)[2] == whole.partition(SEED)[2]
        )

    def outputs(self) -> Iterable[tuple[str, str, list[Made]]]:
        """(picture, output, rows of all methods) in the order of the file."""
        places: dict[tuple[str, str], int] = {}
        for row in self.rows:
            places.setdefault((row.picture, row.output), len(places))
        ordered = sorted(self.rows, key=lambda row: places[row.picture, row.output])
        for (picture, output), rows in groupby(ordered, key=lambda row: (row.picture, row.output)):
            yield picture, output, list(rows)


def read(path: Path) -> Figure:
    """Read a file. Raises UserError: no such file, not JSON, another schema, or missing or invalid parts."""
    document = load(path)
    found = document.get("schema") if isinstance(document, dict) else None
    if found != SCHEMA:
        raise UserError(f"{path} has the schema {found!r}, but this version reads {SCHEMA!r}; make the figure again")
    check(document, FIGURE, str(path))
    try:
        datetime.fromisoformat(document["created"])
    except ValueError:
        raise UserError(
            f"{path}: created is {document['created']!r}, which is not a date; make the figure again"
        ) from None
    return Figure(
        number=str(document["figure"]),
        picture=path.parent / Path(document["picture"]).name,
        trainings=[Training(**{key: one[key] for key in TRAINING}) for one in document["trainings"]],
        rows=[_made(one) for one in document["rows"]],
        **{
            key: document[key] for key in ("title", "caption", "created", "commit", "machine", "budget", "not_measured")
        },
    )


def _made(document: dict[str, Any]) -> Made:
    return Made(**{key: document[key] for key in ROW} | {"measures": with_one_kept(document["measures"])})
