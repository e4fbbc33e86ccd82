"""Argument checks of the warp, done before any launch."""

import torch
from torch import Tensor

PADDINGS = ("reflection", "border", "zeros")

DTYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64)


def check_homography_warp(features: Tensor, matrix: Tensor, size: tuple[int, int], padding: str) -> None:
    """Raises TypeError or ValueError that name the argument and what is allowed."""
    _check_features(features, padding)
    _check_companion("matrix", matrix, features)
    if matrix.shape != (features.shape[0], 3, 3):
        raise ValueError(
            f"matrix has shape {list(matrix.shape)}; needed is [N, 3, 3], here [{features.shape[0]}, 3, 3]"
        )
    check_size(size)


def check_grid_warp(features: Tensor, grid: Tensor, padding: str) -> None:
    """Raises TypeError or ValueError that name the argument and what is allowed."""
    _check_features(features, padding)
    _check_companion("grid", grid, features)
    if grid.ndim != 4 or grid.shape[0] != features.shape[0] or grid.shape[3] != 2 or 0 in grid.shape:
        raise ValueError(
            f"grid has shape {list(grid.shape)}; needed is [N, Ho, Wo, 2] with N = {features.shape[0]} "
            "and no empty side"
        )


def check_size(size: tuple[int, int]) -> None:
    """Raises TypeError or ValueError unless `size` is (Ho, Wo), each at least 1."""
    needed = "needed is (Ho, Wo), each a whole number of at least 1"
    if not hasattr(size, "__len__"):
        raise TypeError(f"size is {size!r}; {needed}")
    if not all(isinstance(side, int | torch.SymInt) or hasattr(side, "__index__") for side in size):
        raise TypeError(f"size is {tuple(size)}; {needed}")
    if len(size) != 2 or size[0] < 1 or size[1] < 1:
        raise ValueError(f"size is {tuple(size)}; {needed}")


def _check_features(features: Tensor, padding: str) -> None:
    if not isinstance(features, Tensor):
        raise TypeError(f"features is a {type(features).__name__}; needed is a torch.Tensor")
    if features.dtype not in DTYPES:
        raise TypeError(f"features has dtype {features.dtype}; allowed are {', '.join(map(str, DTYPES))}")
    if features.ndim != 4 or 0 in features.shape:
        raise ValueError(f"features has shape {list(features.shape)}; needed is [N, C, H, W] with no empty side")
    if padding not in PADDINGS:
        raise ValueError(f"padding is {padding!r}; allowed are {', '.join(PADDINGS)}")


def _check_companion(name: str, tensor: Tensor, features: Tensor) -> None:
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{name} is a {type(tensor).__name__}; needed is a torch.Tensor")
    if not tensor.is_floating_point():
        raise TypeError(f"{name} has dtype {tensor.dtype}; needed is a floating dtype (best float32)")
    if tensor.device != features.device:
        raise ValueError(f"{name} is on {tensor.device} but features is on {features.device}; move it")
