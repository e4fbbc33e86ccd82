"""The warp as torch operators: one forward and one backward, each for a homography and for a grid.

A CPU runs the plain torch implementation (`reference`); a CUDA device runs the Triton kernels if available, else
`reference`. `torch.compile` and CUDA use the operators. Eager CPU code calls `reference` directly, which saves what
its own backward needs; exporters get its `grid_sample`, which they can translate.
"""

import logging
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from ingan_fast.kernels import reference
from ingan_fast.kernels.arguments import check_grid_warp, check_homography_warp
from ingan_fast.kernels.reference import is_channels_last, layout

logger = logging.getLogger(__name__)

# How a homography's gradient is summed on CUDA: "gather" (deterministic) or "atomics". With
# `torch.use_deterministic_algorithms(True)` it is always "gather".
BACKWARD = "gather"

# Minimum compute capability that the kernels are compiled for and tested on: bfloat16 conversions in hardware.
MIN_CAPABILITY = (8, 0)

# Return type of a backward for autograd: one gradient per argument.
_Gradients = tuple[Tensor | None, ...]


def homography_warp(features: Tensor, matrix: Tensor, size: tuple[int, int], padding: str = "reflection") -> Tensor:
    """Resample feature maps bilinearly through homographies (the transformation layer of InGAN §2.2).

    Args:
        features: [N, C, H, W], float32, float16, bfloat16 or float64.
        matrix: [N, 3, 3] sampling matrices, output → source, both normalised
            (`Transform.sampling_matrix()`), of any floating dtype, on the features' device.
        size: (Ho, Wo) of the result, in pixels, at least 1.
        padding: values outside the source: "reflection" (mirrored at the outer edges of the border pixels,
            repeatedly), "border" (nearest pixel) or "zeros".

    Returns:
        [N, C, Ho, Wo] in the features' dtype, channels_last if they are. Differentiable once, with respect to
        `features` only. Coordinates and sums are float32 (float64 for float64 features).

    Raises:
        TypeError: not a tensor, or a dtype that isn't allowed.
        ValueError: a shape, device, padding or size that isn't allowed.
    """
    check_homography_warp(features, matrix, size, padding)
    if _takes_the_operator(features):
        return homography_warp_op(features, matrix.detach(), size[0], size[1], padding)
    return reference.homography_warp(features, matrix, size, padding)


def grid_warp(features: Tensor, grid: Tensor, padding: str = "reflection") -> Tensor:
    """Resample feature maps bilinearly at given source coordinates; otherwise like `homography_warp`.

    Args:
        features: [N, C, H, W], float32, float16, bfloat16 or float64.
        grid: [N, Ho, Wo, 2] source coordinates (x, y), normalised (`Transform.grid()`), on the features'
            device. A non-finite coordinate reads an arbitrary pixel of the source.
        padding: "reflection", "border" or "zeros".

    Returns:
        [N, C, Ho, Wo] in the features' dtype, channels_last if they are.

    Raises:
        TypeError, ValueError: as `homography_warp`.
    """
    check_grid_warp(features, grid, padding)
    if _takes_the_operator(features):
        return grid_warp_op(features, grid.detach(), padding)
    return reference.grid_warp(features, grid, padding)


def _takes_the_operator(features: Tensor) -> bool:
    if is_exporting():
        return False
    return features.is_cuda or torch.compiler.is_compiling()


def has_kernels(tensor: Tensor) -> bool:
    """Whether the Triton kernels run on this tensor."""
    return tensor.is_cuda and _kernels(tensor) is not None


def is_exporting() -> bool:
    """Whether a graph is being made for another runtime by `torch.export`, the ONNX exporter or tracing.

    In torch 2.11, Dynamo evaluates `torch.compiler.is_exporting()` as True in `torch.compile` too (pytorch issue
    176347). The flag behind it is right in all versions.
    """
    if torch.compiler.is_dynamo_compiling():
        return torch.compiler._is_exporting_flag
    return torch.compiler.is_exporting() or torch.jit.is_tracing()


@torch.library.custom_op("ingan_fast::homography_warp", mutates_args=())
def homography_warp_op(features: Tensor, matrix: Tensor, height: int, width: int, padding: str) -> Tensor:
    return reference.homography_warp(features, matrix, (height, width), padding)


@homography_warp_op.register_kernel("cuda")
def _(features: Tensor, matrix: Tensor, height: int, width: int, padding: str) -> Tensor:
    size = (height, width)
    return _run(
        features,
        lambda kernels: kernels.homography_warp(features, matrix, size, padding),
        lambda: reference.homography_warp(features, matrix, size, padding),
        is_channels_last(features),
    )


@homography_warp_op.register_fake
def _(features: Tensor, matrix: Tensor, height: int, width: int, padding: str) -> Tensor:
    return _empty(features, height, width, is_channels_last(features))


@torch.library.custom_op("ingan_fast::homography_warp_backward", mutates_args=())
def homography_warp_backward_op(
    gradient: Tensor, matrix: Tensor, height: int, width: int, padding: str, channels_last: bool
) -> Tensor:
    return reference.homography_warp_gradient(gradient, matrix, (height, width), padding, channels_last)


