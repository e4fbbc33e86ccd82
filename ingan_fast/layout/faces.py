"""Faces in a picture, and the heads and bodies around them.

Faces are found by a cascade (`assets/README.md`): first in windows far apart, then in windows close together around
those that passed. What is a face passes in many of them, what only looks like one from one place in few.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.resources import as_file, files

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ingan_fast.geometry import Size
from ingan_fast.layout.cascades import Cascade, read
from ingan_fast.layout.pictures import Mask, as_stored, in_unit_range, shrunk
from ingan_fast.layout.single_objects import FACE, STANDING

LONGEST = 1024  # px; longer side of the largest version that is searched, in which the smallest faces are as windows
ENLARGED = 2.0  # most times that version is larger than the picture
STEP, EVERY = 1.15, 3  # times that each version is smaller than the one before, and px between windows
CLOSE_STEP, CLOSE_EVERY = 1.1, 1  # the same around windows that passed
CLOSE = 1.35  # most times that windows are larger or smaller there
THREADS = 2  # versions that are searched at a time
MOST = 40  # most places that are looked at closely
SAME = 0.25  # fraction of the side by which windows of one face differ at most, in place and in side
LEAST = 10  # least number of windows close together that a face passes; of 231 pictures without one, one had 12
# What belongs to a face, in sides of its window: an ellipse around the head, and what is below it.
HEAD = 1.0, 1.4  # half the width and half the height of the ellipse
ABOVE = 0.2  # how far its middle is above the face's
BODY = 1.2, 3.0  # half the width of the body, and how far below the face's middle it counts

Windows = NDArray[np.float64]  # [n, 3]: x and y of the middle, and the side, in px of a picture


def people(picture: NDArray) -> NDArray[np.uint8]:
    """Where people are whose faces are found: [h, w], heads `FACE`, bodies `STANDING`, 0 elsewhere.

    Args:
        picture: [h, w, channels], as for `pictures.seen`.
    """
    rows, columns = np.ogrid[: picture.shape[0], : picture.shape[1]]
    found = np.zeros(picture.shape[:2], np.uint8)
    for x, y, side in faces(picture):
        right, down = (columns + 0.5 - x) / side, (rows + 0.5 - y) / side
        body = (np.abs(right) < BODY[0]) & (down > 0) & (down < BODY[1])
        head = np.square(right / HEAD[0]) + np.square((down + ABOVE) / HEAD[1]) < 1
        found = np.maximum(found, np.where(head, FACE, body * STANDING).astype(np.uint8))
    return found


def faces(picture: NDArray) -> Windows:
    """Faces that look at the viewer, from brows to chin, the surest first: [n, 3].

    Args:
        picture: [h, w, channels], as for `pictures.seen`.
    """
    height, width = picture.shape[:2]
    factor = max(1.0, max(height, width) / LONGEST)
    grey = _grey(picture, (max(1, round(width / factor)), max(1, round(height / factor))))
    found = np.zeros((0, 3))
    passed = _passed(grey, min(ENLARGED, LONGEST / max(grey.size)), 0, STEP, EVERY)
    for window, _ in _clusters(passed)[:MOST]:
        face, count = next(iter(_clusters(_around(grey, window))), (window, 0))
        if count >= LEAST and not (np.abs(found - face)[:, :2] < face[2] / 2).all(axis=1).any():
            found = np.concatenate([found, face[None]])
    return found * (width / grey.width)


def _grey(picture: NDArray, size: Size) -> Image.Image:
    """A smaller version (width, height) of a picture's colours."""
    colours = shrunk(np.ascontiguousarray(picture[..., : 1 if picture.shape[2] < 3 else 3]), size)
    if colours.dtype != np.uint8:
        colours = as_stored(in_unit_range(colours), np.dtype(np.uint8))
    return Image.fromarray(colours if colours.shape[2] == 3 else colours[..., 0]).convert("L")


def _passed(grey: Image.Image, largest: float, least: float, step: float, every: int) -> Windows:
    """Windows that pass in versions of a picture from `largest` times its size down to `least` times, in its own px."""
    cascade, factors = _cascade(), [largest]
    while factors[-1] > least and min(grey.size) * factors[-1] >= cascade.side:
        factors.append(factors[-1] / step)

    def in_version(factor: float) -> Windows:
        size = round(grey.width * factor), round(grey.height * factor)
        version = np.asarray(grey.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0))
        rows, columns = np.nonzero(cascade.passed(version, every))
        middles = np.stack([columns, rows], axis=1) * every + cascade.side / 2
        return np.pad(middles, ((0, 0), (0, 1)), constant_values=cascade.side) / factor

    with ThreadPoolExecutor(THREADS) as pool:
        return np.concatenate([np.zeros((0, 3)), *pool.map(in_version, factors[:-1])])


def _around(grey: Image.Image, window: Windows) -> Windows:
    """Windows close together that pass, around one."""
    x, y, side = window
    left, top = max(0, round(x - side)), max(0, round(y - side))
    part = grey.crop((left, top, min(grey.width, round(x + side)), min(grey.height, round(y + side))))
    factor = _cascade().side / side
    passed = _passed(part, factor * CLOSE, factor / CLOSE, CLOSE_STEP, CLOSE_EVERY)
    return passed + np.array([left, top, 0])


def _clusters(windows: Windows) -> list[tuple[Windows, int]]:
    """The means of windows that are of one face, and how many these are; most first."""
    found = []
    while len(windows):
        near = _same(windows, windows[0])
        near |= _same(windows, windows[near].mean(axis=0))
        found.append((windows[near].mean(axis=0), int(near.sum())))
        windows = windows[~near]
    return sorted(found, key=lambda each: -each[1])


def _same(windows: Windows, one: Windows) -> Mask:
    return np.asarray((np.abs(windows - one) < SAME * one[2]).all(axis=1))


@cache
def _cascade() -> Cascade:
    with as_file(files("ingan_fast.layout.assets") / "lbpcascade_frontalface_improved.xml") as path:
        return read(path)
