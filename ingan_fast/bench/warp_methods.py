"""Methods to warp features by a homography: ours, and straightforward ones in plain torch."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ingan_fast.geometry import Size, Transform
from ingan_fast.kernels import homography_warp, ops
from ingan_fast.model.sampling import sampling_tensor

FORWARD, BOTH = "forward", "forward+backward"
EAGER = "eager"

# ‖result − reference‖ / ‖reference‖ above which a result is wrong: a few roundings of the dtype, or coordinates off
# by a thousandth of a pixel.
TOLERANCE = {torch.float32: 1e-3, torch.float16: 4e-3, torch.bfloat16: 2e-2}

# Features [N, C, H, W], matrix [N, 3, 3], (Ho, Wo), padding → [N, C, Ho, Wo].
Warp = Callable[[Tensor, Tensor, tuple[int, int], str], Tensor]


@dataclass(frozen=True)
class Method:
    """A method with the directions it is timed in, and the memory layout of its features."""

    name: str
    warp: Warp
    layout: torch.memory_format = torch.channels_last
    directions: tuple[str, ...] = (FORWARD, BOTH)
    backward: str | None = None  # for ours: "gather" or "atomics"; None if there is no choice


@dataclass(frozen=True)
class Problem:
    """Features to warp (channels_last), and the gradient of the result."""

    transform: Transform
    padding: str
    features: Tensor  # [1, C, H, W]
    gradient: Tensor  # [1, C, Ho, Wo]
    matrix: Tensor  # [1, 3, 3]

    @classmethod
    def random(
        cls, transform: Transform, source: Size, channels: int, dtype: torch.dtype, device: torch.device, padding: str
    ) -> "Problem":
        """Standard normal values, deterministic."""
        generator = torch.Generator(device).manual_seed(0)

        def values(size: Size) -> Tensor:
            noise = torch.randn(1, size[1], size[0], channels, generator=generator, device=device)
            return noise.to(dtype).permute(0, 3, 1, 2)

        return cls(transform, padding, values(source), values(transform.size), sampling_tensor(transform, device))

    @property
    def size(self) -> tuple[int, int]:
        """(Ho, Wo)."""
        return self.transform.size[1], self.transform.size[0]

    def least_bytes(self, direction: str) -> int:
        """Minimum bytes to move: features read and result written once; backward likewise for their gradients."""
        once = (self.features.numel() + self.gradient.numel()) * self.features.element_size()
        return once if direction == FORWARD else 2 * once

    def in_float32(self) -> "Problem":
        return Problem(self.transform, self.padding, self.features.float(), self.gradient.float(), self.matrix)


def methods(device: torch.device, compiled: bool) -> list[Method]:
    """Ours (on a GPU with each backward), eager in both layouts, and with `compiled` likewise for inductor."""
    ours = [Method("ours", homography_warp)]
    if device.type == "cuda" and hasattr(ops, "BACKWARD"):
        ours = [Method("ours", homography_warp, directions=(FORWARD,))]
        kinds = sorted(("gather", "atomics"), key=lambda kind: kind != ops.BACKWARD)  # the default first
        ours += [Method(f"ours, {kind}", homography_warp, directions=(BOTH,), backward=kind) for kind in kinds]
    plain = [(EAGER, plain_warp)]
    if compiled:
        plain.append(("inductor", torch.compile(plain_warp, fullgraph=True, dynamic=False)))
    layouts = [(torch.channels_last, ""), (torch.contiguous_format, ", contiguous")]
    return ours + [Method(name + suffix, warp, layout) for name, warp in plain for layout, suffix in layouts]


def plain_warp(features: Tensor, matrix: Tensor, size: tuple[int, int], padding: str) -> Tensor:
    """The straightforward way: a grid of coordinates, then `grid_sample`.

    The grid is float32, as ours: in half precision coordinates would be off by up to a pixel. `grid_sample` requires
    features and grid of one dtype, hence the conversions.
    """
    height, width = size
    x = (torch.arange(width, device=matrix.device, dtype=torch.float32) * 2 + 1) / width - 1  # [Wo]
    y = ((torch.arange(height, device=matrix.device, dtype=torch.float32) * 2 + 1) / height - 1)[:, None]  # [Ho, 1]
    m = matrix[0]
    u, v, w = (m[row, 0] * x + (m[row, 1] * y + m[row, 2]) for row in range(3))  # [Ho, Wo] each
    grid = torch.stack((u / w, v / w), dim=-1)[None]  # [1, Ho, Wo, 2]
    return F.grid_sample(features.float(), grid, padding_mode=padding, align_corners=False).to(features.dtype)


def action(method: Method, problem: Problem, direction: str) -> Callable[[], Tensor]:
    """A call that returns the warped features, or for `BOTH` the gradient of the features after both passes."""
    features = problem.features.contiguous(memory_format=method.layout)
    gradient = problem.gradient.contiguous(memory_format=method.layout)

    def forward() -> Tensor:
        with torch.no_grad():
            return method.warp(features, problem.matrix, problem.size, problem.padding)

    def both() -> Tensor:
        with _backward(method.backward):
            warped = method.warp(features, problem.matrix, problem.size, problem.padding)
            return torch.autograd.grad(warped, features, gradient)[0]

    if direction == FORWARD:
        return forward
    features = features.detach().requires_grad_()
    return both


def relative_error(result: Tensor, expected: Tensor) -> float:
    """‖result − expected‖ / ‖expected‖."""
    return float((result.float() - expected).norm() / expected.norm())


def reference(problem: Problem) -> dict[str, Tensor]:
    """Expected results of each direction, float32, with coordinates computed in float64 by `Transform`."""
    features = problem.features.float().requires_grad_()
    grid = torch.from_numpy(problem.transform.grid())[None].to(features.device)
    warped = F.grid_sample(features, grid, padding_mode=problem.padding, align_corners=False)
    gradient = torch.autograd.grad(warped, features, problem.gradient.float())[0]
    return {FORWARD: warped.detach(), BOTH: gradient}


@contextmanager
def _backward(kind: str | None) -> Iterator[None]:
    if kind is None:
        yield
        return
    before = ops.BACKWARD
    ops.BACKWARD = kind
    try:
        yield
    finally:
        ops.BACKWARD = before
