"""A retargeted picture, whatever made it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingan_fast.geometry import Transform


@dataclass(frozen=True)
class Retargeted:
    """A picture and how much of each pixel it covers."""

    picture: Any  # uint8 [Ho, Wo, 3]; on the device where the frame was
    alpha: NDArray[np.float32] | None  # [Ho, Wo] in [0, 1]; None where the picture fills its frame

    @classmethod
    def under(cls, transform: Transform, picture: Any) -> "Retargeted":
        """`picture` with the alpha that `transform` gives it."""
        mask = transform.mask()
        return cls(picture, None if (mask == 1).all() else mask)
