"""What the studio's child processes do: functions of paths and arrays, by name in `TASKS`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingan_fast.errors import UserError
from ingan_fast.geometry import Transform
from ingan_fast.layout import Frames, Layouts, Wishes, perspective
from ingan_fast.layout.pictures import as_stored, in_unit_range, shrunk
from ingan_fast.pictures import Photo, has_opacity, load_photo, save_photo, srgb
from ingan_fast.studio.child import Progress

PREVIEW_SIDE = 640  # px; longer side of the picture that frames are made of
VIEW_SIDE = 4096
NARROWER = (1.0, 1.3, 1.6, 1.8)  # times the smallest size, tried where more is kept than fits into it


def read_picture(path: Path, folder: Path, max_pixels: int, progress: Progress) -> dict[str, Any]:
    """Decode a picture, write preview.png and view.jpg to `folder`, and return what is known of it.

    Raises:
        UserError: it can't be read, or has too many pixels.
    """
    photo = load_photo(path, max_pixels=max_pixels)
    height, width, channels = photo.pixels.shape
    shown = srgb(photo).pixels
    preview = reduced(shown, PREVIEW_SIDE)
    save_photo(Photo(preview), folder / "preview.png")
    save_photo(Photo(_over_white(reduced(shown, VIEW_SIDE))), folder / "view.jpg")
    return {
        "size": [width, height],
        "preview_size": [preview.shape[1], preview.shape[0]],
        "channels": channels,
        "bits": 8 * photo.pixels.dtype.itemsize,
    }


def reduced(pixels: NDArray, side: int) -> NDArray:
    """The pixels, at most `side` px a side."""
    height, width = pixels.shape[:2]
    factor = max(height, width) / side
    if factor <= 1:
        return pixels
    size = max(1, round(width / factor)), max(1, round(height / factor))
    return as_stored(in_unit_range(shrunk(pixels, size)), pixels.dtype)


def _over_white(pixels: NDArray) -> NDArray:
    if not has_opacity(pixels):
        return pixels
    opacity = pixels[..., -1:] / np.float32(255)
    return np.rint(pixels[..., :-1] * opacity + 255 * (1 - opacity)).astype(np.uint8)


def find_objects(preview: Path, progress: Progress) -> NDArray[np.bool_]:
    """The single objects of a picture: [h, w]."""
    return Layouts(load_photo(preview, min_side=1).pixels).objects()


def prepare(pixels: NDArray, wishes: Wishes, reach: tuple[float, float], progress: Progress) -> Frames:
    """Frames with all that they need between the smallest and the largest factor of the sides in `reach`.

    Raises:
        UserError: what is kept or removed can't be.
    """
    size = pixels.shape[1], pixels.shape[0]
    least, most = (Transform.scale(factor, factor, size) for factor in reach)
    frames = Frames(pixels, wishes, (least, most))
    frames.draw(most)
    for factor in NARROWER:
        try:
            frames.draw(Transform.scale(*(min(1.0, reach[0] * factor),) * 2, size))
            break
        except UserError:  # too much is kept for this one
            continue
    return frames


_solved: dict[str, tuple[Any, Photo, Layouts]] = {}  # the last picture, with its tables


def solve(
    path: Path,
    wishes: Wishes,
    transform: Transform,
    max_side: int,
    progress: Progress,
) -> NDArray[np.uint8]:
    """The output as the command line makes it, in sRGB, at most `max_side` px a side: [h, w, 4]."""
    key = (path, wishes.keep_objects, wishes.tile, wishes.variation, *map(_digest, (wishes.keep, wishes.remove)))
    known = _solved.get("last")
    if known is None or known[0] != key:
        photo = known[1] if known is not None and known[0][0] == path else srgb(load_photo(path))
        known = key, photo, Layouts(photo.pixels, wishes)
        _solved["last"] = known
    drawn = perspective.lay_out(known[2], transform).draw(known[1].pixels)
    return with_cover(reduced(drawn, max_side), transform)


def with_cover(pixels: NDArray[np.uint8], transform: Transform) -> NDArray[np.uint8]:
    """RGBA of an output of the transform, or of a smaller version of it; transparent outside of the picture."""
    height, width, channels = pixels.shape
    result = np.full((height, width, 4), 255, np.uint8)
    result[..., :3] = pixels[..., :3] if channels >= 3 else pixels[..., :1]
    if has_opacity(pixels):
        result[..., 3] = pixels[..., -1]
    if (transform.matrix != np.eye(3)).any():
        cover = Transform((width, height), transform.matrix).mask()
        if (cover < 1).any():
            result[..., 3] = np.rint(result[..., 3] * cover)
    return result


def _digest(mask: NDArray[np.bool_] | None) -> bytes:
    return b"" if mask is None else np.packbits(mask).tobytes()


Task = Callable[..., Any]
TASKS: dict[str, Task] = {
    "read_picture": read_picture,
    "find_objects": find_objects,
    "prepare": prepare,
    "solve": solve,
}
