"""Reads a figure's numbers as written by `benchmarks/figures`: figN.json."""

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

import msgspec

from ingan_fast.baselines import BASELINES
from ingan_fast.bench import schema
from ingan_fast.bench.figure_file import FigureFile, FigureRow
from report_page.measures import with_one_kept

OURS = "ingan-fast"
ABLATIONS = "9"  # the figure whose methods, except baselines, are variants of ours, possibly "..., seed 1"
FAILURE = "10"  # the figure of the failure, which patch measures don't detect
WHOLE = "all losses"  # the variant that the ablations are compared with
SEED = ", seed "


class Figure(FigureFile, frozen=True, tag="ingan-fast/figure/1"):
    """A figure as the page shows it: `picture` is the sheet's path, and measures have size_kept, of the kept side."""

    @property
    def name(self) -> str:
        return f"Figure {self.number}"

    @property
    def sheet(self) -> Path:
        return Path(self.picture)

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

    def outputs(self) -> Iterable[tuple[str, str, list[FigureRow]]]:
        """(picture, output, rows of all methods) in the order of the file."""
        places: dict[tuple[str, str], int] = {}
        for row in self.rows:
            places.setdefault((row.picture, row.output), len(places))
        ordered = sorted(self.rows, key=lambda row: places[row.picture, row.output])
        for (picture, output), rows in groupby(ordered, key=lambda row: (row.picture, row.output)):
            yield picture, output, list(rows)


def read(path: Path) -> Figure:
    """Read a file. Raises UserError: no such file, not JSON, another schema, or missing or invalid parts."""
    figure = schema.read(path, Figure)
    rows = [msgspec.structs.replace(row, measures=with_one_kept(row.measures)) for row in figure.rows]
    return msgspec.structs.replace(figure, picture=str(path.parent / Path(figure.picture).name), rows=rows)
