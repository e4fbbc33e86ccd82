"""Log-log plots of scaling, as SVG in the page's text colour."""

import io
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from report_page.numbers import scaled, significant

INK = "#123456"  # placeholder for the page's colour
# Legible on white and on black; lines also differ in their markers.
COLOURS = ("#2f81d6", "#d9703c", "#1f9e7a", "#b05ccc", "#b8901a", "#d4526e", "#7a8691")
MARKERS = {"o": "●", "s": "■", "D": "◆", "P": "✚", "X": "✖", "*": "★", "p": "⬟"}  # matplotlib's marker → character
SIZE = (4.6, 3.4)  # inches of 72 px
UNITS = {"time": "time, s", "memory": "memory for outputs, MB"}
SCALES = {"time": 1.0, "memory": 1e-6}

Fit = dict[str, Any]  # case, name, quantity, over, exponent, standard_error, points: [[pixels, value], ...]


@dataclass(frozen=True)
class Line:
    """A fit in a plot, for its legend."""

    fit: Fit
    marker: str  # of MARKERS
    colour: str

    @property
    def symbol(self) -> str:
        return MARKERS[self.marker]


@dataclass(frozen=True)
class Plot:
    """One quantity over one kind of pixels."""

    title: str
    svg: Markup
    lines: list[Line]


def scaling(fits: list[Fit]) -> list[Plot]:
    """A plot per quantity and kind of pixels."""
    groups: dict[tuple[str, str], list[Fit]] = {}
    for fit in fits:
        groups.setdefault((fit["quantity"], fit["over"]), []).append(fit)
    plots = []
    for (quantity, over), each in groups.items():
        styles = zip(each, cycle(MARKERS), cycle(COLOURS), strict=False)
        lines = [Line(fit, marker, colour) for fit, marker, colour in styles]
        plots.append(Plot(f"{quantity} over {over}", _svg(quantity, over, lines), lines))
    return plots


def _svg(quantity: str, over: str, lines: list[Line]) -> Markup:
    style: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": f"{quantity} {over}",
        "text.parse_math": False,
        "font.size": 9,
    }
    colours = dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), INK)
    with matplotlib.rc_context(style | colours):
        figure = Figure(SIZE, layout="constrained")
        axes = figure.add_subplot(xscale="log", yscale="log")
        for line in lines:
            _draw(axes, line, SCALES.get(quantity, 1.0))
        axes.set_xlabel(over)
        axes.set_ylabel(UNITS.get(quantity, quantity))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: scaled(value, "").strip()))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: significant(value)))
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))  # labels also for less than a decade
            axis.set_minor_formatter(NullFormatter())
        axes.grid(alpha=0.25, color=INK, linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        text = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(text, format="svg", transparent=True, metadata=nothing)
    svg = text.getvalue()
    return Markup(svg[svg.index("<svg") :].replace(INK, "currentColor"))


def _draw(axes: Axes, line: Line, scale: float) -> None:
    """Draw the points, and a line with the fitted exponent through their centre."""
    fit, colour = line.fit, line.colour
    pixels, values = np.array([point for point in fit["points"] if min(point) > 0], dtype=float).reshape(-1, 2).T
    if not len(pixels):
        return
    axes.plot(pixels, values * scale, line.marker, color=colour, markersize=5)
    ends = np.array([pixels.min(), pixels.max()])
    middle = np.log(values * scale).mean() - fit["exponent"] * np.log(pixels).mean()
    axes.plot(ends, np.exp(middle + fit["exponent"] * np.log(ends)), color=colour, linewidth=1.3)
