"""What follows a convolution that was computed without its bias, for inference: one kernel on CUDA, torch elsewhere."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ingan_fast.kernels import ops
from ingan_fast.kernels.arguments import DTYPES
from ingan_fast.kernels.reference import is_channels_last, layout

RESIZES = ("none", "pool", "shuffle")
EDGES = ("reflect", "replicate")


def epilogue(
    raw: Tensor,
    bias: Tensor,
    slope: float,
    *,
    border: int = 0,
    edges: str = "reflect",
    resize: str = "none",
    added: Tensor | None = None,
) -> Tensor:
    """pad(LeakyReLU(resize(raw) + bias) + added), in float32, rounded once. Not differentiable.

    Args:
        raw: a convolution's result, [N, C, H, W]; with `resize` "shuffle" [N, 4·C, H, W].
        bias: [C].
        slope: of LeakyReLU, at least 0; 1 for no activation.
        border: px added on each side, less than both sides of what is reflected.
        edges: how: "reflect" or "replicate".
        resize: "pool", the maximum of 2 × 2 px, drops an odd last row or column. "shuffle" makes 2·(H - 1) × 2·(W - 1)
            px of the four phases of a 2 × 2 convolution (`fold.SubPixelUp`), whose channels are ordered by phase
            first: pixels are (top left, top right, bottom left, bottom right), and the outermost are cut off.
        added: [N, C, H', W'] for a result of H' × W' px without its border; it may have a border of its own, which is
            ignored.

    Returns:
        [N, C, H' + 2·border, W' + 2·border] in the dtype and layout of `raw`.

    Raises:
        TypeError: a dtype that isn't allowed.
        ValueError: a shape, border, slope or word that isn't allowed.
    """
    _check(raw, bias, slope, resize, edges)
    height, width = _shown(raw, resize)
    frame = 0 if added is None else _frame(added, (raw.shape[0], bias.shape[0], height, width), raw.dtype)
    if border < 0 or min(height, width) < 1 or (edges == "reflect" and border >= min(height, width)):
        raise ValueError(f"border is {border} for a map of {height} x {width} px; needed is less than both sides")

    def plain() -> Tensor:
        return _plain(raw, bias, slope, border, edges, resize, added)

    if not raw.is_cuda:
        return plain()
    return ops._run(
        raw,
        lambda kernels: kernels.epilogue(raw, bias, slope, border, edges, resize, added, (height, width), frame),
        plain,
        is_channels_last(raw),
    )


def _plain(
    raw: Tensor, bias: Tensor, slope: float, border: int, edges: str, resize: str, added: Tensor | None
) -> Tensor:
    values = raw.to(torch.promote_types(raw.dtype, torch.float32))
    if resize == "pool":
        values = F.max_pool2d(values, 2)
    elif resize == "shuffle":
        values = F.pixel_shuffle(values.unflatten(1, (4, -1)).transpose(1, 2).flatten(1, 2), 2)[..., 1:-1, 1:-1]
    values = F.leaky_relu(values + bias.to(values.dtype)[:, None, None], slope)
    if added is not None:
        frame = (added.shape[2] - values.shape[2]) // 2
        values = values + added[..., frame : frame + values.shape[2], frame : frame + values.shape[3]]
    padded = F.pad(values.to(raw.dtype), [border] * 4, mode=edges) if border else values.to(raw.dtype)
    return padded.contiguous(memory_format=layout(is_channels_last(raw)))


def _check(raw: Tensor, bias: Tensor, slope: float, resize: str, edges: str) -> None:
    if raw.dtype not in DTYPES:
        raise TypeError(f"raw has dtype {raw.dtype}; allowed are {', '.join(map(str, DTYPES))}")
    if resize not in RESIZES or edges not in EDGES:
        raise ValueError(f"resize is {resize!r} and edges {edges!r}; allowed are {RESIZES} and {EDGES}")
    if slope < 0:
        raise ValueError(f"slope is {slope}; needed is at least 0")
    channels = raw.shape[1] // 4 if resize == "shuffle" else raw.shape[1]
    if raw.ndim != 4 or bias.shape != (channels,) or (resize == "shuffle" and raw.shape[1] % 4):
        raise ValueError(f"bias has shape {list(bias.shape)} for a map {list(raw.shape)}, resize {resize!r}")


def _shown(raw: Tensor, resize: str) -> tuple[int, int]:
    """(height, width) of the result without its border."""
    height, width = raw.shape[2:]
    if resize == "pool":
        return height // 2, width // 2
    return (2 * (height - 1), 2 * (width - 1)) if resize == "shuffle" else (height, width)


def _frame(added: Tensor, shape: tuple[int, int, int, int], dtype: torch.dtype) -> int:
    """The border of `added`, px."""
    frame = (added.shape[2] - shape[2]) // 2
    if frame < 0 or added.shape != (*shape[:2], shape[2] + 2 * frame, shape[3] + 2 * frame) or added.dtype != dtype:
        raise ValueError(
            f"added is {added.dtype} of shape {list(added.shape)}; needed is {dtype} of shape {list(shape)}, "
            "with any border"
        )
    return frame
