"""Keyframes of dragged poses as script files, which `ingan-fast video --script` reads (docs/video.md)."""

import tempfile
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from ingan_fast.geometry import Size
from ingan_fast.studio.requests import Body, Point, Side
from ingan_fast.studio.store import Entry

PICTURE_SIDE = 960  # px; `ingan-fast video` uses larger pictures at this size
MOST_SECONDS = 600.0
Easing = Literal["ease-in-out", "ease-in", "ease-out", "linear", "spline", "hold"]


class Key(Body):
    """A keyframe, in pixels of the full resolution."""

    time: Annotated[float, Field(ge=0, le=MOST_SECONDS)]
    size: tuple[Side, Side] | None = None
    corners: tuple[Point, Point, Point, Point] | None = None
    easing: Easing = "ease-in-out"


class Video(Body):
    """A video of keyframes."""

    keyframes: Annotated[list[Key], Field(min_length=2, max_length=100)]
    canvas: tuple[Side, Side] | None = None
    fps: Annotated[float, Field(ge=1, le=120)] = 30
    loop: bool = False
    background: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")] = "#000000"


def used_size(entry: Entry) -> Size:
    """(width, height) at which `ingan-fast video` uses a picture."""
    factor = max(1.0, max(entry.size) / PICTURE_SIDE) if entry.kind == "photo" else 1.0
    return round(entry.size[0] / factor), round(entry.size[1] / factor)


def script_text(video: Video, entry: Entry) -> str:
    """The script file's text.

    Raises:
        UserError: keyframes that make no video.
    """
    used = used_size(entry)
    factors = used[0] / entry.size[0], used[1] / entry.size[1]
    lines = [f"fps: {video.fps:g}", f"loop: {str(video.loop).lower()}"]
    if video.canvas is not None:
        width, height = (_even(side * factor) for side, factor in zip(video.canvas, factors, strict=True))
        lines.append(f"canvas: {width}x{height}")
    lines.append("keyframes:")
    for key in video.keyframes:
        lines.append(f"  - time: {key.time:g}")
        if key.corners is not None:
            points = " ".join(f"{_short(x * factors[0])},{_short(y * factors[1])}" for x, y in key.corners)
            lines.append(f"    corners: {points}")
        elif key.size is not None:
            width, height = (max(16, round(side * factor)) for side, factor in zip(key.size, factors, strict=True))
            lines.append(f"    size: {width}x{height}")
        lines.append(f"    easing: {key.easing}")
    text = "\n".join(lines) + "\n"
    _check(text, used)
    return text


def _check(text: str, size: Size) -> None:
    from ingan_fast.errors import UserError
    from ingan_fast.video.script import read_script

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "script.yaml"
        path.write_text(text)
        try:
            read_script(str(path), size)
        except UserError as error:
            raise UserError(str(error).replace(str(path), "the script")) from error


def _even(side: float) -> int:
    whole = max(16, round(side))
    return whole + whole % 2


def _short(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")
