"""Task of the service's workers: one request, from files to the bytes of an output."""

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from ingan_fast.callbacks import Progress
from ingan_fast.errors import UserError
from ingan_fast.geometry import Size, Transform, check_output_size
from ingan_fast.layout import LayoutOptions, Layouts, perspective
from ingan_fast.layout.limits import check_layout_size
from ingan_fast.pictures import Photo, Pixels, load_image, load_photo, save_image, save_photo, with_opacity
from ingan_fast.pictures.masks import load_mask
from ingan_fast.runtime import Retargeter

MAX_PIXELS = 100_000_000  # of an uploaded picture


@dataclass(frozen=True)
class Request:
    """What is asked of the service.

    Attributes:
        served: the photo, the run or the model that the service was started with.
        is_photo: whether that is a photo.
        image: another picture, instead of the photo or of the model's.
        keep, remove: masks.
        size, scale, corners: of the output: a size, factors, or corners with or without a size.
        tile: "", "x", "y" or "xy".
        suffix: of the output's format.
        max_pixels: of the output.
    """

    served: Path
    is_photo: bool
    image: Path | None = None
    keep: Path | None = None
    remove: Path | None = None
    size: Size | None = None
    scale: tuple[float, float] | None = None
    corners: NDArray[np.float64] | None = None
    tile: str = ""
    variation: int = 0
    suffix: str = ".png"
    max_pixels: int = MAX_PIXELS

    def transform(self, source: Size) -> Transform:
        """For a picture of a size (width, height).

        Raises:
            UserError: the output is too small or too large.
        """
        transform = Transform.requested(source, self.size, self.scale, self.corners)
        width, height = check_layout_size(transform.size)
        if width * height > self.max_pixels:
            raise UserError(
                f"output size {width}x{height} has {width * height / 1e6:.0f} megapixels; this service makes at most "
                f"{self.max_pixels / 1e6:.0f}"
            )
        return transform


def warm_up(served: Path, is_photo: bool, progress: Progress) -> Size:
    """Open what is served; returns its size (width, height).

    Raises:
        UserError: it can't be opened.
    """
    if is_photo:
        return _served_photo(served)[1].size
    return _served_model(served).source_size


def answer(request: Request, progress: Progress) -> bytes:
    """The output as a file's bytes.

    Raises:
        UserError: a picture that can't be read, or options that can't be met.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"output{request.suffix}"
        if request.is_photo:
            save_photo(_laid_out(request), path)
        else:
            picture, alpha = _by_model(request)
            save_image(picture, path, alpha)
        return path.read_bytes()


def _laid_out(request: Request) -> Photo:
    if request.image is None:
        photo, layouts = _served_photo(request.served)
    else:
        photo = load_photo(request.image, max_pixels=MAX_PIXELS)
        layouts = Layouts(photo.pixels)
    transform = request.transform(layouts.size)
    options = _options(request, layouts.size)
    if options.keep is not None or options.remove is not None or options.tile:
        layouts = Layouts(photo.pixels, options)  # the tables depend on these
    else:
        layouts.options = replace(layouts.options, variation=options.variation)
    pixels = perspective.retarget(layouts, transform)
    cover = transform.mask() if (transform.matrix != np.eye(3)).any() else None
    if cover is not None and (cover < 1).any():
        if options.tile:
            raise UserError("tiles need an output that fills its frame; leave out the corners")
        pixels = with_opacity(pixels, cover)
    return Photo(pixels, photo.metadata)


def _by_model(request: Request) -> tuple[Pixels, NDArray[np.float32] | None]:
    if request.keep or request.remove or request.tile or request.variation:
        raise UserError("masks, tiles and variations are for photos, but this service runs a model; leave them out")
    model = _served_model(request.served)
    frame = None if request.image is None else load_image(request.image, min_side=16)
    source = model.source_size if frame is None else (frame.shape[1], frame.shape[0])
    transform = request.transform(source)
    check_output_size(transform.size, source)
    made = model.retarget(transform, frame)
    return made.picture, made.alpha


def _options(request: Request, size: Size) -> LayoutOptions:
    masks = (("keep", request.keep), ("remove", request.remove))
    keep, remove = (None if path is None else load_mask(path, size, f"the mask {name}") for name, path in masks)
    if keep is not None and remove is not None and (keep & remove).any():
        raise UserError("keep and remove overlap; change one of the masks")
    return LayoutOptions(keep, remove, tile=request.tile, variation=request.variation)


@lru_cache(maxsize=1)
def _served_photo(path: Path) -> tuple[Photo, Layouts]:
    photo = load_photo(path)
    return photo, Layouts(photo.pixels)


@lru_cache(maxsize=1)
def _served_model(path: Path) -> Retargeter:
    return Retargeter.open(path)
