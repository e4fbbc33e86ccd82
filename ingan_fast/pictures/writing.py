"""Pictures to files: whole or not at all, with every refusal in one line."""

import os
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ingan_fast.errors import UserError
from ingan_fast.files import atomic_path
from ingan_fast.pictures.reading import Pixels, check_pixels


@dataclass(frozen=True)
class _Format:
    name: str
    alpha: bool
    max_side: int = 2**31 - 1
    options: dict[str, Any] = field(default_factory=dict)


_JPEG = _Format("JPEG", alpha=False, max_side=65_500, options={"quality": 95, "subsampling": 0})
_TIFF = _Format("TIFF", alpha=True, options={"compression": "tiff_adobe_deflate"})
_WRITE = {
    ".png": _Format("PNG", alpha=True),
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    # exact: colours under alpha 0 are kept, as in the other formats.
    ".webp": _Format("WEBP", alpha=True, max_side=16_383, options={"lossless": True, "exact": True}),
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".bmp": _Format("BMP", alpha=False),
}


def save_image(image: Pixels, path: str | Path, alpha: NDArray[np.floating] | None = None) -> None:
    """Write a picture, whole or not at all, in the suffix's format; the same input gives the same bytes.

    Args:
        image: uint8 RGB in [0, 255], [H, W, 3].
        path: ends in .png, .webp, .tif, .tiff (lossless, with alpha if wanted), .bmp (lossless), .jpg or
            .jpeg (lossy).
        alpha: opacity in [0, 1], [H, W]; None writes an RGB file.

    Raises:
        UserError: see `check_output_path`; or the format can't hold so large a picture; or writing fails, and
            then `path` is untouched.
        ValueError: an array of another shape, type or range.
    """
    check_pixels(image)
    picture = Image.fromarray(image if alpha is None else np.dstack([image, _opacity(alpha, image)]))
    write_picture(picture, path, {})


def write_picture(picture: Image.Image, path: str | Path, information: dict[str, Any]) -> None:
    """Write a picture of any mode, whole or not at all, with what Pillow's encoders take besides (`dpi`, …).

    Raises:
        UserError: as for `save_image`.
    """
    path = Path(path)
    check_output_path(path, picture.mode.endswith("A"))
    kind = _WRITE[path.suffix.lower()]
    width, height = picture.size
    if max(height, width) > kind.max_side:
        raise UserError(
            f"can't write {path}: it has {width}x{height} px, and {kind.name} holds at most "
            f"{kind.max_side} a side; choose .png"
        )
    with atomic_path(path) as temporary:
        try:
            picture.save(temporary, format=kind.name, **kind.options, **information)
        except (ValueError, struct.error) as error:  # the encoder's own limits
            raise UserError(f"can't write {path} as {kind.name}: {error}; choose .png") from error


def check_output_path(path: str | Path, alpha: bool) -> None:
    """Make the refusals of `save_image` that need no picture, so that no work is lost on a wrong path.

    Raises:
        UserError: an unknown suffix; `alpha` with a format that has none; an existing folder; a parent that
            is not a folder or can't be written to.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in _WRITE:
        given = f"ends in {path.suffix!r}" if suffix else "has no suffix"
        raise UserError(f"can't write {path}: the name {given}; choose one of {' '.join(_WRITE)}")
    if alpha and not _WRITE[suffix].alpha:
        able = " ".join(name for name, kind in _WRITE.items() if kind.alpha)
        raise UserError(f"can't write {path}: this picture needs transparency, {suffix} has none; choose {able}")
    try:
        if path.is_dir():
            raise UserError(f"can't write {path}: it is a folder; give a file name in it")
        parent = next(folder for folder in path.absolute().parents if folder.exists())
        if not parent.is_dir():
            raise UserError(f"can't write {path}: {parent} is a file, not a folder; choose another place")
    except OSError as error:
        raise UserError(f"can't write {path}: {error.strerror}; choose another place") from error
    if not os.access(parent, os.W_OK | os.X_OK):
        raise UserError(f"can't write {path}: no permission to write in {parent}; choose another place")


def _opacity(alpha: NDArray[np.floating], image: Pixels) -> Pixels:
    if alpha.shape != image.shape[:2] or not np.issubdtype(alpha.dtype, np.floating):
        raise ValueError(
            f"got an alpha of {alpha.dtype} {list(alpha.shape)}; it must be floating {list(image.shape[:2])}"
        )
    if not (alpha.min() >= 0 and alpha.max() <= 1):  # written so that NaN is refused too
        raise ValueError(f"got an alpha from {alpha.min():g} to {alpha.max():g}; it must lie in [0, 1]")
    opacity: Pixels = np.rint(alpha * 255).astype(np.uint8)
    return opacity
