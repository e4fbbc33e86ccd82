"""The Triton kernels in Triton's interpreter: against the twin, and against sampling written out as a matrix."""

import math
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from ingan_fast.kernels import reference, sampling_grid

pytestmark = pytest.mark.usefixtures("poisoned")

PADDINGS = ["reflection", "border", "zeros"]
IDENTITY = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]


def scale(x: float, y: float) -> list[list[float]]:
    return [[x, 0, 0], [0, y, 0], [0, 0, 1]]


def turned(degrees: float, zoom: float = 1.0) -> list[list[float]]:
    c, s = zoom * math.cos(math.radians(degrees)), zoom * math.sin(math.radians(degrees))
    return [[c, -s, 0], [s, c, 0], [0, 0, 1]]


# Sampling matrices of two images, size of the source, size of the output. Homographies without a horizon in the
# output; the sizes are no multiples of a tile's. The interpreter is slow: no larger than it takes.
CASES = {
    "resized to 0.15": ([IDENTITY, IDENTITY], (20, 14), (3, 2)),
    "resized to 2.25": ([IDENTITY, IDENTITY], (8, 9), (18, 21)),
    "turned, and looking outside": ([turned(30, 1.4), turned(-100, 1.1)], (9, 8), (10, 12)),
    "in mild perspective": (
        [[[1.1, 0.2, 0.05], [-0.1, 0.9, -0.03], [0.1, 0.2, 1]], [[0.9, -0.1, 0], [0.2, 1, 0.1], [-0.2, 0.05, 1]]],
        (9, 11),
        (13, 10),
    ),
    "in strong perspective": (
        [[[1, 0.3, 0.2], [0, 1, 0.4], [0.45, 0.45, 1]], [[-1, 0.1, 0.3], [0.2, 0.8, 0], [-0.6, 0.3, 1]]],
        (8, 9),
        (11, 10),
    ),
    "negated": ([[[-1, 0, 0.1], [0.2, -1, 0], [0.1, 0, -1]], [[1, 0, 0], [0, 1, 0], [0, -0.2, 1]]], (8, 5), (5, 8)),
    "several copies away": ([[[3, 1, 2], [0.5, -4, 1], [0.1, 0, 1]], scale(0.2, 0.3)], (6, 5), (9, 8)),
    "from one pixel": ([turned(10, 3), IDENTITY], (1, 1), (3, 4)),
    "from one row": ([turned(20), scale(2, 2)], (1, 9), (5, 6)),
    "to one pixel": ([turned(20), [[1, 0, 0.3], [0, 1, 4], [0, 0, 1]]], (7, 9), (1, 1)),
}
FEW_CASES = ["turned, and looking outside", "in strong perspective", "from one row"]
# Where the inverse homography can't be trusted.
DEGENERATE = {
    "a horizon": [[1, 0, 0], [0, 1, 0], [1, 0, 0.05]],
    "a horizon at the edge": [[1, 0, 0], [0, 1, 0], [0.9, 0, 0.8]],
    "all on a line": [[1, 1, 0], [2, 2, 0.1], [0, 0, 1]],
    "all at one point": [[0, 0, 0.3], [0, 0, 0.2], [0, 0, 1]],
    "nearly on a line": [[1, 1, 0], [1, 1.0001, 0.1], [0, 0, 1]],
    "far away": [[300, 0, 0], [0, 200, 0], [0, 0, 1]],
    "tiny": [[1e-9, 0, 0], [0, 1e-9, 0], [0, 0, 1e-9]],
    "a hair behind the horizon": [[reference.MIN_W, 0, 0], [0, reference.MIN_W, 0], [0, 0, -1e-9]],
    "minus nothing": [[reference.MIN_W, 0, 0], [0, reference.MIN_W, 0], [-0.0, -0.0, -0.0]],
    "huge": [[1e25, 0, 0], [0, 1e25, 0], [0, 0, 1e25]],
    "zero": [[0, 0, 0], [0, 0, 0], [0, 0, 0]],
    "not numbers": [[math.nan] * 3] * 3,
    "infinite": [[math.inf, 0, 0], [0, 1, 0], [0, 0, 1]],
}


