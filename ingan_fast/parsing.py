"""Parses sizes, scales, corners and homographies from user input; errors are one line."""

import difflib
import json
import math
import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingan_fast.errors import UserError
from ingan_fast.geometry import MAX_SCALE, Size, check_output_size

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_SIZE = re.compile(r"(\d+)[xX×](\d+)", re.ASCII)
_SCALE = re.compile(rf"({_NUMBER})(?:[xX×]({_NUMBER}))?", re.ASCII)
_BYTES = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)([mMgG])", re.ASCII)
_POINT = re.compile(rf"({_NUMBER}),({_NUMBER})", re.ASCII)

UNITS = ("normalised", "pixels")


def parse_size(text: str, check: Callable[[Size], Size] = check_output_size) -> Size:
    """Parse an output size (width, height) from "640x480".

    Raises:
        UserError: another format, a side under 16, or a size that is too large.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None or max(map(len, match.groups())) > 9:
        raise UserError(f"size {_quote(text)} is invalid; give WIDTHxHEIGHT, such as 640x480")
    return check((int(match[1]), int(match[2])))


def parse_bytes(text: str) -> int:
    """Parse a number of bytes from "512M" or "2G" (powers of 1024).

    Raises:
        UserError: another format.
    """
    match = _BYTES.fullmatch(text.strip())
    if match is None or not (value := float(match[1])):
        raise UserError(f"{_quote(text)} is not an amount of memory; give a number with M or G, such as 512M or 2G")
    return int(value * {"M": 1 << 20, "G": 1 << 30}[match[2].upper()])


def parse_scale(text: str) -> tuple[float, float]:
    """Parse (sx, sy) from "1.5x0.7", or from "1.5" for both axes.

    Raises:
        UserError: another format, or a factor outside (0, 64].
    """
    match = _SCALE.fullmatch(text.strip())
    if match is None:
        raise UserError(f"scale {_quote(text)} is invalid; give one factor (1.5) or two (1.5x0.7)")
    sx = float(match[1])
    sy = float(match[2]) if match[2] is not None else sx
    if not (0 < sx <= MAX_SCALE and 0 < sy <= MAX_SCALE):
        raise UserError(f"scale {_quote(text)} is out of range; each factor must be above 0 and at most {MAX_SCALE:g}")
    return sx, sy


def parse_corners(text: str) -> NDArray[np.float64]:
    """Parse "x,y x,y x,y x,y" to float64 [4, 2]: tl, tr, br, bl in output pixels, edge to edge.

    The shape is checked by `Transform.from_corners`.

    Raises:
        UserError: not four pairs of finite numbers.
    """
    matches = [_POINT.fullmatch(word) for word in text.split()]
    points = [(float(match[1]), float(match[2])) for match in matches if match is not None]
    if len(points) != 4 or len(matches) != 4 or not np.isfinite(points).all():
        raise UserError(
            f"corners {_quote(text)} are invalid; give 4 points in pixels: top left, top right, "
            'bottom right, bottom left, such as "0,0 640,40 600,480 20,470"'
        )
    return np.array(points, dtype=np.float64)


def parse_homography(text: str) -> tuple[NDArray[np.float64], str]:
    """Parse a source → output matrix from JSON; returns float64 [3, 3] and its units.

    The text is 3 rows of 3 numbers (normalised coordinates), or {"matrix": rows, "units": "normalised" | "pixels"};
    pixels follow OpenCV, with centres at integers (`Transform.from_pixels`). `Transform` checks whether the matrix is
    usable.

    Raises:
        UserError: another format.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise UserError(f"homography {_quote(text)} is not valid JSON; give 3 rows of 3 numbers") from None
    units = "normalised"
    if isinstance(value, dict):
        unknown = sorted(value.keys() - {"matrix", "units"})
        if unknown or "matrix" not in value:
            raise UserError(
                f"homography has {'the unknown key ' + _quote(unknown[0]) if unknown else 'no matrix'}; give "
                '{"matrix": 3 rows of 3 numbers, "units": "normalised" or "pixels"}'
            )
        units = value.get("units", units)
        if units not in UNITS:
            raise UserError(f"unknown homography units {_quote(str(units))}; choose {' or '.join(UNITS)}")
        value = value["matrix"]
    rows = value if isinstance(value, list) else []
    if len(rows) != 3 or not all(_is_row(row) for row in rows):
        raise UserError(f"homography {_quote(text)} is not 3 rows of 3 finite numbers; give [[1, 0, 0], ...]")
    return np.array(rows, dtype=np.float64), units


def _is_row(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(map(_finite, value))


def _finite(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond the range of float64
        return False


def _quote(text: str) -> str:
    """`repr` of the text, shortened."""
    return repr(text if len(text) <= 60 else text[:57] + "...")


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint for a mistyped one of the `known` names; empty if none is similar."""
    close = difflib.get_close_matches(name[:60], list(known), n=1, cutoff=0.5)
    return f" (did you mean {close[0]!r}?)" if close else ""
