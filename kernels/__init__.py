"""The warp: sampling feature maps at a homography, or at any grid."""

from ingan_fast.kernels.reference import PADDINGS, grid_warp, homography_warp, sampling_grid

__all__ = ["PADDINGS", "grid_warp", "homography_warp", "sampling_grid"]
