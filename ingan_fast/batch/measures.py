"""Measures of an output, to know which ones to look at first.

Of layouts, without torch, from where each output pixel comes from:

- `visible_cuts`: pixels at visible cuts, per 1000 pixels of the output. A cut is where neighbours in the output are no
  neighbours in the picture. Its visibility is the seam cost of Kwatra et al., "Graphcut Textures", SIGGRAPH 2003: how
  much both sides differ from what the other side would continue with. Less is better.
- `shown`: share of the picture's pixels that the output shows. Enlargements should be near 1.

Of any output, with torch (`--judge`): coherence, completeness, swd and verbatim of `ingan_fast.quality`, of pictures
shrunk to 10,000 pixels of the source, as training validates.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ingan_fast.layout.layouts import Layout
from ingan_fast.pictures import Photo, Pixels, srgb

VISIBLE = 24  # grey levels of seam cost
JUDGED_PIXELS = 100 * 100  # of the source
JUDGED = ("coherence", "completeness", "swd", "verbatim")
LAID_OUT = ("visible_cuts", "shown")


def of_layout(layout: Layout, picture: NDArray) -> dict[str, float]:
    """`visible_cuts` and `shown` of a layout of a picture [h, w, channels]; perspective is not taken into account."""
    height, width = picture.shape[:2]
    places = layout.copy(np.arange(height * width, dtype=np.int32).reshape(height, width))
    used = np.zeros(height * width, bool)
    used[places.ravel()] = True
    cuts = np.zeros(places.shape, bool)
    colours = _in_grey_levels(picture).reshape(height * width, -1)
    cuts[:, :-1] |= _visible(places[:, :-1], places[:, 1:], colours, width, 1)
    cuts[:-1] |= _visible(places[:-1], places[1:], colours, width, width)
    return {"visible_cuts": round(1000 * float(cuts.mean()), 3), "shown": round(float(used.mean()), 4)}


def by_torch(output: Photo, source: Photo) -> dict[str, float]:
    """The measures named in `JUDGED`."""
    from ingan_fast.quality.metrics import evaluate

    height, width = source.pixels.shape[:2]
    factor = min(1.0, (JUDGED_PIXELS / (height * width)) ** 0.5)
    picture, mask = _on_white(output, factor)
    values = evaluate(picture, _on_white(source, factor)[0], mask)
    return {name: round(value, 6) for name in JUDGED if (value := values[name]) is not None}


def worst_first(measures: Sequence[Mapping[str, float]]) -> float:
    """How bad the worst of some outputs is, for sorting: by coherence where it is known, else by visible cuts."""
    return max(
        (
            1e6 * values["coherence"] if "coherence" in values else values.get("visible_cuts", 0.0)
            for values in measures
        ),
        default=0.0,
    )


def _visible(first: NDArray, second: NDArray, colours: NDArray, width: int, step: int) -> NDArray[np.bool_]:
    """Where a cut between neighbours is visible.

    Args:
        first, second: source positions of neighbouring output pixels, left and right or top and bottom.
        colours: [positions, channels], in grey levels.
        width: of the source.
        step: from a source position to its neighbour in this direction: 1 or the width.
    """
    result = np.zeros(first.shape, bool)
    at = np.nonzero(second != first + step)
    a, b = first[at].astype(np.intp), second[at].astype(np.intp)
    after, before = a + step, b - step
    outside = after >= len(colours), before < 0
    if step == 1:
        outside = a % width == width - 1, b % width == 0
    # At the picture's border there is nothing to continue with: the pixel itself stands for it.
    after, before = np.where(outside[0], a, after), np.where(outside[1], b, before)
    cost = (np.abs(colours[after] - colours[b]) + np.abs(colours[a] - colours[before])).max(axis=1) / 2
    result[at] = cost > VISIBLE
    return result


def _in_grey_levels(picture: NDArray) -> NDArray[np.int16]:
    return (picture if picture.dtype == np.uint8 else picture // 257).astype(np.int16)


def _on_white(photo: Photo, factor: float) -> tuple[Pixels, NDArray[np.float32] | None]:
    """The photo in sRGB, shrunk: uint8 [h, w, 3], and its opacity [h, w] in [0, 1] where it has any."""
    pixels = srgb(photo).pixels
    size = max(7, round(pixels.shape[1] * factor)), max(7, round(pixels.shape[0] * factor))
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    opacity: NDArray[np.float32] | None = None
    if image.mode in ("LA", "RGBA"):
        levels = np.asarray(image.getchannel("A").resize(size, Image.Resampling.BICUBIC))
        alpha = np.divide(levels, 255, dtype=np.float32)
        opacity = None if (alpha == 1).all() else alpha
        ground = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(ground, image.convert("RGBA"))
    colours: Pixels = np.asarray(image.convert("RGB").resize(size, Image.Resampling.BICUBIC))
    return colours, opacity
