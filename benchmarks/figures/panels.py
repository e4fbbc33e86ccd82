"""Layout of a figure's sheet: panels with method and time, a title above, the budget below."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from figures.outputs import MethodOutput, Task
from ingan_fast.pictures import Pixels
from ingan_fast.pictures.sheets import GAP, INK, PAPER, Panel, over_checkerboard, sheet

WIDTH = 1600  # px; maximum width of a row of panels
HEADLINE = 22  # px, height of the title
SMALL = 14  # px, height of the text below


def panel(made: MethodOutput, task: Task, name: str | None = None) -> Panel:
    """An output with its method and time; `name` replaces the method's."""
    assert made.picture is not None
    mask = task.mask
    picture = made.picture if mask is None else over_checkerboard(made.picture, mask)
    return Panel(f"{name or made.row.method}, {time_text(made.row.seconds)}", picture)


def time_text(seconds: float | None) -> str:
    """Text for a title: "0.13 s", "12 s"."""
    if seconds is None:
        return "-"
    if seconds < 0.01:
        return "under 0.01 s"
    return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"


def wrapped(panels: Sequence[Panel]) -> list[list[Panel]]:
    """The panels in rows of at most `WIDTH` px (or one panel), in their order."""
    rows: list[list[Panel]] = []
    free = 0
    for one in panels:
        needed = one.picture.shape[1] + GAP
        if not rows or needed > free:
            rows.append([])
            free = WIDTH - GAP
        rows[-1].append(one)
        free -= needed
    return rows


def page(title: str, rows: Sequence[Sequence[Panel]], below: Sequence[str]) -> Pixels:
    """The finished sheet: uint8 [H, W, 3]."""
    panels = sheet(rows)
    width = max(panels.shape[1], 900)
    head = _text([title], width, HEADLINE)
    foot = _text(below, width, SMALL)
    middle = np.pad(panels, ((0, 0), (0, width - panels.shape[1]), (0, 0)), constant_values=PAPER[0])
    return np.concatenate([head, middle, foot])


def _text(lines: Sequence[str], width: int, height: int) -> Pixels:
    """Wrapped lines of text on white: uint8 [h, width, 3]."""
    font = ImageFont.load_default(height)
    broken = [part for line in lines for part in _broken(line, font, width - 2 * GAP)]
    each = round(1.4 * height)
    image = Image.new("RGB", (width, GAP + each * len(broken)), PAPER)
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(broken):
        draw.text((GAP, GAP // 2 + each * number), line, fill=INK, font=font)
    return np.asarray(image)


def _broken(line: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> list[str]:
    """Wrap a text's words to lines of at most `width` px."""
    broken = [""]
    for word in line.split():
        longer = f"{broken[-1]} {word}".strip()
        if broken[-1] and font.getlength(longer) > width:
            broken.append(word)
        else:
            broken[-1] = longer
    return broken
