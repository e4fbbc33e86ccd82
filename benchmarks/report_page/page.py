"""Renders the page from everything that was found."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ingan_fast.callbacks import Advance
from ingan_fast.errors import UserError
from report_page import measures, numbers, pictures, plots, provenance, quality, speed
from report_page.figure_file import ABLATIONS, FAILURE, OURS, Figure
from report_page.inputs import ReportInputs
from report_page.verdicts import Tally, Verdict

TEMPLATES = Path(__file__).parent / "templates"


def render(found: ReportInputs, advance: Advance = lambda: None) -> bytes:
    """The page's HTML; unreadable pictures are added to `found.problems`. `advance` is called for each figure."""
    embedded = {}
    for figure in found.figures:
        try:
            embedded[figure.name] = pictures.embed(figure.sheet)
        except UserError as error:
            found.problems.append(str(error))
        advance()
    html: str = _template().render(_context(found), embedded=embedded)
    return html.encode()


def _template() -> Any:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in ("scaled", "seconds", "spread", "ratio", "percent", "details", "settings"):
        environment.filters[name] = getattr(numbers, name)
    environment.filters |= {"measure": _measure, "groupby_kept": _group}
    return environment.get_template("page.html")


def _context(found: ReportInputs) -> dict[str, Any]:
    scaling = found.result("scaling")
    speeds = speed.rivalled(found.results)
    return {
        "Verdict": Verdict,
        "ours": OURS,
        "ablations": ABLATIONS,
        "failure": FAILURE,
        "origin": provenance.origin(found),
        "not_measured": provenance.not_measured(found),
        "results": found.results,
        "figures": found.figures,
        "speeds": speeds,
        "speed_tally": Tally.of(one.verdict for one in speeds),
        "speed_verdict": speed.verdict,
        "has_ratio": speed.has_ratio,
        "speed_level": speed.LEVEL,
        "is_ours": speed.is_ours,
        "quality": quality.compare(found.figures),
        "quality_level": measures.LEVEL,
        "measures": measures.MEASURES,
        "shown_measures": _shown_measures,
        "is_best": _is_best,
        "plots": plots.scaling(scaling.details.get("fits", [])) if scaling else [],
        "style": (TEMPLATES / "page.css").read_text(),
    }


def _group(rows: Iterable[Any], name: str) -> list[tuple[Any, list[Any]]]:
    """Group by an attribute, in order of first occurrence (jinja's own groupby sorts)."""
    found: dict[Any, list[Any]] = {}
    for row in rows:
        found.setdefault(getattr(row, name), []).append(row)
    return list(found.items())


def _measure(value: float | None, key: str) -> str:
    if value is None:
        return numbers.NO
    return measures.MEASURES[key].text(value) if key in measures.MEASURES else numbers.significant(value)


def _shown_measures(figure: Figure) -> list[str]:
    """The measures that any row has, known ones first."""
    used = {key for row in figure.rows for key, value in row.measures.items() if value is not None}
    return [key for key in measures.MEASURES if key in used] + sorted(used - set(measures.MEASURES))


def _is_best(rows: list[Any], row: Any, key: str) -> bool:
    """Whether no other row of the output is better."""
    if key not in measures.MEASURES or row.measures.get(key) is None:
        return False
    return quality.best_of(rows, key) == measures.MEASURES[key].cost(row.measures[key])