def random_tensor(*shape: int, seed: int = 0) -> Tensor:
    values = torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2 - 1
    return values.float().contiguous(memory_format=torch.channels_last)


def shown(index: NDArray[np.int64], n: int, padding: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Which pixel of n an endless plane shows at each index, and whether it shows one."""
    if padding == "border":
        return np.clip(index, 0, n - 1), np.ones_like(index, bool)
    if padding == "zeros":
        return np.clip(index, 0, n - 1), (index >= 0) & (index < n)
    index = index % (2 * n)
    return np.where(index < n, index, 2 * n - 1 - index), np.ones_like(index, bool)


def sampling(
    matrix: list[list[float]], size: tuple[int, int], out: tuple[int, int], padding: str
) -> NDArray[np.float64]:
    """Bilinear sampling of an image as a matrix [Ho·Wo, H·W], in float64: the warp is S @ x, its gradient Sᵀ @ g."""
    row, column = np.mgrid[: out[0], : out[1]].reshape(2, -1)
    point = np.stack([(column + 0.5) / out[1] * 2 - 1, (row + 0.5) / out[0] * 2 - 1, np.ones(row.size)])
    u, v, w = np.array(matrix, float) @ point
    x, y = (u / w + 1) / 2 * size[1] - 0.5, (v / w + 1) / 2 * size[0] - 0.5
    result = np.zeros((row.size, size[0] * size[1]))
    for i in (np.floor(x), np.floor(x) + 1):
        for j in (np.floor(y), np.floor(y) + 1):
            (at_x, has_x), (at_y, has_y) = (
                shown(i.astype(int), size[1], padding),
                shown(j.astype(int), size[0], padding),
            )
            weight = (1 - abs(x - i)) * (1 - abs(y - j)) * (has_x & has_y)
            np.add.at(result, (np.arange(row.size), at_y * size[1] + at_x), weight)
    return result


def assert_close(found: Tensor, expected: Tensor | NDArray[np.float64], tolerance: float) -> None:
    """Within a fraction of the largest value that is expected."""
    expected = torch.as_tensor(expected).double()
    assert found.shape == expected.shape
    error = (found.double() - expected).abs().max().item()
    assert error <= tolerance * max(1.0, expected.abs().max().item()), error


def exact(
    matrices: list[Any], features: Tensor, gradient: Tensor, padding: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What the warp and its gradient have to be, pixels as one axis: [N, C, Ho·Wo] and [N, C, H·W]."""
    sizes = tuple(features.shape[2:]), tuple(gradient.shape[2:])
    dense = np.stack([sampling(matrix, *sizes, padding) for matrix in matrices])
    warped = features.flatten(2).double().numpy() @ dense.swapaxes(1, 2)
    return warped, gradient.flatten(2).double().numpy() @ dense


@pytest.mark.parametrize("name", CASES)
def test_forward_and_gradient_are_the_sampling_matrix_s(interpreted: ModuleType, name: str) -> None:
    matrices, size, out = CASES[name]
    features, gradient = random_tensor(2, 3, *size), random_tensor(2, 3, *out, seed=1)
    warped, back = exact(matrices, features, gradient, "reflection")
    matrix = torch.tensor(matrices, dtype=torch.float32)
    assert_close(interpreted.homography_warp(features, matrix, out, "reflection").flatten(2), warped, 2e-5)
    assert_close(interpreted.homography_warp_gather(gradient, matrix, size, "reflection").flatten(2), back, 2e-5)


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("name", FEW_CASES)
def test_grids_and_atomics_are_the_sampling_matrix_s(interpreted: ModuleType, name: str, padding: str) -> None:
    matrices, size, out = CASES[name]
    features, gradient = random_tensor(2, 3, *size), random_tensor(2, 3, *out, seed=1)
    warped, back = exact(matrices, features, gradient, padding)
    matrix = torch.tensor(matrices, dtype=torch.float32)
    grid = sampling_grid(matrix, out)
    assert_close(interpreted.grid_warp(features, grid, padding).flatten(2), warped, 2e-5)
    assert_close(interpreted.grid_warp_scatter(gradient, grid, size, padding).flatten(2), back, 2e-5)
    assert_close(interpreted.homography_warp_scatter(gradient, matrix, size, padding).flatten(2), back, 2e-5)


@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_homographies_are_the_twin_s(interpreted: ModuleType, name: str) -> None:
    padding = PADDINGS[list(DEGENERATE).index(name) % 3] if "far" not in name else "reflection"
    matrix = torch.tensor([DEGENERATE[name], IDENTITY], dtype=torch.float32)
    size, out = (5, 6), (7, 4)
    features, gradient = random_tensor(2, 3, *size), random_tensor(2, 3, *out, seed=1)
    warped = interpreted.homography_warp(features, matrix, out, padding)
    assert warped.isfinite().all()
    if name not in ("a horizon", "far away"):  # there a rounding of the position moves it by some of a pixel
        assert_close(warped, reference.homography_warp(features, matrix, out, padding), 1e-3)
    scattered = interpreted.homography_warp_scatter(gradient, matrix, size, padding)
    assert_close(interpreted.homography_warp_gather(gradient, matrix, size, padding), scattered, 1e-5)


def random_homography(generator: np.random.Generator) -> NDArray[np.float64]:
    """From the output's corners to a quadrilateral anywhere near the source, turned and mirrored at will."""
    while True:
        matrix = np.eye(3) + generator.normal(0, 0.6, (3, 3)) * [[1, 1, 1], [1, 1, 1], [0.4, 0.4, 0]]
        matrix[:2] *= generator.choice([-1, 1], (2, 1)) * generator.uniform(0.2, 2)
        w = [matrix[2] @ (x, y, 1) for x in (-1, 1) for y in (-1, 1)]
        if min(w) > 0.15:
            return np.asarray(matrix * generator.choice([-2.0, 1.0]))


def check_random(kernels: ModuleType, seed: int, largest: int) -> None:
    generator = np.random.default_rng(seed)
    size, out = (tuple(generator.integers(1, largest, 2).tolist()) for _ in range(2))
    padding = PADDINGS[seed % 3]
    matrices = [random_homography(generator) for _ in range(2)]
    features, gradient = random_tensor(2, 2, *size), random_tensor(2, 2, *out, seed=1)
    warped, back = exact(matrices, features, gradient, padding)
    matrix = torch.from_numpy(np.stack(matrices))
    assert_close(kernels.homography_warp(features, matrix, out, padding).flatten(2), warped, 3e-4)
    assert_close(kernels.homography_warp_gather(gradient, matrix, size, padding).flatten(2), back, 3e-4)


@pytest.mark.parametrize("seed", range(3))  # one for each padding
def test_random_homographies_are_the_sampling_matrix_s(interpreted: ModuleType, seed: int) -> None:
    check_random(interpreted, seed, 11)


MATRIX = torch.tensor(CASES["in mild perspective"][0])
SIZE, OUT = (5, 7), (6, 5)


@pytest.mark.parametrize(
    ("channels", "dtype"),
    [(1, torch.float32), (3, torch.float16), (64, torch.float32)]
    + [(65, dtype) for dtype in (torch.float32, torch.float16, torch.bfloat16)],
)
def test_any_channels_and_dtypes_agree_with_the_twin(
    interpreted: ModuleType, channels: int, dtype: torch.dtype
) -> None:
    features, gradient = random_tensor(1, channels, *SIZE).to(dtype), random_tensor(1, channels, *OUT, seed=1).to(dtype)
    wanted = features.double().requires_grad_()
    expected = reference.homography_warp(wanted, MATRIX[:1], OUT, "reflection")
    expected.backward(gradient.double())
    assert wanted.grad is not None
    tolerance = {torch.float32: 2e-6, torch.float16: 1e-3, torch.bfloat16: 8e-3}[dtype]  # its own rounding
    grid = sampling_grid(MATRIX[:1], OUT)
    for warped in (
        interpreted.homography_warp(features, MATRIX[:1], OUT, "reflection"),
        interpreted.grid_warp(features, grid, "reflection"),
    ):
        assert warped.dtype == dtype
        assert_close(warped, expected.detach(), tolerance)
    for back in (
        interpreted.homography_warp_gather(gradient, MATRIX[:1], SIZE, "reflection"),
        interpreted.homography_warp_scatter(gradient, MATRIX[:1], SIZE, "reflection"),
        interpreted.grid_warp_scatter(gradient, grid, SIZE, "reflection"),
    ):
        assert back.dtype == dtype
        assert_close(back, wanted.grad, tolerance)


def test_any_strides_are_read_right(interpreted: ModuleType) -> None:
    wide = random_tensor(2, 8, 14, 18)
    views = {
        "contiguous": wide[:, :4, :7, :9].contiguous(),
        "every other pixel": wide[:, ::2, ::2, ::2],
        "turned": wide.mT[:, :4, :7, :9],
        "expanded": wide[:1, :1, :7, :9].expand(2, 4, 7, 9),
    }
    matrix = MATRIX.mT.contiguous().mT.double()
    grid = sampling_grid(MATRIX, OUT).permute(0, 2, 1, 3).contiguous().permute(0, 2, 1, 3)
    for features in views.values():
        expected = reference.homography_warp(features, MATRIX, OUT, "border")
        assert_close(interpreted.homography_warp(features, matrix, OUT, "border"), expected, 1e-5)
        assert_close(interpreted.grid_warp(features, grid, "border"), expected, 1e-5)
        back = reference.homography_warp_gradient(features, MATRIX, (6, 5), "border", True)
        assert_close(interpreted.homography_warp_gather(features, matrix, (6, 5), "border"), back, 1e-5)
        assert_close(interpreted.homography_warp_scatter(features, matrix, (6, 5), "border"), back, 1e-5)


def test_64_bit_indices_change_nothing(interpreted: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    features, gradient, grid = random_tensor(2, 3, *SIZE), random_tensor(2, 3, *OUT), sampling_grid(MATRIX, OUT)

    def results() -> list[Tensor]:
        return [
            interpreted.homography_warp(features, MATRIX, OUT, "reflection"),
            interpreted.grid_warp(features, grid, "reflection"),
            interpreted.homography_warp_gather(gradient, MATRIX, SIZE, "reflection"),
            interpreted.homography_warp_scatter(gradient, MATRIX, SIZE, "reflection"),
            interpreted.grid_warp_scatter(gradient, grid, SIZE, "reflection"),
        ]

    narrow = results()
    assert not interpreted.is_wide(features)
    monkeypatch.setattr(interpreted, "INDEX_LIMIT", 1)
    assert interpreted.is_wide(features)
    for each, other in zip(narrow, results(), strict=True):
        assert torch.equal(each, other)


def test_a_grid_that_is_not_finite_reads_some_pixel(interpreted: ModuleType) -> None:
    grid = torch.tensor([math.nan, math.inf, -math.inf, 1e38]).repeat(1, 3, 1).mT.expand(1, 4, 3)
    grid = torch.stack([grid, grid.mT.reshape(1, 4, 3)], dim=-1)
    for padding in PADDINGS:
        assert interpreted.grid_warp(random_tensor(1, 3, 6, 5), grid, padding).isfinite().all()
        assert interpreted.grid_warp_scatter(random_tensor(1, 3, 4, 3), grid, (6, 5), padding).isfinite().all()


def test_results_are_channels_last(interpreted: ModuleType) -> None:
    features, gradient = random_tensor(2, 3, *SIZE).contiguous(), random_tensor(2, 3, *OUT).contiguous()
    for result in (
        interpreted.homography_warp(features, MATRIX, OUT, "zeros"),
        interpreted.homography_warp_gather(gradient, MATRIX, SIZE, "zeros"),
        interpreted.homography_warp_scatter(gradient, MATRIX, SIZE, "zeros"),
    ):
        assert result.is_contiguous(memory_format=torch.channels_last)
