"""Operators: warp of feature maps by a homography or a grid, reflection padding, and what follows a convolution."""

from ingan_fast.kernels.arguments import PADDINGS
from ingan_fast.kernels.columns import by_columns, sum_columns
from ingan_fast.kernels.epilogues import epilogue
from ingan_fast.kernels.ops import grid_warp, has_kernels, homography_warp, is_exporting
from ingan_fast.kernels.padding import reflect_pad
from ingan_fast.kernels.reference import sampling_grid

__all__ = [
    "PADDINGS",
    "by_columns",
    "epilogue",
    "grid_warp",
    "has_kernels",
    "homography_warp",
    "is_exporting",
    "reflect_pad",
    "sampling_grid",
    "sum_columns",
]
