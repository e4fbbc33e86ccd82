"""The paper's collage (figure 1): a picture at a grid of sizes, with the source framed."""

from collections.abc import Callable

from ingan_fast.callbacks import Advance
from ingan_fast.geometry import MIN_SIZE, Size
from ingan_fast.pictures.arrays import Pixels
from ingan_fast.pictures.sheets import Panel, sheet

FACTORS = (0.6, 1.0, 1.5, 2.0)


def collage(source: Pixels, retarget: Callable[[Size], Pixels], advance: Advance = lambda: None) -> Pixels:
    """Retarget the source to every pair of `FACTORS`, widths across and heights down: uint8 [H, W, 3].

    Args:
        source: uint8 [h, w, 3].
        retarget: returns the picture at another size.
        advance: called after each picture.
    """
    height, width = source.shape[:2]
    rows = []
    for sy in FACTORS:
        row = []
        for sx in FACTORS:
            size = (max(round(width * sx), MIN_SIZE), max(round(height * sy), MIN_SIZE))
            if sx == sy == 1.0:
                row.append(Panel("source", source, framed=True))
            else:
                row.append(Panel(f"{size[0]}x{size[1]}", retarget(size)))
            advance()
        rows.append(row)
    return sheet(rows)
