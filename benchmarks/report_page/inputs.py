"""Finds the results and figures in a folder, and reports those that can't be used."""

from dataclasses import dataclass, field
from pathlib import Path

from ingan_fast.bench.power_law import Fit
from ingan_fast.bench.results import Results
from ingan_fast.bench.schema import check
from ingan_fast.errors import UserError
from report_page import figure_file
from report_page.figure_file import Figure

BENCHMARKS = ("warp", "train", "retarget", "export", "video", "cold-start", "scaling", "layout")
FIGURES = ("1", "5", "6", "7", "8", "9", "10")


@dataclass
class ReportInputs:
    """Content of a folder; results and figures in the order of the page."""

    results: list[Results] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)  # files that can't be used, one line each

    def result(self, benchmark: str) -> Results | None:
        return next((one for one in self.results if one.benchmark == benchmark), None)


def read_folder(folder: Path) -> ReportInputs:
    """Read `folder`/results and `folder`/figures; files that can't be used are listed in `problems`.

    Raises:
        UserError: there is nothing to show.
    """
    found = ReportInputs()
    for path in sorted((folder / "results").glob("*.json")):
        try:
            found.results.append(_results(path))
        except UserError as error:
            found.problems.append(str(error))
    for path in sorted((folder / "figures").glob("fig*.json")):
        try:
            found.figures.append(figure_file.read(path))
        except UserError as error:
            found.problems.append(str(error))
    if not found.results and not found.figures:
        unusable = f" ({'; '.join(found.problems)})" if found.problems else ""
        raise UserError(
            f"{folder} has neither results/*.json nor figures/fig*.json that can be shown{unusable}; "
            "run `make bench`, or give --out the folder that it wrote"
        )
    found.results.sort(key=lambda one: _place(BENCHMARKS, one.benchmark))
    found.figures.sort(key=lambda one: _place(FIGURES, one.number))
    return found


def _place(order: tuple[str, ...], name: str) -> int:
    return order.index(name) if name in order else len(order)


def _results(path: Path) -> Results:
    results = Results.read(path)
    for key, kind in (("fits", list[Fit]), ("not_measured", list[str])):
        check(results.details.get(key, []), kind, f"{path}, details.{key}")
    return results
