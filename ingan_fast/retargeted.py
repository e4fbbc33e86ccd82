"""The result of retargeting a picture."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingan_fast.geometry import Transform


@dataclass(frozen=True)
class Retargeted:
    """A picture and its coverage of each pixel."""

    picture: Any  # uint8 [Ho, Wo, 3]; on the same device as the frame
    alpha: NDArray[np.float32] | None  # [Ho, Wo] in [0, 1]; None if the picture fills its frame

    @classmethod
    def under(cls, transform: Transform, picture: Any) -> "Retargeted":
        """`picture` with the alpha of `transform`."""
        mask = transform.mask()
        return cls(picture, None if (mask == 1).all() else mask)
