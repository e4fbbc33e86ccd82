"""The paper's collage (figure 1): one picture at a grid of sizes, the source framed in its place."""

from collections.abc import Callable

from ingan_fast.geometry import MIN_SIZE, Transform
from ingan_fast.images import Pixels
from ingan_fast.retargeting import TrainedGenerator
from ingan_fast.sheets import Panel, sheet

FACTORS = (0.6, 1.0, 1.5, 2.0)


def collage(trained: TrainedGenerator, advance: Callable[[], None] = lambda: None) -> Pixels:
    """Retarget the source to every pair of `FACTORS`, widths across and heights down: uint8 [H, W, 3].

    `advance` is called after each picture.
    """
    width, height = trained.source_size
    rows = []
    for sy in FACTORS:
        row = []
        for sx in FACTORS:
            size = (max(round(width * sx), MIN_SIZE), max(round(height * sy), MIN_SIZE))
            if sx == sy == 1.0:
                row.append(Panel("source", trained.source, framed=True))
            else:
                picture = trained.retarget(Transform.resize(size)).picture
                row.append(Panel(f"{size[0]}x{size[1]}", picture))
            advance()
        rows.append(row)
    return sheet(rows)
