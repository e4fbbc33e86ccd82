"""Retarget (instant): layouts without training."""

from typing import Any

import numpy as np
from torch import Tensor

from ingan_fast.geometry import Transform
from ingan_fast.layout import LayoutOptions, Layouts, perspective
from ingan_fast.layout.limits import check_layout_size

from . import geometry
from .host import CATEGORY, Progress
from .layouts import LAYOUT, Laid, draw
from .tensors import image_of, masks, outside, pictures

TILES = {"none": "", "x": "x", "y": "y", "both": "xy"}
EACH, FIRST = "each its own layout", "all as the first"


class InganFastRetarget:
    """Lays out each picture of a batch at another size or shape."""

    TITLE = "Retarget (instant)"
    CATEGORY = CATEGORY
    DESCRIPTION = (
        "Lays a picture out at another size: more or fewer of its elements, each at its own size. No training and no "
        "network; about a second a picture on a CPU."
    )
    RETURN_TYPES = ("IMAGE", "MASK", LAYOUT)
    RETURN_NAMES = ("image", "outside", "layout")
    OUTPUT_TOOLTIPS = (
        "The pictures.",
        "Where the output shows no picture (with corners).",
        "Lays maps and masks of the same pictures out in the same way.",
    )
    FUNCTION = "retarget"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "required": {
                "image": ("IMAGE",),
                **geometry.WIDGETS,
                "tile": (
                    list(TILES),
                    {"default": "none", "tooltip": "Sides along which the output repeats seamlessly."},
                ),
                "variation": (
                    "INT",
                    {
                        "default": 0,
                        "min": 0,
                        "max": 1_000_000,
                        "tooltip": "0 is the best layout, others are alternatives.",
                    },
                ),
                "spare_objects": (
                    "BOOLEAN",
                    {
                        "default": True,
                        "tooltip": "Find single objects and faces, and neither cut nor double them where possible.",
                    },
                ),
                "batch": (
                    [EACH, FIRST],
                    {
                        "default": EACH,
                        "tooltip": "For frames of a clip by a camera that stands still: all as the first.",
                    },
                ),
            },
            "optional": {
                "keep": ("MASK", {"tooltip": "What appears once, whole, at its size."}),
                "remove": ("MASK", {"tooltip": "What does not appear; also at factors of 1."}),
            },
        }

    @classmethod
    def VALIDATE_INPUTS(
        cls,
        resize_by: str | None = None,
        corners: str | None = None,
        width: int | None = None,
        height: int | None = None,
        tile: str | None = None,
    ) -> bool | str:
        # ComfyUI leaves the checks of widgets that are named here to this method.
        if tile is not None and tile not in TILES:
            return f"tile {tile!r} is unknown; choose {', '.join(TILES)}"
        if tile not in (None, "none") and resize_by == geometry.BY_CORNERS:
            return "tiles fill their frame; choose tile none, or resize by factors or size"
        return geometry.checked(resize_by, corners, width, height)

    def retarget(
        self,
        image: Tensor,
        tile: str,
        variation: int,
        spare_objects: bool,
        batch: str,
        keep: Tensor | None = None,
        remove: Tensor | None = None,
        **shape: Any,
    ) -> tuple[Tensor, Tensor, Laid]:
        sources = pictures(image)
        size = sources[0].shape[1], sources[0].shape[0]
        transform: Transform = geometry.transform(size, **shape)
        check_layout_size(transform.size)
        kept, removed = (masks(mask, name, len(sources), size) for mask, name in ((keep, "keep"), (remove, "remove")))
        for one, other in zip(kept, removed, strict=True):
            if one is not None and other is not None and (one & other).any():
                raise ValueError("keep and remove overlap; change one of the masks")
        progress = Progress(len(sources))
        views: list[perspective.View] = []
        results = []
        for index, source in enumerate(sources):
            if batch == EACH or not views:
                options = LayoutOptions(kept[index], removed[index], spare_objects, TILES[tile], variation)
                views.append(perspective.lay_out(Layouts(source, options), transform))
            results.append(draw(views[-1], source))
            progress.step()
        return image_of(results), outside(transform.mask().astype(np.float32), len(results)), Laid(tuple(views), size)
