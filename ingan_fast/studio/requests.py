"""What pages ask for: transforms and options as JSON."""

from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ingan_fast.errors import UserError
from ingan_fast.geometry import Size, Transform
from ingan_fast.layout import LayoutOptions
from ingan_fast.layout.limits import check_layout_size
from ingan_fast.studio.store import Store

Point = tuple[float, float]
Side = Annotated[int, Field(ge=16, le=65535)]
Keep = Literal["auto", "none", "mask", "mask+auto"]
TILES = {None: "", "x": "x", "y": "y", "both": "xy"}
MOST_VARIATIONS = 999


class Body(BaseModel):
    """JSON whose fields are all known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Shape(Body):
    """An output's size, and where the source's corners land, in its pixels."""

    size: tuple[Side, Side]
    corners: tuple[Point, Point, Point, Point] | None = None

    def transform(self) -> Transform:
        """The same as a transform.

        Raises:
            UserError: too large, or corners that aren't a convex quadrilateral.
        """
        check_layout_size(self.size)
        if self.corners is None:
            return Transform.resize(self.size)
        return Transform.from_corners(np.array(self.corners), self.size)


class Options(Body):
    """What is asked of an output beside its shape."""

    keep: Keep = "auto"
    remove: bool = True
    variation: Annotated[int, Field(ge=0, le=MOST_VARIATIONS)] = 0
    tile: Literal["x", "y", "both"] | None = None

    @property
    def finds_objects(self) -> bool:
        return self.keep in ("auto", "mask+auto")

    @property
    def uses_keep(self) -> bool:
        return self.keep in ("mask", "mask+auto")

    def layout_options(self, store: Store, picture: str, size: Size) -> LayoutOptions:
        """The layout options for a picture of a size (width, height), with its masks.

        Raises:
            UserError: the masks overlap.
        """
        keep = store.mask(picture, "keep", size) if self.uses_keep else None
        remove = store.mask(picture, "remove", size) if self.remove else None
        if keep is not None and remove is not None and (keep & remove).any():
            raise UserError("what is kept and what is removed overlap; erase one of them there")
        return LayoutOptions(keep, remove, self.finds_objects, TILES[self.tile], self.variation)

    def masks_used(self, versions: dict[str, int]) -> tuple[int, int]:
        """Versions of the masks that take part, 0 for one that doesn't."""
        return versions["keep"] if self.uses_keep else 0, versions["remove"] if self.remove else 0


def check_frame(shape: Shape, options: Options) -> Transform:
    """The transform of a request whose parts go together.

    Raises:
        UserError: they don't.
    """
    if options.tile and shape.corners is not None:
        raise UserError("tiles need an output that fills its frame; leave out the corners")
    return shape.transform()


class FrameRequest(Body):
    """A message of a page's WebSocket."""

    type: Literal["frame"]
    seq: Annotated[int, Field(ge=0, le=2**32 - 1)]
    transform: Shape
    options: Options = Options()
    max_side: Annotated[int, Field(ge=64, le=4096)] = 1280
    solved: bool = False
    flat: bool = False
