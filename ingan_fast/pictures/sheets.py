"""Sheets: several pictures with titles on one page."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ingan_fast.pictures.arrays import Pixels

GAP = 12  # px around each picture
TEXT = 14  # px, height of a title
PAPER = (255, 255, 255)
INK = (40, 40, 40)
FRAME = (214, 40, 40)


@dataclass(frozen=True)
class Panel:
    """One picture on a sheet."""

    title: str
    picture: Pixels  # uint8 [H, W, 3]
    framed: bool = False  # with a red frame, for the source


def sheet(rows: Sequence[Sequence[Panel]]) -> Pixels:
    """Arrange rows of panels on white, aligned left and top, unscaled: uint8 [H, W, 3]."""
    font = ImageFont.load_default(TEXT)
    widths = [[max(panel.picture.shape[1], round(font.getlength(panel.title))) for panel in row] for row in rows]
    heights = [max(panel.picture.shape[0] for panel in row) + TEXT + GAP for row in rows]
    page = Image.new(
        "RGB",
        (max(sum(row) + GAP * (len(row) + 1) for row in widths), sum(heights) + GAP * (len(rows) + 1)),
        PAPER,
    )
    draw = ImageDraw.Draw(page)
    top = GAP
    for row, row_widths, height in zip(rows, widths, heights, strict=True):
        left = GAP
        for panel, width in zip(row, row_widths, strict=True):
            draw.text((left, top), panel.title, fill=INK, font=font)
            place = (left, top + TEXT + GAP // 2)
            page.paste(Image.fromarray(panel.picture), place)
            if panel.framed:
                h, w = panel.picture.shape[:2]
                draw.rectangle((place[0] - 3, place[1] - 3, place[0] + w + 2, place[1] + h + 2), None, FRAME, 3)
            left += width + GAP
        top += height + GAP
    return np.asarray(page)


def heat_map(values: np.ndarray, height: int) -> Pixels:
    """A discriminator's map [h, w] (0 generated, 1 real) as grey, `height` px high: uint8 [H, W, 3]."""
    grey = np.clip(values * 255, 0, 255).astype(np.uint8)
    width = max(round(height * values.shape[1] / values.shape[0]), 1)
    return np.asarray(Image.fromarray(grey).resize((width, height), Image.Resampling.NEAREST).convert("RGB"))


def over_checkerboard(picture: Pixels, alpha: np.ndarray) -> Pixels:
    """Compose a picture with alpha [H, W] in [0, 1] over a checkerboard."""
    rows, columns = np.indices(alpha.shape) // 8
    board = np.where((rows + columns) % 2, 255, 225)[..., None]
    mixed = picture * alpha[..., None] + board * (1 - alpha[..., None])
    return mixed.round().astype(np.uint8)
