"""Pictures in and out: any common file to uint8 RGB, and back, with every refusal in one line.

Colours are taken as they stand in the file (sRGB is assumed; embedded ICC profiles aren't applied).
"""

import os
import stat
import struct
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from ingan_fast.errors import UserError
from ingan_fast.files import atomic_path

Pixels = NDArray[np.uint8]
T = TypeVar("T")

MAX_PIXELS = 64_000_000  # under Pillow's own limit, and 200 MB once decoded

# A closed list: some of Pillow's other readers run programs (EPS) or read pictures nobody trains on.
_READ = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "PPM")
_READABLE = "a PNG, JPEG, WebP, TIFF, BMP, GIF or PPM picture"


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


def load_image(path: str | Path, *, min_side: int = 32) -> Pixels:
    """Read a picture as uint8 RGB in [0, 255], shape [H, W, 3].

    Greyscale, palette, CMYK, 16-bit and float pictures are converted; transparency is laid over white; the
    EXIF orientation is applied; of an animation the first frame is taken. 16-bit values are scaled by
    255/65535. 32-bit integers and floats don't say their range: the smallest of 1 (floats only), 255 and
    65535 that holds every value is taken as white.

    Raises:
        UserError: the file is missing, a folder, unreadable, empty, cut short, not a picture of a known
            format, smaller than `min_side` px a side, or larger than `MAX_PIXELS`.
    """
    return decode(path, min_side, lambda image: np.array(_to_rgb(Path(path), image), dtype=np.uint8))


def decode(path: str | Path, min_side: int, convert: Callable[[Image.Image], T]) -> T:
    """Read a picture, upright, and hand it to `convert`; refusals as `load_image` makes them."""
    path = Path(path)
    _check_is_readable(path)
    with warnings.catch_warnings():
        # Pillow warns of odd metadata (nothing a user could act on) and of decompression bombs (refused).
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(path, formats=_READ) as image:  # reads the header alone
                _check_dimensions(path, image.size, min_side)
                image.load()
                return convert(ImageOps.exif_transpose(image))
        except UserError:
            raise
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise UserError(_too_large(path, "too many pixels")) from error
        except UnidentifiedImageError as error:
            raise UserError(f"{path} isn't a picture that can be read; give {_READABLE}") from error
        except PermissionError as error:
            raise UserError(f"can't read {path}: {error.strerror}; check its permissions") from error
        except Exception as error:  # Pillow's decoders raise nearly anything on broken data
            reason = " ".join(str(error).split())[:120] or type(error).__name__
            raise UserError(
                f"{path} can't be decoded ({reason}): it may be damaged or cut short; save it anew"
            ) from error


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
    _check_pixels(image)
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


def fit_within(image: Pixels, max_side: int) -> Pixels:
    """Shrink [H, W, 3] (Lanczos, antialiased) to a longer side of `max_side` px; smaller ones stay as is.

    Raises:
        UserError: `max_side` under 1 px.
    """
    if max_side < 1:
        raise UserError(f"got a longest side of {max_side} px; it must be at least 1 px; give a larger one")
    height, width = image.shape[:2]
    longer = max(height, width)
    if longer <= max_side:
        return image
    size = (max(1, round(width * max_side / longer)), max(1, round(height * max_side / longer)))
    _check_pixels(image)
    return np.array(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS), dtype=np.uint8)


def _check_is_readable(path: Path) -> None:
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise UserError(f"{path} doesn't exist; give the path of {_READABLE}") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"can't read {path}: {reason}; give the path of {_READABLE}") from error
    if stat.S_ISDIR(status.st_mode):
        raise UserError(f"{path} is a folder; give the path of one picture in it")
    if not stat.S_ISREG(status.st_mode):  # a pipe would block for ever
        raise UserError(f"{path} isn't a regular file; give the path of {_READABLE}")
    if status.st_size == 0:
        raise UserError(f"{path} is empty (0 bytes); give {_READABLE}")


def _check_dimensions(path: Path, size: tuple[int, int], min_side: int) -> None:
    width, height = size
    if width * height > MAX_PIXELS:
        raise UserError(_too_large(path, f"{width}x{height} px"))
    if min(size) < min_side:
        raise UserError(
            f"{path} is {width}x{height} px; each side must be at least {min_side} px; give a larger picture"
        )


def _too_large(path: Path, given: str) -> str:
    return f"{path} has {given}; at most {MAX_PIXELS // 1_000_000} million are allowed; make it smaller first"


def _to_rgb(path: Path, image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        return _scaled_to_grey(np.asarray(image), 65535).convert("RGB")
    if image.mode in ("I", "F"):
        return _scaled_to_grey(*_values_and_white(path, image)).convert("RGB")
    if image.has_transparency_data:
        front = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", front.size, "white"), front).convert("RGB")
    return image.convert("RGB")


def _values_and_white(path: Path, image: Image.Image) -> tuple[NDArray[Any], float]:
    values = np.asarray(image)
    low, high = float(values.min()), float(values.max())  # NaN passes through both, and fails each comparison
    for white in (1, 255, 65535) if image.mode == "F" else (255, 65535):
        if low >= 0 and high <= white:
            return values, white
    raise UserError(
        f"{path} has values from {low:g} to {high:g}; 0 to 1, 255 or 65535 are allowed; save it with 8 bits"
    )


def _scaled_to_grey(values: NDArray[Any], white: float) -> Image.Image:
    return Image.fromarray(np.rint(values.astype(np.float64) * (255 / white)).astype(np.uint8))


def _check_pixels(image: Pixels) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(f"got an image of {image.dtype} {list(image.shape)}; it must be uint8 [H, W, 3]")


def _opacity(alpha: NDArray[np.floating], image: Pixels) -> Pixels:
    if alpha.shape != image.shape[:2] or not np.issubdtype(alpha.dtype, np.floating):
        raise ValueError(
            f"got an alpha of {alpha.dtype} {list(alpha.shape)}; it must be floating {list(image.shape[:2])}"
        )
    if not (alpha.min() >= 0 and alpha.max() <= 1):  # written so that NaN is refused too
        raise ValueError(f"got an alpha from {alpha.min():g} to {alpha.max():g}; it must lie in [0, 1]")
    opacity: Pixels = np.rint(alpha * 255).astype(np.uint8)
    return opacity
