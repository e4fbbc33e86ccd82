"""Masks: black and white pictures that say which pixels of another picture are meant."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingan_fast.errors import UserError
from ingan_fast.geometry import Size
from ingan_fast.pictures.reading import load_image
from ingan_fast.pictures.writing import save_image


def load_mask(path: Path, size: Size, name: str) -> NDArray[np.bool_]:
    """Where a picture file is light: [H, W].

    Args:
        path: of the file.
        size: (width, height) that it must have.
        name: of the mask, for messages.

    Raises:
        UserError: it can't be read, or has another size.
    """
    mask = load_image(path, min_side=1).mean(axis=2) > 127
    if mask.shape != size[::-1]:
        raise UserError(
            f"{name} is {mask.shape[1]}x{mask.shape[0]}, but the picture {size[0]}x{size[1]}; give a mask of its size"
        )
    return np.asarray(mask)


def save_mask(mask: NDArray[np.bool_], path: str | Path) -> None:
    """Write a mask, white on black; errors as for `save_image`."""
    save_image(np.repeat(mask[..., None] * np.uint8(255), 3, axis=2), path)
