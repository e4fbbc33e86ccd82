"""Engine for scripts by a model: its network gets the picture warped as a whole, or laid out for each frame."""

from collections.abc import Iterable

from ingan_fast.geometry import Size, Transform
from ingan_fast.layout import Frames
from ingan_fast.pictures import Pixels
from ingan_fast.runtime import Retargeter


class Played:
    """An engine for `Renderer`, of one picture.

    Attributes:
        source_size: (width, height) of the picture.
        warp: "smooth" or "layout".
    """

    def __init__(self, retargeter: Retargeter, warp: str = "auto", picture: Pixels | None = None):
        """Choose what the network gets.

        Args:
            retargeter: the model.
            warp: as for `Retargeter.warp_for`.
            picture: uint8 [H, W, 3]; None: the training picture.

        Raises:
            UserError: as for `Retargeter.warp_for`.
        """
        self._retargeter, self._picture = retargeter, picture
        self._frames: Frames | None = None
        self.warp = retargeter.warp_for(picture, warp)
        self.source_size: Size = retargeter.source_size if picture is None else (picture.shape[1], picture.shape[0])

    def expect(self, transforms: Iterable[Transform]) -> None:
        """Prepare for these transforms, as `LaidOut.expect`."""
        if self.warp == "layout":
            picture = self._retargeter.training_picture() if self._picture is None else self._picture
            self._frames = Frames(picture, expected=transforms)

    def __call__(self, frame: Pixels | None, *, transform: Transform, out: Pixels | None = None) -> Pixels:
        """The picture under a transform: uint8 [Ho, Wo, 3]; `frame` must be None."""
        if frame is not None:
            raise ValueError("only one picture is played, not frames of a clip")
        if self.warp == "layout" and self._frames is None:
            self.expect(())
        made: Pixels = self._retargeter(self._picture, transform=transform, out=out, warp=self._frames or self.warp)
        return made

    def close(self) -> None:
        """Release the model."""
        self._retargeter.close()
