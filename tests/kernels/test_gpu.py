"""The kernels on a CUDA device, against the twin on a CPU. Skipped where there is none."""

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

from ingan_fast.kernels import grid_warp, homography_warp, ops, reference, sampling_grid

pytestmark = pytest.mark.gpu

MATRICES = torch.tensor(
    [[[1.1, 0.2, 0.05], [-0.1, 0.9, -0.03], [0.1, 0.2, 1.0]], [[-1.5, 1.0, 1.0], [0.5, 1.5, -1.0], [0.1, -0.2, 1.0]]]
)
SIZE, OUT = (67, 83), (91, 61)
PADDINGS = ["reflection", "border", "zeros"]
# Of the largest value: the features' own rounding, and for float32 that of the coordinates (fused products and sums
# alone make 7e-5 of it in the worst case) and of TensorFloat-32's three products.
TOLERANCES = {torch.float32: 3e-4, torch.float16: 2e-3, torch.bfloat16: 1e-2}


@pytest.fixture(autouse=True)
def only_the_kernels() -> None:
    """A device that falls back on the twin would pass every test."""
    assert ops._kernels(torch.zeros(1, device="cuda")) is not None


@pytest.fixture(params=["gather", "atomics"])
def backward(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(ops, "BACKWARD", request.param)
    return str(request.param)


@pytest.fixture
def deterministic() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


def make(channels: int, dtype: torch.dtype, size: tuple[int, int] = SIZE) -> Tensor:
    features = torch.rand(2, channels, *size, generator=torch.Generator().manual_seed(channels)) * 2 - 1
    return features.to(dtype).contiguous(memory_format=torch.channels_last)


def value_and_gradient(warp: Callable[[Tensor], Tensor], features: Tensor) -> tuple[Tensor, Tensor]:
    leaf = features.clone(memory_format=torch.preserve_format).requires_grad_()
    warped = warp(leaf)
    weights = torch.linspace(-1, 1, warped.numel()).view(warped.shape).to(features.device, features.dtype)
    warped.backward(weights)
    assert leaf.grad is not None
    return warped.detach(), leaf.grad


def assert_close(found: Tensor, expected: Tensor, tolerance: float) -> None:
    expected = expected.double()
    error = (found.cpu().double() - expected).abs().max().item()
    assert error <= tolerance * max(1.0, expected.abs().max().item()), error


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("channels", [3, 64, 65])
def test_values_and_gradients_are_the_twin_s(channels: int, dtype: torch.dtype, padding: str, backward: str) -> None:
    features, grid = make(channels, dtype), sampling_grid(MATRICES, OUT)
    expected = value_and_gradient(lambda x: reference.homography_warp(x, MATRICES, OUT, padding), features.float())
    for warp in (
        lambda x: homography_warp(x, MATRICES.cuda(), OUT, padding),
        lambda x: grid_warp(x, grid.cuda(), padding),
    ):
        found = value_and_gradient(warp, features.cuda())
        for each, other in zip(found, expected, strict=True):
            assert each.dtype == dtype
            assert each.is_contiguous(memory_format=torch.channels_last)
            assert_close(each, other, TOLERANCES[dtype])


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize(
    "matrix",
    [
        [[1.0, 0, 0], [0, 1, 0], [0, 0, 1]],
        [[-1.0, 0, 0], [0, 1.3, 0], [0, 0, 1]],
        [[1.0, 0, 0], [0, 1, 0], [1, 0, 0.05]],  # a horizon
        [[1.0, 1, 0], [2, 2, 0.1], [0, 0, 1]],  # singular
        [[40.0, 0, 0], [0, 40, 0], [0, 0, 1]],  # many copies
    ],
)
def test_the_gather_is_the_atomics(matrix: list[list[float]], padding: str) -> None:
    from ingan_fast.kernels import triton_warp

    gradient = make(8, torch.float32, (37, 29))[:1].cuda()
    where = torch.tensor([matrix]).cuda()
    gathered = triton_warp.homography_warp_gather(gradient, where, (41, 23), padding)
    scattered = triton_warp.homography_warp_scatter(gradient, where, (41, 23), padding)
    assert_close(gathered, scattered.cpu(), TOLERANCES[torch.float32])


def test_contiguous_features_stay_contiguous(backward: str) -> None:
    features = make(24, torch.float32).contiguous()
    expected = value_and_gradient(lambda x: reference.homography_warp(x, MATRICES, OUT, "reflection"), features)
    found = value_and_gradient(lambda x: homography_warp(x, MATRICES.cuda(), OUT), features.cuda())
    for each, other in zip(found, expected, strict=True):
        assert each.is_contiguous()
        assert_close(each, other, TOLERANCES[torch.float32])


def test_float64_goes_to_the_twin() -> None:
    features = make(3, torch.float64)
    expected = reference.homography_warp(features, MATRICES, OUT, "reflection")
    assert_close(homography_warp(features.cuda(), MATRICES.cuda(), OUT), expected, 1e-9)


@pytest.mark.usefixtures("deterministic")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_deterministic_mode_gives_the_same_bits(dtype: torch.dtype, backward: str) -> None:
    features, grid = make(64, dtype), sampling_grid(MATRICES, OUT)
    for warp in (
        lambda x: homography_warp(x, MATRICES.cuda(), OUT),
        lambda x: grid_warp(x, grid.cuda()),
    ):
        first, *others = (value_and_gradient(warp, features.cuda())[1] for _ in range(3))
        assert all(torch.equal(first, other) for other in others)
        twin = value_and_gradient(lambda x: reference.grid_warp(x, grid, "reflection"), features.float())[1]
        assert_close(first, twin, TOLERANCES.get(dtype, 1e-4))


@pytest.mark.large
@pytest.mark.parametrize(("size", "out"), [((2048, 2048), (29, 31)), ((29, 31), (2048, 2048))])
def test_the_last_image_beyond_32_bit_indices_is_as_alone(
    size: tuple[int, int], out: tuple[int, int], backward: str
) -> None:
    if torch.cuda.mem_get_info()[0] < 32 * 2**30:
        pytest.skip("needs 32 GiB")
    count, channels = 9, 64  # 2.4e9 elements
    layout = torch.channels_last
    features = torch.empty(count, channels, *size, device="cuda", dtype=torch.float16, memory_format=layout).normal_()
    gradient = torch.empty(count, channels, *out, device="cuda", dtype=torch.float16, memory_format=layout).normal_()
    matrix = MATRICES[:1].cuda().expand(count, 3, 3)
    last = slice(count - 1, count)
    whole = homography_warp(features, matrix, out)[last].clone()
    assert torch.equal(whole, homography_warp(features[last], matrix[last], out))
    del features
    back = ops.homography_warp_backward_op(gradient, matrix, *size, "reflection", True)[last].clone()
    alone = ops.homography_warp_backward_op(gradient[last], matrix[last], *size, "reflection", True)
    assert (back.float() - alone.float()).abs().max() <= 2e-3 * alone.float().abs().max()  # there: it is large


def training_step(features: Tensor, matrix: Tensor) -> tuple[Tensor, Tensor]:
    warped = homography_warp(features * 2, matrix, OUT)
    (gradient,) = torch.autograd.grad(warped.float().square().mean(), features)
    return warped, gradient


def test_compiled_whole_it_is_the_same(backward: str) -> None:
    torch._dynamo.reset()
    features, matrix = make(64, torch.bfloat16).cuda().requires_grad_(), MATRICES.cuda()
    compiled = torch.compile(lambda x: homography_warp(x * 2, matrix, OUT).float().square().mean(), fullgraph=True)
    loss = compiled(features)
    (gradient,) = torch.autograd.grad(loss, features)
    _, expected = training_step(features, matrix)
    assert_close(gradient, expected.cpu(), 2e-2)


def test_a_cuda_graph_follows_the_matrix(backward: str) -> None:
    features, matrix = make(64, torch.bfloat16).cuda().requires_grad_(), MATRICES.cuda()
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(2):
            training_step(features, matrix)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        warped, gradient = training_step(features, matrix)
    for other in (MATRICES.flip(0), MATRICES * 0.9 + torch.eye(3) * 0.1):
        matrix.copy_(other)
        graph.replay()
        expected = training_step(features, other.cuda())
        assert torch.equal(warped, expected[0])
        assert_close(gradient, expected[1].cpu(), 2e-2)


def test_a_matrix_on_another_device_is_named() -> None:
    with pytest.raises(ValueError, match="matrix is on cpu but features is on cuda"):
        homography_warp(make(3, torch.float32).cuda(), MATRICES, OUT)


def test_autocast_leaves_the_features_dtype_alone() -> None:
    features = make(24, torch.float32).cuda()
    plain = homography_warp(features, MATRICES.cuda(), OUT)
    with torch.autocast("cuda", torch.bfloat16):
        assert torch.equal(homography_warp(features, MATRICES.cuda(), OUT), plain)
