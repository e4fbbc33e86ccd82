"""Sentences for captions, computed from rows of numbers."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from figures.outputs import OURS
from ingan_fast.bench.figure_file import FigureRow

DISTANCES = ("coherence", "completeness", "swd")
KEPT = ("kept_width", "kept_height")


def kept(rows: Sequence[FigureRow]) -> str:
    """How well each method keeps the size of elements, on average."""
    values: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        values[row.method] += [value for name in KEPT if (value := row.measures.get(name)) is not None]
    texts = ", ".join(f"{method} {np.mean(found):.2f}" for method, found in values.items() if found)
    return f"Size of elements kept (0: like a plain resize, 1: fully), means: {texts}." if texts else ""


def times(rows: Sequence[FigureRow]) -> str:
    """Time of each method for an output, and for its training."""
    values: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        if row.seconds is not None:
            values[row.method].append(row.seconds)
    texts = ", ".join(f"{method} {np.median(found):.2g}{_training(rows, method)}" for method, found in values.items())
    return f"Seconds for one output, medians: {texts}."


def _training(rows: Sequence[FigureRow], method: str) -> str:
    """Mean training time of the method per picture."""
    seconds = {row.picture: row.training_seconds for row in rows if row.method == method and row.training_seconds}
    return f" (after {np.mean(list(seconds.values())):.0f} s of training per picture)" if seconds else ""


def behind(rows: Sequence[FigureRow]) -> str:
    """Methods with better numbers than ours, and in how many outputs."""
    ours = {(row.picture, row.output): row.measures for row in rows if row.method == OURS}
    texts = []
    for name in (*KEPT, *DISTANCES):
        better: dict[str, int] = defaultdict(int)
        common: dict[str, int] = defaultdict(int)
        for row in rows:
            own, value = ours.get((row.picture, row.output), {}).get(name), row.measures.get(name)
            if row.method == OURS or own is None or value is None:
                continue
            common[row.method] += 1
            better[row.method] += abs(1 - value) < abs(1 - own) if name in KEPT else value < own
        lost = ", ".join(f"{method} {n} of {common[method]}" for method, n in better.items() if n)
        if lost:
            texts.append(f"{name.replace('_', ' ')}: {lost}")
    return f"Outputs in which another method has a better number than {OURS}: " + (
        "; ".join(texts) + "." if texts else "none of these."
    )


def missing(rows: Sequence[FigureRow]) -> str:
    """Methods without an output, with the reason."""
    errors = {row.method: row.error for row in rows if row.error is not None}
    return " ".join(f"No {method}: {error}." for method, error in errors.items())


def joined(*sentences: str) -> str:
    return " ".join(sentence for sentence in sentences if sentence)