@homography_warp_backward_op.register_kernel("cuda")
def _(gradient: Tensor, matrix: Tensor, height: int, width: int, padding: str, channels_last: bool) -> Tensor:
    size = (height, width)
    gathers = BACKWARD == "gather" or torch.are_deterministic_algorithms_enabled()
    name = "homography_warp_gather" if gathers else "homography_warp_scatter"
    return _run(
        gradient,
        lambda kernels: getattr(kernels, name)(gradient, matrix, size, padding),
        lambda: reference.homography_warp_gradient(gradient, matrix, size, padding, channels_last),
        channels_last,
    )


@homography_warp_backward_op.register_fake
def _(gradient: Tensor, matrix: Tensor, height: int, width: int, padding: str, channels_last: bool) -> Tensor:
    return _empty(gradient, height, width, channels_last)


@torch.library.custom_op("ingan_fast::grid_warp", mutates_args=())
def grid_warp_op(features: Tensor, grid: Tensor, padding: str) -> Tensor:
    return reference.grid_warp(features, grid, padding)


@grid_warp_op.register_kernel("cuda")
def _(features: Tensor, grid: Tensor, padding: str) -> Tensor:
    return _run(
        features,
        lambda kernels: kernels.grid_warp(features, grid, padding),
        lambda: reference.grid_warp(features, grid, padding),
        is_channels_last(features),
    )


@grid_warp_op.register_fake
def _(features: Tensor, grid: Tensor, padding: str) -> Tensor:
    return _empty(features, grid.shape[1], grid.shape[2], is_channels_last(features))


@torch.library.custom_op("ingan_fast::grid_warp_backward", mutates_args=())
def grid_warp_backward_op(
    gradient: Tensor, grid: Tensor, height: int, width: int, padding: str, channels_last: bool
) -> Tensor:
    return reference.grid_warp_gradient(gradient, grid, (height, width), padding, channels_last)


@grid_warp_backward_op.register_kernel("cuda")
def _(gradient: Tensor, grid: Tensor, height: int, width: int, padding: str, channels_last: bool) -> Tensor:
    size = (height, width)

    def twin() -> Tensor:
        return reference.grid_warp_gradient(gradient, grid, size, padding, channels_last)

    if torch.are_deterministic_algorithms_enabled():
        return twin()
    return _run(gradient, lambda kernels: kernels.grid_warp_scatter(gradient, grid, size, padding), twin, channels_last)


@grid_warp_backward_op.register_fake
def _(gradient: Tensor, grid: Tensor, height: int, width: int, padding: str, channels_last: bool) -> Tensor:
    return _empty(gradient, height, width, channels_last)


def _keep_homography(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    features, matrix, _, _, ctx.padding = inputs
    ctx.save_for_backward(matrix)
    ctx.size, ctx.channels_last = features.shape[2:], is_channels_last(features)


def _homography_backward(ctx: Any, gradient: Tensor) -> _Gradients:
    (matrix,) = ctx.saved_tensors
    result = homography_warp_backward_op(gradient, matrix, *ctx.size, ctx.padding, ctx.channels_last)
    return result, None, None, None, None


def _keep_grid(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    features, grid, ctx.padding = inputs
    ctx.save_for_backward(grid)
    ctx.size, ctx.channels_last = features.shape[2:], is_channels_last(features)


def _grid_backward(ctx: Any, gradient: Tensor) -> _Gradients:
    (grid,) = ctx.saved_tensors
    result = grid_warp_backward_op(gradient, grid, *ctx.size, ctx.padding, ctx.channels_last)
    return result, None, None


homography_warp_op.register_autograd(_homography_backward, setup_context=_keep_homography)
grid_warp_op.register_autograd(_grid_backward, setup_context=_keep_grid)


def _empty(like: Tensor, height: int, width: int, channels_last: bool) -> Tensor:
    shape = (like.shape[0], like.shape[1], height, width)
    return torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=layout(channels_last))


def _run(
    tensor: Tensor, fused: Callable[[ModuleType], Tensor], twin: Callable[[], Tensor], channels_last: bool
) -> Tensor:
    """Result of `fused` (on the Triton kernels), in the given layout; of `twin` if they can't run."""
    kernels = _kernels(tensor)
    if kernels is None:
        return twin()
    try:
        return fused(kernels).contiguous(memory_format=layout(channels_last))
    except kernels.TritonError as error:  # compilation failed, or a tile needs more resources than this GPU has
        _warn(error)
        _broken.append(kernels)
        return twin()


_broken: list[ModuleType] = []  # contains the kernels after a failure: later calls use `reference`


def _warn(error: Exception) -> None:
    logger.warning("Triton kernels can't run; using plain torch (%s)", error)


def _kernels(tensor: Tensor) -> ModuleType | None:
    """The module that launches the Triton kernels; None if they can't run on this tensor."""
    loaded = _load_kernels()
    if loaded is None or loaded in _broken or tensor.dtype not in loaded.DTYPES:
        return None
    return loaded if torch.cuda.get_device_capability(tensor.device) >= MIN_CAPABILITY else None


@cache
def _load_kernels() -> ModuleType | None:
    """Import Triton, lazily; None if it isn't installed or can't build its launcher."""
    if torch.version.cuda is None:
        return None
    try:
        from triton.runtime import driver

        from ingan_fast.kernels import triton_warp

        driver.active.get_current_target()  # compiles Triton's C launcher; fails without a C compiler
    except ImportError:
        return None
    except Exception as error:
        _warn(error)
        return None
    return triton_warp
