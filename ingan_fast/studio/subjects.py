"""What outputs are made of, in the child processes: photos with their layouts, networks of runs and models."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ingan_fast.callbacks import Progress
from ingan_fast.geometry import MIN_SIZE, Size, Transform
from ingan_fast.layout import LayoutOptions, Layouts, perspective
from ingan_fast.layout.pictures import as_stored, in_unit_range, shrunk
from ingan_fast.pictures import has_opacity, load_photo, srgb

_known: dict[str, Any] = {}  # what was opened last: it is asked for again

FINER = 4  # samples a pixel along each side, of a quick mask


@dataclass(frozen=True)
class Subject:
    """What outputs are made of.

    Attributes:
        kind: photo, run or model.
        path: of its file, or of the run or the model.
        options: for a photo, of the size that it is used at.
        side: px; a larger photo is reduced to it. None: it is used as it is.
    """

    kind: str
    path: Path
    options: LayoutOptions = field(default_factory=LayoutOptions)
    side: int | None = None


def solve(subject: Subject, transform: Transform, max_side: int, progress: Progress) -> NDArray[np.uint8]:
    """The output as the command line makes it, in sRGB, at most `max_side` px a side: [h, w, 4].

    Args:
        subject: what makes it.
        transform: of the photo as it is used.
        max_side: px.
    """
    if subject.kind != "photo":
        smaller = within(transform, max_side)
        return with_cover(network_of(subject)(smaller), smaller)
    layouts = layouts_of(subject)
    drawn = perspective.lay_out(layouts, transform).draw(layouts.picture)
    return with_cover(reduced(drawn, max_side), transform)


def layouts_of(subject: Subject) -> Layouts:
    """Layouts of a photo in sRGB; those used last are kept with their tables."""
    options = subject.options
    masks = map(_digest, (options.keep, options.remove))
    key = (subject.path, subject.side, options.keep_objects, options.tile, *masks)
    if _known.get("layouts", (None,))[0] != key:
        if _known.get("photo", (None,))[0] != key[:2]:
            pixels = srgb(load_photo(subject.path)).pixels
            _known["photo"] = key[:2], pixels if subject.side is None else reduced(pixels, subject.side)
        _known["layouts"] = key, Layouts(_known["photo"][1], options)
    layouts: Layouts = _known["layouts"][1]
    layouts.options = options  # the variation may be another; the tables don't depend on it
    return layouts


def network_of(subject: Subject) -> Callable[[Transform], NDArray[np.uint8]]:
    """The generator of a run or a model; the one used last is kept."""
    if _known.get("network", (None,))[0] != subject.path:
        from ingan_fast.runtime import Retargeter

        retargeter = Retargeter.open(subject.path, precision="float32")
        _known["network"] = subject.path, lambda transform: retargeter.retarget(transform).picture
    network: Callable[[Transform], NDArray[np.uint8]] = _known["network"][1]
    return network


def within(transform: Transform, side: int) -> Transform:
    """The transform for a smaller output, at most `side` px a side."""
    factor = min(1.0, side / max(transform.size))
    width, height = (max(MIN_SIZE, round(length * factor)) for length in transform.size)
    return Transform((width, height), transform.matrix)


def at_size(transform: Transform, size: Size, smaller: Size) -> Transform:
    """The transform of a picture of a size (width, height) as one of a smaller version of it."""
    width, height = (max(MIN_SIZE, round(transform.size[axis] * smaller[axis] / size[axis])) for axis in (0, 1))
    return Transform((width, height), transform.matrix)


def size_within(size: Size, side: int) -> Size:
    """The size (width, height) of a picture that is reduced to at most `side` px a side."""
    factor = max(1.0, max(size) / side)
    return max(1, round(size[0] / factor)), max(1, round(size[1] / factor))


def reduced(pixels: NDArray, side: int) -> NDArray:
    """The pixels, at most `side` px a side."""
    size = size_within((pixels.shape[1], pixels.shape[0]), side)
    if size == (pixels.shape[1], pixels.shape[0]):
        return pixels
    return as_stored(in_unit_range(shrunk(pixels, size)), pixels.dtype)


def with_cover(pixels: NDArray[np.uint8], transform: Transform, quick: bool = False) -> NDArray[np.uint8]:
    """RGBA of an output of the transform, or of a smaller version of it; transparent outside of the picture.

    Args:
        pixels: uint8 [h, w, channels].
        transform: of the output.
        quick: whether edges may be rougher, as for frames.
    """
    result = in_rgba(pixels)
    if (transform.matrix != np.eye(3)).any():
        smaller = Transform((pixels.shape[1], pixels.shape[0]), transform.matrix)
        cover = quick_mask(smaller) if quick else smaller.mask()
        if (cover < 1).any():
            result[..., 3] = np.rint(result[..., 3] * cover)
    return result


def in_rgba(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pixels [h, w, channels] of any kind with four channels."""
    height, width, channels = pixels.shape
    if channels == 3:
        return np.array(Image.fromarray(pixels).convert("RGBA"))
    result = np.full((height, width, 4), 255, np.uint8)
    result[..., :3] = pixels[..., :3] if channels >= 3 else pixels[..., :1]
    if has_opacity(pixels):
        result[..., 3] = pixels[..., -1]
    return result


def quick_mask(transform: Transform) -> NDArray[np.float32]:
    """`transform.mask()` sampled sixteen times a pixel, in a tenth of its time."""
    width, height = transform.size
    image = Image.new("L", (FINER * width, FINER * height))
    corners = transform.corners() * FINER - 0.5  # Pillow's are pixel centres
    ImageDraw.Draw(image).polygon([(float(x), float(y)) for x, y in corners], fill=255)
    return np.asarray(image.reduce(FINER)) * np.float32(1 / 255)


def _digest(mask: NDArray[np.bool_] | None) -> bytes:
    return b"" if mask is None else np.packbits(mask).tobytes()
