"""The plain-torch warp against explicit loops in float64."""

import math

import numpy as np
import pytest
import torch

from ingan_fast.geometry import Transform
from ingan_fast.kernels import grid_warp, homography_warp, reference, sampling_grid

MATRICES = torch.tensor(
    [
        [[1.1, 0.2, 0.05], [-0.1, 0.9, -0.03], [0.1, 0.2, 1.0]],
        [[7.0, 1.0, 3.0], [2.0, -9.0, 1.0], [0.3, -0.2, 1.0]],  # far outside, many reflections
    ],
    dtype=torch.float64,
)
SIZE = (9, 11)
# [C, memory format]: both ways that a CPU goes.
ROUTES = [(24, torch.channels_last), (24, torch.contiguous_format), (3, torch.channels_last)]


def fold(i, n, padding):
    """The index that pixel i of an endless mirrored, clamped or empty plane shows; None where it is empty."""
    if 0 <= i < n:
        return i
    if padding == "zeros":
        return None
    if padding == "border":
        return min(max(i, 0), n - 1)
    i %= 2 * n
    return i if i < n else 2 * n - 1 - i


def slow_warp(features, matrix, size, padding):
    """Bilinear sampling of the extended plane, one pixel at a time."""
    count, channels, height, width = features.shape
    result = np.zeros((count, channels, *size))
    for n in range(count):
        for row in range(size[0]):
            for column in range(size[1]):
                point = [(2 * column + 1) / size[1] - 1, (2 * row + 1) / size[0] - 1, 1.0]
                u, v, w = matrix[n] @ point
                x, y = (u / w + 1) / 2 * width - 0.5, (v / w + 1) / 2 * height - 0.5
                for j in (math.floor(y), math.floor(y) + 1):
                    for i in (math.floor(x), math.floor(x) + 1):
                        fi, fj = fold(i, width, padding), fold(j, height, padding)
                        if fi is not None and fj is not None:
                            weight = (1 - abs(x - i)) * (1 - abs(y - j))
                            result[n, :, row, column] += weight * features[n, :, fj, fi]
    return result


def make(channels, layout, dtype=torch.float64, shape=(7, 5)):
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(2, channels, *shape, generator=generator, dtype=torch.float64)
    return features.to(dtype).contiguous(memory_format=layout)


@pytest.mark.parametrize("padding", ["reflection", "border", "zeros"])
@pytest.mark.parametrize(("channels", "layout"), ROUTES)
def test_the_warp_is_the_explicit_loop(channels, layout, padding):
    features = make(channels, layout)
    expected = slow_warp(features.numpy(), MATRICES.numpy(), SIZE, padding)
    found = homography_warp(features, MATRICES, SIZE, padding)
    assert np.abs(found.numpy() - expected).max() < 1e-11


@pytest.mark.parametrize("padding", ["reflection", "border", "zeros"])
def test_rows_and_grid_sample_agree_in_value_and_gradient(padding):
    gradients = []
    for layout in (torch.channels_last, torch.contiguous_format):
        features = make(24, layout, torch.float32, (13, 17)).requires_grad_()
        warped = homography_warp(features, MATRICES.float(), (21, 19), padding)
        (warped * torch.linspace(-1, 1, warped.numel()).view(warped.shape)).sum().backward()
        gradients.append((warped.detach(), features.grad))
    for rows, plain in zip(*gradients, strict=True):
        assert torch.allclose(rows, plain, atol=1e-3)


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (6, 1)])
@pytest.mark.parametrize("padding", ["reflection", "border", "zeros"])
def test_sources_of_a_single_row_or_column_work(shape, padding):
    # channels_last by its strides, which is_contiguous alone can't tell at such shapes
    features = make(24, torch.channels_last, shape=shape)
    expected = slow_warp(features.numpy(), MATRICES.numpy(), (3, 4), padding)
    assert np.abs(homography_warp(features, MATRICES, (3, 4), padding).numpy() - expected).max() < 1e-11


@pytest.mark.parametrize("padding", ["reflection", "border", "zeros"])
@pytest.mark.parametrize(("channels", "layout"), [(24, torch.channels_last), (2, torch.contiguous_format)])
def test_the_gradient_is_the_derivative(monkeypatch, channels, layout, padding):
    monkeypatch.setattr(reference, "MIN_ROW", 24 if layout is torch.contiguous_format else 1)
    features = make(2, layout, shape=(4, 3)).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: homography_warp(x, MATRICES, (3, 4), padding), features)


@pytest.mark.parametrize(("channels", "layout"), ROUTES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.bfloat16, 2e-2), (torch.float16, 2e-3)])
def test_half_precision_features_lose_no_more_than_their_own_rounding(channels, layout, dtype, tolerance):
    features = make(channels, layout, dtype, (32, 40)).requires_grad_()
    exact = features.detach().float().requires_grad_()
    found, expected = (homography_warp(x, MATRICES.float(), (48, 31)) for x in (features, exact))
    assert found.dtype == dtype
    assert torch.allclose(found.float(), expected, atol=tolerance, rtol=tolerance)
    found.float().square().sum().backward()
    expected.square().sum().backward()
    scale = exact.grad.abs().max()
    assert (features.grad.float() - exact.grad).abs().max() < tolerance * scale


@pytest.mark.parametrize(("channels", "layout"), ROUTES)
def test_the_memory_format_is_kept(channels, layout):
    features = make(channels, layout, torch.float32, (8, 8)).requires_grad_()
    warped = homography_warp(features, MATRICES.float(), (10, 12))
    assert warped.is_contiguous(memory_format=layout)
    assert warped.shape == (2, channels, 10, 12)


