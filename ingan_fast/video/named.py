"""Named scripts: the picture's placement as fractions of the canvas.

Each is a list of equally spaced stops, so that it works for any duration and size. If the user gives no canvas, its
size is `reach` times the source's width and height.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import cos, sin, tau

import numpy as np

from ingan_fast.geometry import MIN_SIZE, Array, Size
from ingan_fast.video.easing import SPLINE
from ingan_fast.video.placing import Anchor, canvas_for, rectangle
from ingan_fast.video.poses import Keyframe

STOP_SECONDS = 2.0  # between stops of random walks


@dataclass(frozen=True)
class Stop:
    """Position of the picture's corners, as fractions of the canvas."""

    size: tuple[float, float]
    # Inward shift (x, y) of each corner tl, tr, br, bl, as fractions of the picture's size.
    inwards: Sequence[tuple[float, float]] = ((0, 0),) * 4


@dataclass(frozen=True)
class Named:
    """A named script.

    Attributes:
        shows: description in one line.
        reach: default size of the canvas, in multiples of the source's.
        stops: makes the stops from a random generator and the duration in seconds.
        closed: whether it ends where it begins.
    """

    shows: str
    reach: tuple[float, float]
    stops: Callable[[np.random.Generator, float], list[Stop]]
    closed: bool = False
    easing: str = "ease-in-out"

    def canvas(self, source_size: Size) -> Size:
        """Default canvas (width, height)."""
        return canvas_for([(round(self.reach[0] * source_size[0]), round(self.reach[1] * source_size[1]))])

    def keyframes(self, canvas: Size, seconds: float, anchor: Anchor, seed: int) -> list[Keyframe]:
        stops = self.stops(np.random.default_rng(seed), seconds)
        times = np.linspace(0, seconds, len(stops))
        return [
            Keyframe(float(time), _corners(stop, canvas, anchor), self.easing)
            for time, stop in zip(times, stops, strict=True)
        ]


def _corners(stop: Stop, canvas: Size, anchor: Anchor) -> Array:
    width, height = (max(round(part * side), MIN_SIZE) for part, side in zip(stop.size, canvas, strict=True))
    corners = rectangle((width, height), canvas, anchor)
    signs = np.array([(1, 1), (-1, 1), (-1, -1), (1, -1)])
    return corners + signs * np.array(stop.inwards) * (corners[2] - corners[0])


def _through(*sizes: tuple[float, float], reach: tuple[float, float]) -> Callable[..., list[Stop]]:
    """Stops at these multiples of a source that has 1/`reach` of the canvas's size."""
    return lambda rng, seconds: [Stop((sx / reach[0], sy / reach[1])) for sx, sy in sizes]


def _sizes(shows: str, *sizes: tuple[float, float], reach: tuple[float, float] | None = None) -> Named:
    reach = reach or (max(sx for sx, _ in sizes), max(sy for _, sy in sizes))
    return Named(shows, reach, _through(*sizes, reach=reach), closed=sizes[0] == sizes[-1] and len(sizes) > 1)


def _trapezoids(rng: np.random.Generator, seconds: float) -> list[Stop]:
    """Shorten each side in turn, like a picture that leans back from it."""
    flat, lean = Stop((1, 1)), 0.22
    leaning = [
        Stop((1, 1), ((lean, 0), (lean, 0), (0, 0), (0, 0))),
        Stop((1, 1), ((0, 0), (0, lean), (0, lean), (0, 0))),
        Stop((1, 1), ((0, 0), (0, 0), (lean, 0), (lean, 0))),
        Stop((1, 1), ((0, lean), (0, 0), (0, 0), (0, lean))),
    ]
    return [flat, *(stop for each in leaning for stop in (each, flat))]


def _dance(rng: np.random.Generator, seconds: float) -> list[Stop]:
    """Move each corner in a circle, with different phases."""
    steps, radius, apart = 16, 0.11, 0.29
    stops = []
    for step in (*range(steps), 0):
        angles = [tau * (step / steps + apart * corner) for corner in range(4)]
        stops.append(Stop((1, 1), [(radius * (1 + cos(angle)), radius * (1 + sin(angle))) for angle in angles]))
    return stops


def _walk(rng: np.random.Generator, seconds: float) -> list[Stop]:
    stops = [Stop((float(sx), float(sy))) for sx, sy in rng.uniform(0.45, 1, (_count(seconds), 2))]
    return [*stops, stops[0]]


def _walk_corners(rng: np.random.Generator, seconds: float) -> list[Stop]:
    stops = [
        Stop((1, 1), [(float(x), float(y)) for x, y in inwards])
        for inwards in rng.uniform(0, 0.3, (_count(seconds), 4, 2))
    ]
    return [*stops, stops[0]]


def _count(seconds: float) -> int:
    return max(round(seconds / STOP_SECONDS), 2)


NAMED: dict[str, Named] = {
    "grow": _sizes("from the source's size to x1.8 in width and height", (1, 1), (1.8, 1.8)),
    "grow-width": _sizes("from the source's size to x1.8 in width", (1, 1), (1.8, 1)),
    "grow-height": _sizes("from the source's size to x1.8 in height", (1, 1), (1, 1.8)),
    "shrink": _sizes("from the source's size to x0.6 in width and height", (1, 1), (0.6, 0.6)),
    "shrink-width": _sizes("from the source's size to x0.6 in width", (1, 1), (0.6, 1)),
    "shrink-height": _sizes("from the source's size to x0.6 in height", (1, 1), (1, 0.6)),
    "round-trip": _sizes("wider, higher, narrower, lower, back", (1, 1), (1.8, 1), (1.8, 1.8), (1, 1.8), (1, 1)),
    "round-trip-width": _sizes("to x1.8 in width, to x0.6, back", (1, 1), (1.8, 1), (0.6, 1), (1, 1)),
    "round-trip-height": _sizes("to x1.8 in height, to x0.6, back", (1, 1), (1, 1.8), (1, 0.6), (1, 1)),
    "zoom": _sizes("from x0.6 to x2.4, beyond the canvas", (0.6, 0.6), (2.4, 2.4), reach=(1.2, 1.2)),
    "trapezoids": Named("leaning back to each side in turn", (1.4, 1.2), _trapezoids, closed=True),
    "dance": Named("every corner goes around, a homography in each frame", (1.4, 1.4), _dance, True, SPLINE),
    "walk": Named("a random walk through sizes (--seed), back to its start", (1.8, 1.8), _walk, True, SPLINE),
    "walk-corners": Named(
        "a random walk of the corners (--seed), back to its start", (1.5, 1.5), _walk_corners, True, SPLINE
    ),
}
NAMES: dict[str, str] = {name: script.shows for name, script in NAMED.items()}
