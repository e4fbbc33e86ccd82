"""Frame rates, durations and frame counts."""

import math
import re
from fractions import Fraction

from ingan_fast.errors import UserError

MAX_FPS = 1000
MAX_SECONDS = 86_400
MAX_FRAMES = 1_000_000

_NUMBER = re.compile(r"\d+\.?\d*|\.\d+", re.ASCII)
_RATIO = re.compile(r"(\d{1,9})/(\d{1,9})", re.ASCII)


def parse_fps(text: str) -> Fraction:
    """Parse frames per second from "30", "23.976" or "30000/1001".

    Raises:
        UserError: another format, or a rate outside (0, 1000].
    """
    ratio = _RATIO.fullmatch(text)
    if ratio is not None and int(ratio[2]):
        fps = Fraction(int(ratio[1]), int(ratio[2]))
    elif _NUMBER.fullmatch(text) and len(text) <= 20:
        fps = Fraction(text).limit_denominator(100_000)
    else:
        raise UserError(f"fps {text[:60]!r} is invalid; give frames per second, such as 30 or 30000/1001")
    if not 0 < fps <= MAX_FPS:
        raise UserError(f"fps {text[:60]!r} is out of range; it must be above 0 and at most {MAX_FPS}")
    return fps


def parse_time(text: str) -> float:
    """Parse seconds from "2.5".

    Raises:
        UserError: another format, or more than a day.
    """
    if not _NUMBER.fullmatch(text) or len(text) > 20:
        raise UserError(f"time {text[:60]!r} is invalid; give seconds, such as 2.5")
    seconds = float(text)
    if seconds > MAX_SECONDS:
        raise UserError(f"time {text[:60]!r} is too long; give at most {MAX_SECONDS} seconds")
    return seconds


def frame_count(fps: Fraction, seconds: float) -> int:
    """Number of frames of a video.

    Raises:
        UserError: none, or too many.
    """
    if not (math.isfinite(seconds) and 0 < fps <= MAX_FPS and seconds > 0):
        raise UserError(f"{seconds:g} seconds at {float(fps):g} frames per second are not possible; give more than 0")
    count = round(seconds * fps)
    if not 1 <= count <= MAX_FRAMES:
        raise UserError(
            f"{seconds:g} seconds at {float(fps):g} frames per second are {count} frames; allowed are 1 to {MAX_FRAMES}"
        )
    return count
