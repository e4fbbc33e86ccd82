"""Makes a sheet of pictures laid out without training, beside plain resizes.

python benchmarks/layout_sheet.py PICTURE [PICTURE ...] SHEET [--side 288]
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from ingan_fast.layout import Layouts
from ingan_fast.pictures import Pixels, fit_within, load_image, save_image
from ingan_fast.pictures.sheets import Panel, sheet
from ingan_fast.quality.resampling import plain_resize

WIDER, NARROWER = 1.5, 0.6  # times the width


def row(source: Pixels) -> list[Panel]:
    """A picture, wider and narrower, and a plain resize."""
    height, width = source.shape[:2]
    wide, narrow = (round(width * WIDER), height), (round(width * NARROWER), height)
    layouts = Layouts(source)
    start = time.perf_counter()
    outputs = layouts.retarget(wide), layouts.retarget(narrow)
    print(f"{width}x{height}: {time.perf_counter() - start:.2f} s for two sizes", flush=True)
    return [
        Panel("the picture", source, framed=True),
        Panel(f"x{WIDER}", outputs[0]),
        Panel(f"x{NARROWER}", outputs[1]),
        Panel(f"x{WIDER}, plain resize", plain_resize(source, wide)),
    ]


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("sheet", type=Path)
    parser.add_argument("--side", type=int, default=288, help="px of the longer side of each picture")
    arguments = parser.parse_args(words)
    rows = [row(fit_within(load_image(path), arguments.side)) for path in arguments.pictures]
    save_image(sheet(rows), arguments.sheet)


if __name__ == "__main__":
    main()
