"""The report of a batch: a line per output, as report.csv and report.html."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingan_fast.batch.journal import Entry
from ingan_fast.batch.measures import worst_first
from ingan_fast.batch.outputs import REPORTS
from ingan_fast.batch.page import page
from ingan_fast.batch.pictures import Picture
from ingan_fast.batch.requests import Request
from ingan_fast.batch.run import Outcome, source_thumbnail_path, thumbnail_path
from ingan_fast.files import atomic_write

MADE, KEPT, FAILED, MISSING = "made", "kept", "failed", "missing"
CSV, HTML = REPORTS


@dataclass(frozen=True)
class Row:
    """An output.

    Attributes:
        output: path in the output folder.
        kind: label of the request, "run" or "model".
        state: MADE in this run of the command, KEPT from an earlier one, FAILED, or MISSING after an interruption.
        entry: None unless it is there.
        error: why it failed.
    """

    output: str
    kind: str
    state: str
    entry: Entry | None = None
    error: str = ""

    @property
    def measures(self) -> Mapping[str, float]:
        return self.entry.measures if self.entry else {}


@dataclass(frozen=True)
class Section:
    """A picture with its outputs."""

    picture: Picture
    rows: Sequence[Row]

    def state(self) -> str:
        states = [row.state for row in self.rows]
        return next((state for state in (FAILED, MISSING, MADE) if state in states), KEPT)

    def notes(self) -> list[str]:
        return [row.entry.note for row in self.rows if row.entry and row.entry.note]

    def errors(self) -> list[tuple[str, str]]:
        """Errors with the kinds of the outputs that they hold for: one line per error."""
        kinds: dict[str, list[str]] = {}
        for row in self.rows:
            if row.error:
                kinds.setdefault(row.error, []).append(row.kind)
        return [(", ".join(names), error) for error, names in kinds.items()]

    def urgency(self) -> tuple[int, float]:
        """Sorts what to look at first to the front: failures, then what is missing, notes, the worst measures."""
        state = self.state()
        rank = 0 if state == FAILED else 1 if state == MISSING else 2 if self.notes() else 3
        return rank, -worst_first([row.measures for row in self.rows])


def sections(
    pictures: Sequence[Picture], planned: Callable[[Picture], Mapping[str, Request | None]], outcome: Outcome
) -> list[Section]:
    """All pictures of a batch, what to look at first at the top."""
    found = [
        Section(picture, [_row(picture, name, request, outcome) for name, request in planned(picture).items()])
        for picture in pictures
    ]
    return sorted(found, key=Section.urgency)


def write_report(folder: Path, found: Sequence[Section]) -> None:
    """Write report.csv and report.html to the output folder.

    Raises:
        UserError, MachineError: they can't be written.
    """
    atomic_write(folder / CSV, _table(found).encode(errors="backslashreplace"))
    atomic_write(
        folder / HTML,
        page(found, f"Batch {folder.resolve().name}", _thumbnails(folder, found)).encode(errors="backslashreplace"),
    )


def _row(picture: Picture, name: str, request: Request | None, outcome: Outcome) -> Row:
    kind = request.label if request else "run" if name == picture.run() else "model"
    if name in outcome.errors:
        return Row(name, kind, FAILED, error=outcome.errors[name])
    entry = outcome.entries.get(name)
    if entry is None:
        return Row(name, kind, MISSING)
    return Row(name, kind, MADE if name in outcome.made else KEPT, entry)


def _table(found: Sequence[Section]) -> str:
    names = sorted({name for section in found for row in section.rows for name in row.measures})
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(["picture", "output", "kind", "state", "width", "height", "seconds", *names, "note", "error"])
    for section in found:
        for row in section.rows:
            entry = row.entry
            pixels = (entry.pixels if entry else None) or ("", "")
            values = [row.measures.get(name, "") for name in names]
            times = entry.seconds if entry else ""
            note = entry.note if entry else ""
            writer.writerow(
                [str(section.picture.path), row.output, row.kind, row.state, *pixels, times, *values, note, row.error]
            )
    return buffer.getvalue()


def _thumbnails(folder: Path, found: Sequence[Section]) -> dict[str, str]:
    """Thumbnails that are there, by output; by "source of NAME" for pictures."""
    result: dict[str, str] = {}
    for section in found:
        paths = {f"source of {section.picture.name}": source_thumbnail_path(section.picture)}
        paths |= {row.output: thumbnail_path(row.output) for row in section.rows if row.entry}
        result |= {name: path for name, path in paths.items() if (folder / path).is_file()}
    return result
