"""The page of a batch's report: one HTML file, with thumbnails beside it and links to the outputs."""

import html
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from ingan_fast.batch.measures import JUDGED, LAID_OUT

if TYPE_CHECKING:
    from ingan_fast.batch.report import Row, Section

MEASURES = {  # title and factor of each measure
    "visible_cuts": ("visible cuts ‰", 1.0),
    "shown": ("shown %", 100.0),
    "coherence": ("coherence", 1000.0),
    "completeness": ("completeness", 1000.0),
    "swd": ("swd", 1000.0),
    "verbatim": ("verbatim %", 100.0),
}
_EXPLANATIONS = {
    "visible_cuts": "pixels of the output at cuts that the eye may see, per 1000; fewer is better",
    "shown": "share of the picture's pixels that the output shows",
    "coherence": "how far the output's patches are from the picture's, ×1000; less is better",
    "completeness": "how far the picture's patches are from the output's, ×1000; less is better",
    "swd": "how different the distributions of patches are, ×1000; less is better",
    "verbatim": "share of the output's patches that are copied; more is better",
}

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --bad: #c62828; --warn: #b26a00; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 1.5rem auto; max-width: 110rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin: 0 0 .3rem; }
p { margin: .3rem 0; max-width: 60rem; }
table { border-collapse: collapse; margin-top: 1rem; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .45rem .7rem; text-align: left; vertical-align: top; }
th { position: sticky; top: 0; background: Canvas; white-space: nowrap; }
th button { font: inherit; font-weight: 600; border: 0; background: none; color: inherit; padding: 0; cursor: pointer; }
th[aria-sort=ascending] button::after { content: " ▲"; } th[aria-sort=descending] button::after { content: " ▼"; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
td.name { max-width: 20rem; overflow-wrap: anywhere; }
img { max-width: 200px; max-height: 140px; display: block; border: 1px solid var(--line); }
figure { display: inline-block; margin: 0 .6rem .3rem 0; vertical-align: top; }
figcaption { font-size: .8rem; opacity: .8; }
.failed { color: var(--bad); font-weight: 600; } .missing, .note { color: var(--warn); }
.error { color: var(--bad); overflow-wrap: anywhere; max-width: 46rem; }
dl { font-size: .85rem; opacity: .85; } dt { float: left; clear: left; font-weight: 600; margin-right: .5rem; }
"""

# Sorts by a column; numbers by data-value, the empty ones last.
_SCRIPT = """
document.querySelectorAll("th button").forEach(button => button.addEventListener("click", () => {
  const head = button.closest("th"), body = head.closest("table").tBodies[0], column = head.cellIndex;
  const up = head.getAttribute("aria-sort") === "descending";
  head.parentNode.querySelectorAll("th").forEach(other => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  const value = row => row.cells[column].dataset.value;
  const compare = (a, b) => {
    if (a === "" || b === "") return (a === "") - (b === "");
    const order = isNaN(a) || isNaN(b) ? a.localeCompare(b) : a - b;
    return up ? order : -order;
  };
  [...body.rows].sort((a, b) => compare(value(a), value(b))).forEach(row => body.append(row));
}));
"""


def page(found: "Sequence[Section]", title: str, thumbnails: Mapping[str, str]) -> str:
    """The HTML page.

    Args:
        found: pictures in the order of their rows.
        title: a line about the batch.
        thumbnails: paths by output, and by "source of NAME".
    """
    names = [
        name for name in (*LAID_OUT, *JUDGED) if any(name in row.measures for section in found for row in section.rows)
    ]
    heads = [_head("look first", number=True), _head("picture"), _head("state"), "<th>outputs</th>"]
    heads += [_head(MEASURES[name][0], number=True) for name in names] + [_head("seconds", number=True)]
    rows = [_section(place, section, names, thumbnails) for place, section in enumerate(found, start=1)]
    counts = {state: sum(section.state() == state for section in found) for state in ("failed", "missing")}
    summary = [f"{len(found)} pictures"] + [f"{count} {state}" for state, count in counts.items() if count]
    meaning = "".join(
        f"<dt>{html.escape(MEASURES[name][0])}</dt><dd>{html.escape(_EXPLANATIONS[name])}</dd>" for name in names
    )
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{html.escape(title)}</title><style>{_STYLE}</style></head><body>
<h1>{html.escape(title)}</h1>
<p>{", ".join(summary)}. Failures are first, then the pictures whose worst output has the worst measures. A column's
title sorts by it; measures are those of a picture's worst output.</p>
<dl>{meaning}</dl>
<table><thead><tr>{"".join(heads)}</tr></thead><tbody>
{chr(10).join(rows)}
</tbody></table><script>{_SCRIPT}</script></body></html>
"""


def _head(text: str, number: bool = False) -> str:
    kind = ' class="number"' if number else ""
    return f'<th{kind}><button type="button">{html.escape(text)}</button></th>'


def _section(place: int, section: "Section", names: Sequence[str], thumbnails: Mapping[str, str]) -> str:
    name, state = section.picture.name, section.state()
    cells = [_number(place, f"{place}")]
    source = thumbnails.get(f"source of {name}")
    shown = f'<img src="{_link(source)}" alt="" loading="lazy">' if source else ""
    cells.append(f'<td class="name" data-value="{html.escape(name)}">{html.escape(name)}{shown}</td>')
    cells.append(f'<td class="{state}" data-value="{state}">{state}</td>')
    figures = "".join(_figure(row, thumbnails) for row in section.rows if row.entry)
    errors = "".join(
        f'<div class="error">{html.escape(kinds)}: {html.escape(error)}</div>' for kinds, error in section.errors()
    )
    notes = "".join(f'<div class="note">{html.escape(note)}</div>' for note in section.notes())
    cells.append(f"<td>{errors}{notes}{figures}</td>")
    for measure in names:
        cells.append(_measure(measure, [row.measures[measure] for row in section.rows if measure in row.measures]))
    seconds = sum(row.entry.seconds for row in section.rows if row.entry)
    cells.append(_number(seconds, f"{seconds:.1f}"))
    return f"<tr>{''.join(cells)}</tr>"


def _figure(row: "Row", thumbnails: Mapping[str, str]) -> str:
    """A thumbnail with a link to the output, or the link alone."""
    thumbnail = thumbnails.get(row.output)
    shown = f'<img src="{_link(thumbnail)}" alt="" loading="lazy">' if thumbnail else ""
    pixels = row.entry.pixels if row.entry else None
    size = "{}x{}".format(*pixels) if pixels else ""
    caption = row.kind if row.kind == size or not size else f"{row.kind} ({size})"
    return f'<figure><a href="{_link(row.output)}">{shown}<figcaption>{html.escape(caption)}</figcaption></a></figure>'


def _measure(name: str, values: Sequence[float]) -> str:
    if not values:
        return _number(None, "")
    better_high = name in ("shown", "verbatim")
    worst = (min if better_high else max)(values) * MEASURES[name][1]
    return _number(worst, f"{worst:.1f}")


def _number(value: float | None, text: str) -> str:
    return f'<td class="number" data-value="{"" if value is None else f"{value:.6g}"}">{text}</td>'


def _link(path: str) -> str:
    return quote(os.fsencode(path))
