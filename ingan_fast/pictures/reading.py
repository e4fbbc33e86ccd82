"""Files to pictures: any common file to uint8 RGB, with every refusal in one line.

Colours are taken as they stand in the file (sRGB is assumed; embedded ICC profiles aren't applied).
"""

import stat
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from ingan_fast.errors import UserError

Pixels = NDArray[np.uint8]
T = TypeVar("T")

MAX_PIXELS = 64_000_000  # under Pillow's own limit, and 200 MB once decoded

# A closed list: some of Pillow's other readers run programs (EPS) or read pictures nobody trains on.
_READ = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "PPM")
_READABLE = "a PNG, JPEG, WebP, TIFF, BMP, GIF or PPM picture"


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
    check_pixels(image)
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


def check_pixels(image: Pixels) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(f"got an image of {image.dtype} {list(image.shape)}; it must be uint8 [H, W, 3]")
