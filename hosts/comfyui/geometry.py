"""The widgets that say what size or shape an output has."""

from typing import Any

from ingan_fast import Transform
from ingan_fast.parsing import parse_corners

CHOICES = BY_FACTORS, BY_SIZE, BY_CORNERS = "factors", "size", "corners"
MAX_SIDE = 16384

WIDGETS: dict[str, Any] = {
    "resize_by": (
        list(CHOICES),
        {"default": BY_FACTORS, "tooltip": "Which of the values below are used."},
    ),
    "scale_x": ("FLOAT", {"default": 1.5, "min": 0.05, "max": 16.0, "step": 0.05, "tooltip": "Factor of the width."}),
    "scale_y": ("FLOAT", {"default": 1.0, "min": 0.05, "max": 16.0, "step": 0.05, "tooltip": "Factor of the height."}),
    "width": ("INT", {"default": 1024, "min": 16, "max": MAX_SIDE, "tooltip": "For size and corners: the output's."}),
    "height": ("INT", {"default": 1024, "min": 16, "max": MAX_SIDE, "tooltip": "For size and corners: the output's."}),
    "corners": (
        "STRING",
        {
            "default": "0,0 1024,128 1024,896 0,1024",
            "tooltip": "Where the picture's corners land, in pixels of the output: top left, top right, bottom right, "
            "bottom left.",
        },
    ),
}


def transform(
    source_size: tuple[int, int],
    resize_by: str,
    scale_x: float,
    scale_y: float,
    width: int,
    height: int,
    corners: str,
) -> Transform:
    """The transform of a picture of (width, height) that the widgets ask for."""
    return Transform.requested(
        source_size,
        (width, height),
        (scale_x, scale_y) if resize_by == BY_FACTORS else None,
        parse_corners(corners) if resize_by == BY_CORNERS else None,
    )


def checked(resize_by: str | None, corners: str | None, width: int | None, height: int | None) -> bool | str:
    """True, or what is wrong with the widgets' values: what VALIDATE_INPUTS returns.

    None stands for what comes from another node, and is not known before it has run.
    """
    if resize_by is not None and resize_by not in CHOICES:
        return f"resize_by {resize_by!r} is unknown; choose {', '.join(CHOICES)}"
    sides = [side for side in (width, height) if side is not None]
    if resize_by in (BY_SIZE, BY_CORNERS) and not all(16 <= side <= MAX_SIDE for side in sides):
        return f"width and height are {' and '.join(map(str, sides))}; give 16 to {MAX_SIDE}"
    if resize_by == BY_CORNERS and corners is not None and width is not None and height is not None:
        try:
            Transform.from_corners(parse_corners(corners), (width, height))
        except ValueError as error:
            return str(error)
    return True
