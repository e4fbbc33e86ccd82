"""Where frames fade from one arrangement of a layout to the next, so that nothing appears from one frame to the next.

How many jumps a layout has and where it is cut (`runtime.arrangement`) changes at once where there is room for one
more. In a video the frames around such a change are made by both arrangements, before and after, each laid out for the
frame's own transformation, and mixed. It is known beforehand where everything will be, so that a fade lies around the
change, and what a frame shows depends on its place in the animation alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from ingan_fast.runtime.arrangement import Arrangement

SECONDS = Fraction(2, 5)  # of a fade


class Mix(NamedTuple):
    """What a frame is made of.

    Attributes:
        arrangement: None: the frame has nothing that changes at once.
        other: another one that is seen through it; None: no other.
        share: of the other one, in (0, 1).
    """

    arrangement: Arrangement | None
    other: Arrangement | None = None
    share: float = 0.0


@dataclass(frozen=True)
class _Fade:
    """From frame `start`, which shows what was before, to frame `end`, which shows what is after."""

    start: int
    end: int


class Fades:
    """The mixes of `count` frames, asked for in order.

    Args:
        arrange: the arrangement of a frame by its index.
        breaks: whether a frame goes on elsewhere than the one before it was.
        length: frames of a fade, 2 or more.
    """

    def __init__(
        self, count: int, arrange: Callable[[int], Arrangement | None], breaks: Callable[[int], bool], length: int
    ):
        self._count, self._arrange, self._breaks, self._length = count, arrange, breaks, max(length, 2)
        self._known: dict[int, Arrangement | None] = {}
        self._fade = _Fade(0, 0)  # the last one that was found
        self._quiet = 0  # up to this frame, after it nothing changes

    def __call__(self, index: int) -> Mix:
        while index >= self._fade.end and self._find(index):
            pass
        self._known = {frame: kept for frame, kept in self._known.items() if frame >= min(index, self._fade.start)}
        start, end = self._fade.start, self._fade.end
        if not start < index < end:
            return Mix(self._at(index))
        before, after = self._at(start), self._at(end)
        if _alike(before, after):
            return Mix(after)
        return Mix(before, after, (index - start) / (end - start))

    def _find(self, index: int) -> bool:
        """Look for the next fade, as far as it could concern this frame; whether there is one."""
        last = self._count - 1
        while self._quiet < min(index + self._length, last):
            frame = self._quiet + 1
            self._quiet = frame
            if self._breaks(frame):
                self._fade = _Fade(frame, frame)
            elif not _alike(self._at(frame - 1), self._at(frame)):
                start = max(frame - self._length // 2, self._fade.end)
                end = frame
                while end < min(start + self._length, last) and not self._breaks(end + 1):
                    end += 1
                self._fade = _Fade(max(end - self._length, self._fade.end), end)
                self._quiet = end
                return True
        return False

    def _at(self, frame: int) -> Arrangement | None:
        if frame not in self._known:
            self._known[frame] = self._arrange(frame)
        return self._known[frame]


def _alike(first: Arrangement | None, second: Arrangement | None) -> bool:
    return first is second or (first is not None and second is not None and first.resembles(second))
