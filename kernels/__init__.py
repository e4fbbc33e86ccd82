"""The warp: sampling feature maps at a homography, or at any grid."""

from ingan_fast.kernels.reference import PADDINGS, grid_warp, homography_warp, sampling_grid
from ingan_fast.kernels.unit_scale import UnitScale, unit_scale

__all__ = ["PADDINGS", "UnitScale", "grid_warp", "homography_warp", "sampling_grid", "unit_scale"]
