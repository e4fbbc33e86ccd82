"""The pictures that are laid out: unsigned integers over their whole range or floats in [0, 1], [h, w, channels].

One channel is grey, three are colours; two and four have an opacity besides, as the last one.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]


def has_opacity(picture: NDArray) -> bool:
    return picture.shape[-1] in (2, 4)


def in_unit_range(values: NDArray) -> Floats:
    """Values as floats in [0, 1]."""
    if values.dtype.kind == "u":
        return values * np.float32(1 / np.iinfo(values.dtype).max)
    return values.astype(np.float32)


def as_stored(values: Floats, dtype: np.dtype) -> NDArray:
    """Floats in [0, 1] as values of a picture's type."""
    if dtype.kind == "u":
        return np.rint(np.clip(values, 0, 1) * np.iinfo(dtype).max).astype(dtype)
    return values.astype(dtype)


def most_of(dtype: np.dtype) -> float:
    """What a type stores for 1."""
    return float(np.iinfo(dtype).max) if dtype.kind == "u" else 1.0


def stored(values: Floats, dtype: np.dtype) -> NDArray:
    """Values in a type's own range, as it stores them."""
    return np.rint(np.clip(values, 0, most_of(dtype))).astype(dtype) if dtype.kind == "u" else values.astype(dtype)


def seen(values: NDArray) -> Floats:
    """What is seen of pixels [..., channels]: colours as much as they are opaque, so that hidden ones don't count."""
    result = in_unit_range(values)
    if has_opacity(values):
        result = np.concatenate([result[..., :-1] * result[..., -1:], result[..., -1:]], axis=-1)
    return result


def shrunk(picture: NDArray, size: tuple[int, int]) -> NDArray:
    """A smaller version (width, height), each pixel the mean of those that it covers."""
    if (picture.shape[1], picture.shape[0]) == size:
        return picture
    if picture.dtype == np.uint8 and picture.shape[2] == 3:
        return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))
    planes = seen(picture).transpose(2, 0, 1)
    small = [Image.fromarray(np.ascontiguousarray(plane)).resize(size, Image.Resampling.BOX) for plane in planes]
    result = np.stack([np.asarray(plane) for plane in small], axis=2)
    if has_opacity(picture):
        result[..., :-1] /= np.maximum(result[..., -1:], 1e-6)
    return result


def shrunk_mask(mask: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
    """A smaller version in which every pixel counts that covers any that did."""
    if (mask.shape[1], mask.shape[0]) == size:
        return mask
    small = Image.fromarray(mask.astype(np.float32)).resize(size, Image.Resampling.BOX)
    return np.asarray(small) > 1e-6


def widened(mask: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    """A mask [h, w] and what is around it, as far as `reach` px."""
    return np.asarray(Image.fromarray(mask.astype(np.uint8)).filter(ImageFilter.MaxFilter(2 * reach + 1))) > 0
