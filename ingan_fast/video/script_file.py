"""Script files: keyframes in YAML (docs/video.md)."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import numpy as np
from yaml import Node

from ingan_fast.errors import UserError
from ingan_fast.geometry import Array, Size, Transform, check_output_size
from ingan_fast.parsing import nearest, parse_corners, parse_scale, parse_size
from ingan_fast.video.documents import Document
from ingan_fast.video.easing import DEFAULT, EASINGS
from ingan_fast.video.placing import CENTRE, Anchor, canvas_for, parse_anchor, rectangle
from ingan_fast.video.poses import Keyframe, Motion
from ingan_fast.video.timing import parse_fps, parse_time

SCRIPT_KEYS = ("fps", "canvas", "anchor", "easing", "loop", "keyframes")
KEYFRAME_KEYS = ("time", "scale", "size", "corners", "anchor", "easing")
PLACES = ("scale", "size", "corners")
MOST_KEYFRAMES = 1000
CHECKED = 1000  # evenly spread poses that are checked: between valid keyframes the picture may fold

Value = TypeVar("Value")


@dataclass(frozen=True)
class Script:
    """Content of a script file."""

    keyframes: list[Keyframe]
    canvas: Size
    fps: Fraction | None
    closed: bool


def read_file(path: Path, source_size: Size, canvas: Size | None, anchor: Anchor | None) -> Script:
    """Read a script file; `canvas` and `anchor` override its values.

    Raises:
        UserError: the file can't be read, or is not a valid script; gives the line.
    """
    document = Document(path)
    script = _Keys(document, document.root, SCRIPT_KEYS, "a script")
    fps, closed = script.get("fps", parse_fps, None), script.get("loop", _parse_bool, False)
    canvas = canvas or script.get("canvas", parse_size, None)
    given = _Given(source_size, anchor, script.get("anchor", parse_anchor, CENTRE), _easing(script, DEFAULT))
    if "keyframes" not in script.nodes:
        document.fail(document.root, "there are no keyframes; give `keyframes:` and a list of them")
    stops = [
        _read_stop(_Keys(document, node, KEYFRAME_KEYS, "a keyframe"), given)
        for node in document.items(script.nodes["keyframes"], "keyframes", MOST_KEYFRAMES)
    ]
    _check_times(document, stops)
    if canvas is None:
        with document.at(script.node):
            canvas = canvas_for([stop.reach for stop in stops])
    keyframes = [stop.keyframe(canvas) for stop in stops]
    if closed and not np.array_equal(keyframes[0].corners, keyframes[-1].corners):
        document.fail(stops[-1].line, "with `loop: true` the last keyframe must equal the first one; repeat it here")
    _check_poses(document, stops, Motion(keyframes, canvas, CHECKED, closed))
    return Script(keyframes, canvas, fps, closed)


@dataclass(frozen=True)
class _Given:
    """Context for reading keyframes."""

    source_size: Size
    anchor: Anchor | None  # overrides a keyframe's
    usual_anchor: Anchor
    usual_easing: str


@dataclass(frozen=True)
class _Stop:
    """A keyframe, while the canvas is unknown."""

    line: int
    time: float
    easing: str
    anchor: Anchor
    reach: Size  # the picture's size, or its corners' extent from the origin
    corners: Array | None

    def keyframe(self, canvas: Size) -> Keyframe:
        corners = rectangle(self.reach, canvas, self.anchor) if self.corners is None else self.corners
        return Keyframe(self.time, corners, self.easing)


class _Keys:
    """Access to a mapping's values by key."""

    def __init__(self, document: Document, node: Node, known: Sequence[str], name: str):
        self.document, self.node = document, node
        self.nodes = document.mapping(node, known, name)

    def get(self, key: str, parse: Callable[[str], Value], default: Value) -> Value:
        return self.document.value(self.nodes[key], key, parse) if key in self.nodes else default


def _read_stop(keys: _Keys, given: _Given) -> _Stop:
    document, nodes = keys.document, keys.nodes
    if "time" not in nodes:
        document.fail(keys.node, "the keyframe has no time; give `time:` in seconds")
    places = [key for key in PLACES if key in nodes]
    if len(places) != 1:
        said = f"{' and '.join(places)} exclude each other" if places else "the keyframe has no size"
        document.fail(nodes[places[1]] if places else keys.node, f"{said}; give one of {', '.join(PLACES)}")
    if "corners" in nodes and "anchor" in nodes:
        document.fail(nodes["anchor"], "corners are absolute positions; leave out anchor, or give a size")
    parse_place = _PLACE_PARSERS[places[0]]
    reach, corners = document.value(nodes[places[0]], places[0], lambda text: parse_place(text, given.source_size))
    return _Stop(
        document.line(nodes["time"]),
        document.value(nodes["time"], "time", parse_time),
        _easing(keys, given.usual_easing),
        given.anchor or keys.get("anchor", parse_anchor, given.usual_anchor),
        reach,
        corners,
    )


def _check_times(document: Document, stops: Sequence[_Stop]) -> None:
    if len(stops) < 2:
        document.fail(stops[0].line, "there is only one keyframe; give at least two")
    if stops[0].time != 0:
        document.fail(stops[0].line, f"the first keyframe's time is {stops[0].time:g}; a script starts at 0")
    for before, stop in pairwise(stops):
        if stop.time <= before.time:
            document.fail(
                stop.line, f"time {stop.time:g} isn't after {before.time:g} in line {before.line}; times must increase"
            )


def _check_poses(document: Document, stops: Sequence[_Stop], motion: Motion) -> None:
    for stop, keyframe in zip(stops, motion.keyframes, strict=True):
        with document.at(stop.line):
            motion.pose_at(keyframe.time)
    times = [stop.time for stop in stops]
    for index in range(1, len(motion)):
        with document.at(stops[bisect_left(times, motion.time(index))].line, "on the way to this keyframe: "):
            motion[index]


def _easing(keys: _Keys, default: str) -> str:
    return keys.get("easing", _parse_easing, default)


def _parse_easing(text: str) -> str:
    if text not in EASINGS:
        raise UserError(f"unknown easing {text[:60]!r}{nearest(text, EASINGS)}; choose one of {', '.join(EASINGS)}")
    return text


def _parse_bool(text: str) -> bool:
    if text not in ("true", "false"):
        raise UserError(f"loop {text[:60]!r} is invalid; give true or false")
    return text == "true"


def _scaled(text: str, source_size: Size) -> tuple[Size, None]:
    return check_output_size(Transform.scale(*parse_scale(text), source_size).size), None


def _sized(text: str, source_size: Size) -> tuple[Size, None]:
    return parse_size(text), None


def _cornered(text: str, source_size: Size) -> tuple[Size, Array]:
    corners = parse_corners(text)
    return Transform.from_corners(corners, None).size, corners


_PLACE_PARSERS: dict[str, Callable[[str, Size], tuple[Size, Array | None]]] = {
    "scale": _scaled,
    "size": _sized,
    "corners": _cornered,
}
