"""Sizes of canvases, and placement of pictures on them."""

from collections.abc import Iterable

import numpy as np

from ingan_fast.errors import UserError
from ingan_fast.geometry import Array, Size, check_output_size
from ingan_fast.parsing import nearest

Anchor = tuple[float, float]  # fraction of the free space that is left of the picture, and above it
CENTRE: Anchor = (0.5, 0.5)
ANCHORS: dict[str, Anchor] = {
    "centre": CENTRE,
    "left": (0, 0.5),
    "right": (1, 0.5),
    "top": (0.5, 0),
    "bottom": (0.5, 1),
    "top-left": (0, 0),
    "top-right": (1, 0),
    "bottom-left": (0, 1),
    "bottom-right": (1, 1),
}


def parse_anchor(text: str) -> Anchor:
    """Look up an anchor by name.

    Raises:
        UserError: a name that isn't in `ANCHORS`.
    """
    if text not in ANCHORS:
        raise UserError(f"unknown anchor {text[:60]!r}{nearest(text, ANCHORS)}; choose one of {', '.join(ANCHORS)}")
    return ANCHORS[text]


def rectangle(size: Size, canvas: Size, anchor: Anchor) -> Array:
    """The corners tl, tr, br, bl of a picture of (width, height) px on its canvas: float64 [4, 2], whole pixels."""
    left, top = ((room - side) * part // 1 for side, room, part in zip(size, canvas, anchor, strict=True))
    right, bottom = left + size[0], top + size[1]
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], dtype=np.float64)


def canvas_for(sizes: Iterable[Size]) -> Size:
    """The smallest canvas for pictures of these sizes; even, as most video formats require.

    Raises:
        UserError: the canvas is too large.
    """
    widths, heights = zip(*sizes, strict=True)
    width, height = max(widths), max(heights)
    return check_output_size((width + width % 2, height + height % 2))
