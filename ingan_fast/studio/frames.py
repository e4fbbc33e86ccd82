"""Pictures that follow the hand: frames of a preview, prepared in a process of their own, drawn in threads."""

import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ingan_fast.errors import MachineError, UserError
from ingan_fast.geometry import Size, Transform
from ingan_fast.layout import Frames
from ingan_fast.pictures import load_photo
from ingan_fast.studio.child import Child, Stopped
from ingan_fast.studio.requests import Options
from ingan_fast.studio.store import Store
from ingan_fast.studio.subjects import at_size, in_rgba, with_cover

KEPT = 8  # prepared frames; about 2 MB each
KEPT_PREVIEWS = 16  # about 1 MB each
REACH = (0.5, 2.0)  # factors of the sides that are prepared at first
FARTHER = ((0.5, 3.0), (0.3, 2.0), (0.3, 4.0), (0.1, 8.0))  # where a page asks for more

RGBA = NDArray[np.uint8]


@dataclass(frozen=True)
class FrameKey:
    """What frames depend on beside the transform."""

    picture: str
    keep: str
    masks: tuple[int, int]  # versions; 0 for one that takes no part
    variation: int

    @classmethod
    def of(cls, picture: str, options: Options, versions: dict[str, int]) -> "FrameKey":
        keep = options.keep if versions["keep"] else options.keep.replace("mask+", "").replace("mask", "none")
        return cls(picture, keep, options.masks_used(versions), options.variation)


@dataclass
class _Ready:
    """Prepared frames, or why there are none."""

    frames: Frames | None
    reach: tuple[float, float]
    error: str | None = None


class FrameSource:
    """Draws frames. What isn't prepared yet is prepared in the background, the newest request first.

    Args:
        store: of the pictures.
        notify: called in another thread when frames are ready or can't be, with their key and the error.
    """

    def __init__(self, store: Store, notify: Callable[[str, FrameKey, str | None], None]):
        self._preview = lru_cache(KEPT_PREVIEWS)(self._load_preview)
        self._store, self._notify = store, notify
        self._ready: OrderedDict[FrameKey, _Ready] = OrderedDict()
        self._next: tuple[FrameKey, Options, tuple[float, float]] | None = None
        self._current: tuple[FrameKey, tuple[float, float]] | None = None
        self._changed = threading.Condition()
        self._child = Child()
        self._closed = False
        self._thread = threading.Thread(target=self._prepare_all, name="frames", daemon=True)
        self._thread.start()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._child.close()

    def forget(self, picture: str) -> None:
        self._preview.cache_clear()
        with self._changed:
            for key in [key for key in self._ready if key.picture == picture]:
                del self._ready[key]
            if self._next is not None and self._next[0].picture == picture:
                self._next = None
            if self._current is not None and self._current[0].picture == picture:
                self._current = None  # what is being prepared is not kept

    def _load_preview(self, picture: str) -> NDArray[np.uint8]:
        return load_photo(self._store.folder(picture) / "preview.png", min_side=1).pixels

    def is_ready(self, key: FrameKey) -> bool:
        with self._changed:
            return key in self._ready

    def prepare(self, key: FrameKey, options: Options, reach: tuple[float, float] = REACH) -> None:
        """Begin to prepare frames, unless that is done or being done; a request that waits is replaced."""
        with self._changed:
            known = self._ready.get(key)
            if known is not None and _covers(known.reach, reach):
                return
            if self._current is not None and self._current[0] == key and _covers(self._current[1], reach):
                self._next = None
                return
            self._next = key, options, reach
            self._changed.notify_all()

    def draw(
        self, key: FrameKey, options: Options, transform: Transform, size: Size, flat: bool = False
    ) -> tuple[RGBA, bool]:
        """The picture under a transform of its full size (width, height), and whether that is only a plain resize.

        Args:
            key, options: what it depends on beside the transform.
            transform: of the picture in full size.
            size: its full size.
            flat: whether it is given before it is put into perspective; see `Frames.flat`.

        Raises:
            UserError: what is kept leaves no layout of this size.
        """
        preview = self._preview(key.picture)
        scaled = at_size(transform, size, (preview.shape[1], preview.shape[0]))
        with self._changed:
            known = self._ready.get(key)
            if known is not None:
                self._ready.move_to_end(key)
        frames = known.frames if known is not None else None
        if frames is not None and frames.is_ready(scaled):
            if flat:
                return in_rgba(frames.flat(scaled)), False
            return with_cover(frames.draw(scaled, Image.Resampling.BILINEAR), scaled, quick=True), False
        if known is not None and known.error is not None:
            raise UserError(in_full_pixels(known.error, size, (preview.shape[1], preview.shape[0])))
        self.prepare(key, options, _reach(scaled, (preview.shape[1], preview.shape[0])))
        if flat:
            return in_rgba(preview), True
        return with_cover(resized(preview, scaled), scaled, quick=True), True

    def _prepare_all(self) -> None:
        while True:
            with self._changed:
                self._current = None
                self._changed.wait_for(lambda: self._closed or self._next is not None)
                if self._closed:
                    return
                assert self._next is not None
                (key, options, reach), self._next = self._next, None
                self._current = key, reach
            self._notify("preparing", key, None)
            made = self._prepared(key, options, reach)
            with self._changed:
                if made is None or self._current is None:
                    continue
                self._ready[key] = made
                while len(self._ready) > KEPT:
                    self._ready.popitem(last=False)
            self._notify("ready", key, made.error)

    def _prepared(self, key: FrameKey, options: Options, reach: tuple[float, float]) -> _Ready | None:
        try:
            preview = self._preview(key.picture)
            given = options.layout_options(self._store, key.picture, (preview.shape[1], preview.shape[0]))
            return _Ready(self._child.run("prepare", preview, replace(given, tile=""), reach), reach)
        except (UserError, MachineError) as error:
            return _Ready(None, reach, str(error))
        except (Stopped, OSError):  # the server stops; or the picture was removed
            return None


