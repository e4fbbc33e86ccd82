"""What a network gets under T: the picture warped as a whole, or laid out, so that large things are not stretched."""

from typing import Any

import numpy as np

from ingan_fast.errors import UserError
from ingan_fast.layout import Frames, Layouts
from ingan_fast.runtime.opening import Opened

WARPS = ("auto", "smooth", "layout")


class Warps:
    """Chooses between the two for each frame, and keeps the layouts of the training picture."""

    def __init__(self, opened: Opened):
        self._opened = opened
        self._layouts: Layouts | None = None

    def chosen(self, frame: Any, warp: str) -> str:
        """`Retargeter.warp_for`."""
        if warp not in WARPS:
            raise UserError(f"unknown warp {warp!r}; choose {', '.join(WARPS[:-1])} or {WARPS[-1]}")
        source = self._opened.source
        known = source is not None if frame is None else isinstance(frame, np.ndarray)
        possible = known and not self._opened.fixed
        if warp == "layout" and not possible:
            raise UserError(
                "the warp layout needs the picture's pixels on the host, and a model for any geometry; leave it out"
            )
        if warp == "auto":
            is_source = frame is None or (known and source is not None and np.array_equal(frame, source))
            return "layout" if is_source and self._opened.stretches and possible else "smooth"
        return warp

    def layouts(self, frame: Any, warp: str | Frames) -> Layouts | Frames | None:
        """Layouts of a frame (None: the training picture); None where it is warped.

        Raises:
            UserError: as for `chosen`, or layouts of a picture of another size.
        """
        if isinstance(warp, Frames):
            return self._checked(frame, warp)
        if self.chosen(frame, warp) == "smooth":
            return None
        if frame is not None:
            return Layouts(frame)
        if self._layouts is None:
            assert self._opened.source is not None
            self._layouts = Layouts(self._opened.source)
        return self._layouts

    def _checked(self, frame: Any, frames: Frames) -> Frames:
        self.chosen(frame, "layout")
        size = self._opened.source_size if frame is None else frame.shape[1::-1]
        if frames.source_size != size:
            given, wanted = ("x".join(map(str, each)) for each in (frames.source_size, size))
            raise UserError(f"the layouts are of a picture of {given}, and the frame is {wanted}; give that one's")
        return frames
