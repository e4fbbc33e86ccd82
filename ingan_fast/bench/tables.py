"""Formats benchmark results, and comparisons of two, as tables."""

from collections.abc import Callable
from itertools import groupby

from rich.table import Table

from ingan_fast.bench.compare import Comparison
from ingan_fast.bench.machine import title
from ingan_fast.bench.results import Results, Row

# Columns by name; a column without any value is left out.
MEASURES = {"coherence": 1e-3, "completeness": 1e-3, "swd": 1e-3, "kept_width": 1.0}  # of outputs, and their units
Cell = Callable[[Row], str | None]


def results_table(results: Results) -> Table:
    """All rows by case, with ceilings and notes below."""
    columns = {name: cell for name, cell in _columns(results).items() if any(map(cell, results.rows))}
    cases = [(case, list(rows)) for case, rows in groupby(results.rows, key=lambda row: row.case)]
    heading = f"{results.benchmark}, {title(results.machine)}"
    if len(cases) == 1:
        heading = f"{results.benchmark}: {cases[0][0]}, {title(results.machine)}"
    table = Table(title=heading, title_justify="left", caption=_caption(results), caption_justify="left", box=None)
    table.add_column("", no_wrap=True)
    for name in columns:
        table.add_column(name, justify="right", no_wrap=" " not in name, min_width=max(map(len, name.split())))
    for case, rows in cases:
        if len(cases) > 1:
            table.add_row(case)
        for row in rows:
            name = "  " * (len(cases) > 1) + row.name + " (fell back)" * bool(row.details.get("fell_back"))
            table.add_row(name, *(cell(row) or "-" for cell in columns.values()))
    return table


def comparison_table(comparison: Comparison) -> Table:
    """The rows that both have, by benchmark and case."""
    commits = " to ".join(", ".join(map(str, side)) for side in comparison.commits)
    table = Table(title=f"commit {commits}", title_justify="left", box=None)
    table.caption, table.caption_justify = "medians in milliseconds; x2 is twice as fast in B", "left"
    table.add_column("", no_wrap=True)
    for name in ("A", "B", "factor", "range"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("")
    table.add_column("by")
    for (benchmark, case), rows in groupby(comparison.rows, key=lambda row: (row.benchmark, row.case)):
        table.add_row(f"{benchmark}: {case}")
        for row in rows:
            times = (_number(value) or "-" for value in row.milliseconds)
            between = "-" if row.low is None else f"{row.low:.2f} to {row.high:.2f}"
            verdict = row.verdict if row.error is None else f"{row.verdict}: {row.error}"
            table.add_row(f"  {row.name}", *times, _times(row.factor) or "-", between, verdict, row.by or "")
    return table


def _columns(results: Results) -> dict[str, Cell]:
    baselines = {row.baseline for row in results.rows if row.baseline is not None}
    return {
        **{name: _of_times(name) for name in ("median", "p20", "p80")},
        "from idle": lambda row: _number(_inner(row, "call_milliseconds", "median")),
        f"beside {baselines.pop() if len(baselines) == 1 else 'baseline'}": lambda row: _times(row.times_as_fast),
        "TFLOP/s": lambda row: _number(row.flop_per_second, 1e12),
        "GB/s": lambda row: _number(row.bytes_per_second, 1e9),
        "of ceiling": lambda row: _part(row.fraction_of_ceiling),
        "peak GB": lambda row: _number(row.peak_memory_bytes, 1e9),
        "warm-up s": lambda row: _number(row.details.get("warm_up_seconds")),
        **{name.replace("_", " "): _of_measure(name, unit) for name, unit in MEASURES.items()},
        "runtime's part": lambda row: _part(row.details.get("overhead")),
    }


def _of_times(name: str) -> Cell:
    return lambda row: None if row.milliseconds is None else _number(getattr(row.milliseconds, name))


def _of_measure(name: str, unit: float) -> Cell:
    return lambda row: _number(row.details.get(name), unit)


def _inner(row: Row, name: str, part: str) -> float | None:
    value = row.details.get(name)
    return None if value is None else value[part]


def _caption(results: Results) -> str:
    units = {"copy": (1e9, "GB/s")}
    ceilings = []
    for name, value in results.ceilings.items():
        unit, symbol = units.get(name, (1e12, "TFLOP/s"))
        ceilings.append(f"{name} {_number(value, unit)} {symbol}")
    ceiling = [f"ceiling: {', '.join(ceilings)}"] if ceilings else []
    return "; ".join(["milliseconds", *ceiling, *results.details.get("notes", ())])


def _number(value: float | None, unit: float = 1.0) -> str | None:
    if value is None:
        return None
    value /= unit
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"


def _times(value: float | None) -> str | None:
    return None if value is None else f"x{value:.2f}"


def _part(value: float | None) -> str | None:
    return None if value is None else f"{value:.1%}"