@pytest.mark.parametrize(("channels", "layout"), ROUTES)
def test_autocast_leaves_the_coordinates_alone(channels, layout):
    features = make(channels, layout, torch.float32, (32, 32))
    plain = homography_warp(features, MATRICES.float(), (64, 64))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(homography_warp(features, MATRICES.float(), (64, 64)), plain)


def test_a_transform_s_grid_and_its_sampling_matrix_warp_alike():
    transform = Transform.from_corners([(3, 2), (40, -4), (44, 30), (-2, 33)], (41, 33))
    matrix = torch.from_numpy(transform.sampling_matrix())[None]
    grid = torch.from_numpy(transform.grid())[None]
    assert torch.allclose(sampling_grid(matrix, (33, 41)), grid, atol=2e-6)
    features = make(24, torch.channels_last, torch.float32, (16, 16))[:1]
    warped = homography_warp(features, matrix, (33, 41))
    assert torch.allclose(warped, grid_warp(features, grid), atol=1e-4)


@pytest.mark.parametrize(("w", "sign"), [(1e-9, 1), (0.0, 1), (-0.0, -1), (-1e-9, -1)])
def test_beside_a_horizon_points_stay_on_their_side(w, sign):
    zero = math.copysign(0.0, w)
    matrix = torch.tensor([[[1.0, 0, 0], [0, 1, 0], [zero, zero, w]]])
    x, y = reference.project(matrix, torch.tensor([[0.5]]), torch.tensor([[0.25]]))
    assert x.item() == pytest.approx(sign * 0.5 / reference.MIN_W, rel=1e-4)
    assert y.item() == pytest.approx(sign * 0.25 / reference.MIN_W, rel=1e-4)


@pytest.mark.parametrize(("channels", "layout"), ROUTES)
def test_a_matrix_with_a_horizon_or_without_numbers_still_gives_finite_pixels(channels, layout):
    features = make(channels, layout, torch.float32)
    horizon = torch.tensor([[1.0, 0, 0], [0, 1, 0], [1, 0, 0]])  # w is 0 at the middle column
    rubbish = torch.full((3, 3), math.nan)
    assert homography_warp(features, torch.stack([horizon, rubbish]), (5, 5)).isfinite().all()
    grid = torch.tensor([math.nan, math.inf, -math.inf, 1e38]).repeat(2, 3, 1, 1).mT.expand(2, 3, 4, 2)
    assert grid_warp(features, grid.reshape(2, 3, 4, 2)).isfinite().all()


def test_an_exported_graph_holds_one_grid_sample():
    class Warp(torch.nn.Module):
        def forward(self, features, grid):
            return grid_warp(features, grid)

    features, grid = make(24, torch.contiguous_format, torch.float32), torch.rand(2, 9, 8, 2)
    sides = {name: torch.export.Dim.DYNAMIC for name in (2, 3)}
    program = torch.export.export(Warp(), (features, grid), dynamic_shapes=(sides, {1: sides[2], 2: sides[3]}))
    targets = [str(node.target) for node in program.graph.nodes if node.op == "call_function"]
    assert sum("grid_sampler" in target for target in targets) == 1
    bigger = torch.randn(2, 24, 20, 30), torch.rand(2, 31, 17, 2)
    assert torch.allclose(program.module()(*bigger), grid_warp(*bigger))


def features_and_matrix():
    return torch.zeros(2, 3, 8, 8), torch.eye(3).expand(2, 3, 3)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"features": np.zeros((2, 3, 8, 8))}, TypeError, "features is a ndarray"),
        (
            {"features": torch.zeros(2, 3, 8, 8, dtype=torch.int32)},
            TypeError,
            r"features has dtype torch\.int32",
        ),
        ({"features": torch.zeros(3, 8, 8)}, ValueError, "features has shape"),
        ({"features": torch.zeros(2, 3, 0, 8)}, ValueError, "features has shape"),
        ({"matrix": [[1]]}, TypeError, "matrix is a list"),
        ({"matrix": torch.ones(2, 3, 3, dtype=torch.int64)}, TypeError, "matrix has dtype"),
        ({"matrix": torch.eye(3)}, ValueError, "matrix has shape"),
        ({"matrix": torch.eye(3).expand(1, 3, 3)}, ValueError, "matrix has shape"),
        ({"matrix": torch.eye(3, device="meta").expand(2, 3, 3)}, ValueError, "matrix is on meta"),
        ({"size": (0, 8)}, ValueError, "size is"),
        ({"size": (8,)}, ValueError, "size is"),
        ({"padding": "mirror"}, ValueError, "padding is 'mirror'; allowed are reflection, border, zeros"),
    ],
)
def test_bad_arguments_of_the_homography_warp_are_named(change, error, message):
    features, matrix = features_and_matrix()
    with pytest.raises(error, match=message):
        homography_warp(**{"features": features, "matrix": matrix, "size": (8, 8), **change})


@pytest.mark.parametrize(
    ("grid", "error"),
    [
        (None, TypeError),
        (torch.zeros(2, 4, 4, 2, dtype=torch.int32), TypeError),
        (torch.zeros(1, 4, 4, 2), ValueError),
        (torch.zeros(2, 4, 4, 3), ValueError),
        (torch.zeros(2, 4, 0, 2), ValueError),
        (torch.zeros(2, 4, 2), ValueError),
        (torch.zeros(2, 4, 4, 2, device="meta"), ValueError),
    ],
)
def test_bad_grids_are_named(grid, error):
    with pytest.raises(error, match="grid"):
        grid_warp(features_and_matrix()[0], grid)
