"""Early stop: detects when quality has stopped changing, and shortens the rest of the training."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ingan_fast.quality.validation import MEASURES, Quality
from ingan_fast.settings import Settings

WINDOW = 4  # number of validations compared
SAME_RATIO = 1.1  # ratio of distances that counts as unchanged
SAME_KEPT = 0.05  # difference of sizes kept that counts as unchanged
COOL_DOWN = 0.25  # fraction of the iterations that follow after quality was found flat


def is_flat(validations: Sequence[Quality]) -> bool:
    """Whether no measure changed over the last `WINDOW` validations, comparing the means of the two halves.

    Means are over both widths. Distances may differ by a tenth, sizes kept by 0.05, which is the fluctuation of a
    GAN. A curve that gets worse is not flat: the falling learning rate may still recover it.
    """
    if len(validations) < WINDOW:
        return False
    half = WINDOW // 2
    older, newer = _means(validations[-WINDOW:-half]), _means(validations[-half:])
    return all(_alike(name, older[name], newer[name]) for name in older.keys() & newer.keys())


def shortened(settings: Settings, flat_at: int) -> Settings:
    """Settings for a training that starts its cool-down at iteration `flat_at`.

    Stopping at once would leave the learning rate high. Instead it falls from its current value to zero over
    `COOL_DOWN` of the iterations. Batch norm is frozen at the same relative point of that fall as in a full training:
    earlier, at a higher rate, colours drift.
    """
    total = flat_at + math.ceil(COOL_DOWN * settings.iterations)
    rate = min(1.0, (1 - flat_at / settings.iterations) / (1 - settings.decay_from))
    part = max(0.0, (settings.freeze_norm_at - settings.decay_from) / (1 - settings.decay_from))
    return replace(
        settings,
        iterations=total,
        decay_from=max(0.0, 1 - (1 - flat_at / total) / rate),  # keeps the rate continuous
        freeze_norm_at=min(1.0, (flat_at + part * (total - flat_at)) / total),
    )


def may_be_shortened(settings: Settings, iteration: int) -> bool:
    """Only after the schedules of T and of D's scales are complete, and while stopping would save iterations."""
    settled = max(settings.ramp, settings.fine_at) * settings.iterations
    return settled <= iteration < (1 - COOL_DOWN) * settings.iterations


def _means(validations: Sequence[Quality]) -> Mapping[str, float]:
    """Means over validations and both widths, by measure."""
    means = {}
    for measure in MEASURES:
        values = [value for quality in validations for name, value in quality.items() if name.startswith(measure)]
        if values:
            means[measure] = sum(values) / len(values)
    return means


def _alike(measure: str, older: float, newer: float) -> bool:
    if measure == "kept_width":
        return abs(newer - older) <= SAME_KEPT
    return max(older, newer) <= SAME_RATIO * min(older, newer)