def resized(preview: NDArray[np.uint8], transform: Transform) -> NDArray[np.uint8]:
    """A plain resize or homography, quickly: [Ho, Wo, channels]; it means nothing outside of the picture."""
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[preview.shape[2]]
    image = Image.fromarray(preview[..., 0] if mode == "L" else preview, mode)
    if (transform.matrix == np.eye(3)).all():
        image = image.resize(transform.size, Image.Resampling.BILINEAR)
    else:
        matrix = _to_pixels(image.size) @ transform.sampling_matrix() @ np.linalg.inv(_to_pixels(transform.size))
        coefficients = tuple((matrix / matrix[2, 2]).flat)[:8]
        image = image.transform(transform.size, Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BILINEAR)
    return np.asarray(image).reshape(transform.size[1], transform.size[0], -1)


def in_full_pixels(sentence: str, size: Size, preview: Size) -> str:
    """A sentence about a width or a height of the preview with the picture's own numbers."""
    axis = "height" in sentence
    return re.sub(r"\d+", lambda number: str(round(int(number[0]) * size[axis] / preview[axis])), sentence)


def _to_pixels(size: Size) -> NDArray[np.float64]:
    """Matrix from normalised coordinates to pixels, edge to edge."""
    width, height = size
    return np.array([[width / 2, 0, width / 2], [0, height / 2, height / 2], [0, 0, 1]])


def bounded(pixels: RGBA, side: int) -> RGBA:
    """The pixels, at most `side` px a side, quickly."""
    height, width = pixels.shape[:2]
    if max(height, width) <= side:
        return pixels
    size = max(1, round(width * side / max(height, width))), max(1, round(height * side / max(height, width)))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR))


def _covers(known: tuple[float, float], wanted: tuple[float, float]) -> bool:
    return known[0] <= wanted[0] and known[1] >= wanted[1]


def _reach(transform: Transform, size: Size) -> tuple[float, float]:
    """The smallest range of those to be prepared that has this transform's sides."""
    factors = [extent / side for extent, side in zip(np.ptp(transform.corners(), axis=0), size, strict=True)]
    wanted = float(min(factors)), float(max(factors))
    return next((reach for reach in (REACH, *FARTHER) if _covers(reach, wanted)), FARTHER[-1])
