"""One picture under one transform after another: for videos, and for dragging its size."""

from numpy.typing import NDArray

from ingan_fast.geometry import Size, Transform
from ingan_fast.layout import perspective
from ingan_fast.layout.layouts import Layouts, Wishes


class Frames:
    """Lays a picture out for one transform after another.

    Args:
        pixels: [h, w, channels], as for `pictures.seen`.
        wishes: for all of the frames.
    """

    def __init__(self, pixels: NDArray, wishes: Wishes | None = None):
        self._layouts = Layouts(pixels, wishes)

    @property
    def source_size(self) -> Size:
        return self._layouts.size

    def draw(self, transform: Transform) -> NDArray:
        """The picture under a transform: [Ho, Wo, channels], as `perspective.retarget` makes it.

        Raises:
            UserError: what is kept or removed leaves no layout of this size.
        """
        return perspective.retarget(self._layouts, transform)
