"""Applying a layout that Retarget (instant) found to other images and to masks of the same pictures."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ingan_fast.layout.perspective import View

from .host import CATEGORY, Progress
from .tensors import image_of, mask_values, matched, pictures

LAYOUT = "INGAN_FAST_LAYOUT"
PICTURE, MAP = "picture", "map"


@dataclass(frozen=True)
class Laid:
    """The layouts of a batch: one for each picture, or one for all.

    Attributes:
        size: (width, height) of the pictures that they are for.
    """

    views: tuple[View, ...]
    size: tuple[int, int]


def draw(view: View, picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """A picture under a layout, its seams hidden; black and transparent where the output shows none of it."""
    return _with_bounds(view, view.draw(picture))


def _with_bounds(view: View, result: NDArray) -> NDArray:
    if view.transform is not None:
        cover = view.transform.mask()
        if result.shape[2] in (2, 4):
            result[..., -1] *= cover
        result[cover == 0] = 0
    return result


def _applied(layout: Laid, values: list[NDArray], function: Callable[[View, NDArray], NDArray]) -> list[NDArray]:
    """Each of the values under its layout."""
    count = max(len(values), len(layout.views))
    views = matched(list(layout.views), "layout", count, "images")
    progress = Progress(count)
    results = []
    for view, value in zip(views, matched(values, "the input", count, "layouts"), strict=True):
        results.append(function(view, value))
        progress.step()
    return results


class InganFastLayoutImage:
    """Lays out another image of the same pictures."""

    TITLE = "Apply layout to image"
    CATEGORY = CATEGORY
    DESCRIPTION = (
        "Lays another image of the same pictures (normals, depth, another pass) out in the same way, to the pixel."
    )
    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "apply"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "required": {
                "layout": (LAYOUT,),
                "image": ("IMAGE",),
                "kind": (
                    [PICTURE, MAP],
                    {"default": MAP, "tooltip": "picture: seams are hidden; map: values are copied as they are."},
                ),
            }
        }

    def apply(self, layout: Laid, image: Tensor, kind: str) -> tuple[Tensor]:
        values = pictures(image)
        given = values[0].shape[1], values[0].shape[0]
        if given != layout.size:
            raise ValueError("the image is {}x{}, but the layout is of images of {}x{}".format(*given, *layout.size))
        function = draw if kind == PICTURE else lambda view, value: _with_bounds(view, view.copy(value))
        return (image_of(_applied(layout, values, function)),)


class InganFastLayoutMask:
    """Lays out a mask of the same pictures."""

    TITLE = "Apply layout to mask"
    CATEGORY = CATEGORY
    DESCRIPTION = "Lays a mask of the same pictures out in the same way, to the pixel."
    RETURN_TYPES = ("MASK",)
    FUNCTION = "apply"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"layout": (LAYOUT,), "mask": ("MASK",)}}

    def apply(self, layout: Laid, mask: Tensor) -> tuple[Tensor]:
        count = 1 if mask.ndim == 2 else len(mask)
        values = [value[..., None] for value in mask_values(mask, "mask", count, layout.size)]
        results = _applied(layout, values, lambda view, value: _with_bounds(view, view.copy(value)))
        return (torch.from_numpy(np.stack([result[..., 0] for result in results])),)
