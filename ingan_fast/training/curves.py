"""Reads a run's log and plots its curves."""

import json
from pathlib import Path
from typing import Any

from ingan_fast.files import atomic_path
from ingan_fast.model.step import LOSSES
from ingan_fast.quality.validation import MEASURES, WIDTHS

Lines = list[dict[str, Any]]


def read_log(path: Path) -> Lines:
    """The complete lines of log.jsonl: losses, and separate lines for validations."""
    lines: Lines = []
    for text in path.read_text(errors="replace").splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            break  # the process was killed while writing a line
        if not isinstance(line, dict) or "iteration" not in line:
            break
        lines.append(line)
    return lines


def plot_losses(log: Path, out: Path) -> None:
    """Plot log.jsonl's losses over iterations."""
    lines = _lines(log)
    figure = _figure(4.5)
    axes = figure.add_subplot(xlabel="iteration", ylabel="loss", yscale="log")
    for name in LOSSES:
        _curve(axes, [line for line in lines if line.get(name, 0) > 0], name, label=name.replace("_", " "), linewidth=1)
    _save(figure, out)


def plot_quality(log: Path, out: Path) -> None:
    """Plot log.jsonl's validations over iterations: distances, and below them how well sizes are kept.

    Thin lines show the layout alone.
    """
    lines = _lines(log)
    figure = _figure(6)
    distances, kept = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": (2, 1)})
    distances.set(yscale="log", ylabel="distance (lower is better)")
    kept.set(xlabel="iteration", ylabel="sizes kept (1: all)")
    for index, measure in enumerate(MEASURES):
        axes = kept if measure == "kept_width" else distances
        for ratio, style in zip(WIDTHS, ("-", "--"), strict=True):
            label = f"{measure.replace('_', ' ')}, width x{ratio:g}"
            name = f"{measure}_x{ratio:g}"
            _curve(axes, lines, name, label=label, linestyle=style, marker=".", color=f"C{index}")
            for line in lines:
                if f"layout_{name}" in line:  # thin horizontal line: the layout alone
                    axes.axhline(line[f"layout_{name}"], linestyle=style, linewidth=0.6, color=f"C{index}")
    _save(figure, out)


def _lines(log: Path) -> Lines:
    return read_log(log) if log.is_file() else []


def _figure(height: float) -> Any:
    from matplotlib.figure import Figure  # slow to import

    figure = Figure(figsize=(8, height))
    # Margins of 0.1 to 0.8 inches; automatic ones would measure every label, a quarter of the time.
    figure.subplots_adjust(0.8 / 8, 0.5 / height, 1 - 0.1 / 8, 1 - 0.1 / height, hspace=0.08)
    return figure


def _curve(axes: Any, lines: Lines, name: str, **style: Any) -> None:
    points = [(line["iteration"], line[name]) for line in lines if name in line]
    if points:
        axes.plot(*zip(*points, strict=True), **style)


def _save(figure: Any, out: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    for axes in figure.axes:
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend(fontsize="small")
    with atomic_path(out) as temporary:
        FigureCanvasAgg(figure).print_png(temporary)
