"""Validation during training: measures of the deployable generator's outputs."""

import math
from collections.abc import Callable

from ingan_fast.geometry import Transform
from ingan_fast.pictures import Pixels
from ingan_fast.quality.metrics import evaluate
from ingan_fast.quality.resampling import plain_resize

Quality = dict[str, float]  # {"coherence_x1.5": 0.0013, …}

WIDTHS = (1.5, 0.6)
MEASURES = ("coherence", "completeness", "swd", "kept_width")
KEPT = 0.7  # sizes kept, at either width, under which a network counts as one that stretches things
# Nearest-neighbour search is quadratic in the pixels: larger pictures are shrunk, so that it takes about a second.
JUDGED_PIXELS = 100 * 100


def judge(retarget: Callable[[Transform], Pixels], source: Pixels) -> Quality:
    """The measures at width x1.5 and x0.6, where defined; deterministic.

    Args:
        retarget: maps a transform to its output, uint8 [Ho, Wo, 3].
        source: the picture, uint8 [H, W, 3].
    """
    height, width = source.shape[:2]
    factor = min(1.0, math.sqrt(JUDGED_PIXELS / (height * width)))
    small = _resized(source, factor)
    quality = {}
    for ratio in WIDTHS:
        transform = Transform.scale(ratio, 1.0, (width, height))
        values = evaluate(_resized(retarget(transform), factor), small)
        for name in MEASURES:
            value = values[name]
            if value is not None:
                quality[f"{name}_x{ratio:g}"] = round(value, 6)
    return quality


def stretches(quality: Quality) -> bool:
    """Whether the network stretches large things with the picture, by a validation; not if there is none."""
    return any(value < KEPT for name, value in quality.items() if name.startswith("kept_width"))


def beside_layout(trained: Quality, layout: Quality) -> str:
    """Compare training with the layout alone, in a sentence or two for the user.

    Args:
        trained: measures of the last validation.
        layout: the same measures of the picture laid out without a network.
    """
    parts, better = [], False
    for measure in ("coherence", "swd"):
        names = [f"{measure}_x{ratio:g}" for ratio in WIDTHS]
        pairs = [(trained[name], layout[name]) for name in names]
        mine, its = (" / ".join(f"{1000 * pair[index]:.1f}" for pair in pairs) for index in (0, 1))
        parts.append(f"{measure} {mine} (the layout alone {its})")
        better = better or any(own < other for own, other in pairs)
    text = f"at width x1.5 / x0.6, lower is better: {', '.join(parts)}"
    if better:
        return text
    return f"{text}; by these measures the layout alone is closer to the picture, and needs no training"


def _resized(picture: Pixels, factor: float) -> Pixels:
    if factor == 1:
        return picture
    height, width = picture.shape[:2]
    return plain_resize(picture, (round(width * factor), round(height * factor)))
