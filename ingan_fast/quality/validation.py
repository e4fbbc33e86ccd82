"""Quality while training: the generator that would be deployed, judged with the measures of `metrics`."""

import math

import torch
from torch import Tensor

from ingan_fast.geometry import Transform
from ingan_fast.model.networks import Generator
from ingan_fast.model.sampling import sampling_tensor, to_pixels
from ingan_fast.pictures import Pixels
from ingan_fast.quality.metrics import evaluate
from ingan_fast.quality.resampling import plain_resize

Quality = dict[str, float]  # {"coherence_x1.5": 0.0013, …}

WIDTHS = (1.5, 0.6)
MEASURES = ("coherence", "completeness", "swd", "kept_width")
# Nearest neighbours cost the square of the pixels: a larger picture is judged smaller, so that it takes a second.
JUDGED_PIXELS = 100 * 100


@torch.no_grad()
def judge(generator: Generator, source: Tensor) -> Quality:
    """The measures at width x1.5 and x0.6, those that are defined there; the same numbers every time.

    Args:
        generator: in eval mode, as it would be deployed.
        source: the picture, float [1, 3, H, W] in [-1, 1].
    """
    height, width = source.shape[-2:]
    factor = min(1.0, math.sqrt(JUDGED_PIXELS / (height * width)))
    small = _resized(to_pixels(source), factor)
    quality = {}
    for ratio in WIDTHS:
        transform = Transform.scale(ratio, 1.0, (width, height))
        output = generator(source, sampling_tensor(transform, source.device), transform.size[::-1])
        values = evaluate(_resized(to_pixels(output), factor), small)
        for name in MEASURES:
            value = values[name]
            if value is not None:
                quality[f"{name}_x{ratio:g}"] = round(value, 6)
    return quality


def _resized(picture: Pixels, factor: float) -> Pixels:
    if factor == 1:
        return picture
    height, width = picture.shape[:2]
    return plain_resize(picture, (round(width * factor), round(height * factor)))
