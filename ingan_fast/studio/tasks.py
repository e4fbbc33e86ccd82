"""What the studio's child processes do: functions of paths and arrays, by name in `TASKS`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingan_fast.callbacks import Progress
from ingan_fast.errors import UserError
from ingan_fast.geometry import Transform
from ingan_fast.layout import Frames, LayoutOptions, Layouts
from ingan_fast.pictures import MAX_PIXELS, Photo, has_opacity, load_photo, save_image, save_photo, srgb
from ingan_fast.studio import comparing, serving
from ingan_fast.studio.subjects import reduced, solve

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


def read_model(path: Path, folder: Path, progress: Progress) -> dict[str, Any]:
    """The picture of an exported model, as `read_picture` does it, if it contains one.

    Raises:
        UserError: it is not a model, or can't be run here.
    """
    from ingan_fast.runtime import Retargeter

    retargeter = Retargeter.open(path)
    if retargeter.source is None:
        return {"size": list(retargeter.source_size), "preview_size": None}
    save_image(retargeter.source, folder / "source.png")
    return read_picture(folder / "source.png", folder, MAX_PIXELS, progress)


def _over_white(pixels: NDArray) -> NDArray:
    if not has_opacity(pixels):
        return pixels
    opacity = pixels[..., -1:] / np.float32(255)
    return np.rint(pixels[..., :-1] * opacity + 255 * (1 - opacity)).astype(np.uint8)


def find_objects(preview: Path, progress: Progress) -> NDArray[np.bool_]:
    """The single objects of a picture: [h, w]."""
    return Layouts(load_photo(preview, min_side=1).pixels).objects()


def prepare(pixels: NDArray, options: LayoutOptions, reach: tuple[float, float], progress: Progress) -> Frames:
    """Frames with all that they need between the smallest and the largest factor of the sides in `reach`.

    Raises:
        UserError: what is kept or removed can't be.
    """
    size = pixels.shape[1], pixels.shape[0]
    least, most = (Transform.scale(factor, factor, size) for factor in reach)
    frames = Frames(pixels, options, (least, most))
    frames.draw(most)
    for factor in NARROWER:
        try:
            frames.draw(Transform.scale(*(min(1.0, reach[0] * factor),) * 2, size))
            break
        except UserError:  # too much is kept for this one
            continue
    return frames


Task = Callable[..., Any]
TASKS: dict[str, Task] = {
    "read_picture": read_picture,
    "read_model": read_model,
    "find_objects": find_objects,
    "prepare": prepare,
    "solve": solve,
    "variations": comparing.variations,
    "comparisons": comparing.comparisons,
    "measures": comparing.measures,
    "companions": comparing.companions,
    "read_companion": comparing.read_companion,
    "warm_up": serving.warm_up,
    "answer": serving.answer,
}
