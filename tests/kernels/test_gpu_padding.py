"""The reflected border on a CUDA device, against torch's own on a CPU. Skipped where there is none."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ingan_fast.kernels import ops, reflect_pad
from ingan_fast.model.convolutions import ReflectConv2d

pytestmark = pytest.mark.gpu

TOLERANCES = {torch.float32: 1e-6, torch.float16: 1e-3, torch.bfloat16: 8e-3}


@pytest.fixture(autouse=True)
def only_the_kernels() -> None:
    """A device that falls back on torch would pass every test."""
    assert ops._kernels(torch.zeros(1, device="cuda")) is not None


def make(*shape: int, dtype: torch.dtype = torch.bfloat16, seed: int = 0) -> Tensor:
    values = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    return values.to(dtype).contiguous(memory_format=torch.channels_last)


def both_ways(features: Tensor, gradient: Tensor, border: int) -> tuple[Tensor, Tensor]:
    leaf = features.detach().requires_grad_()
    padded = reflect_pad(leaf, border)
    return padded.detach(), torch.autograd.grad(padded, leaf, gradient)[0]


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("channels", [3, 64, 65])  # narrow, wide loads, neither: each is compiled for itself
@pytest.mark.parametrize(("height", "width", "border"), [(67, 83, 1), (67, 83, 3), (4, 5, 3), (2, 2, 1)])
def test_values_and_gradients_are_those_of_torch_s_padding(
    height: int, width: int, border: int, channels: int, dtype: torch.dtype
) -> None:
    features = make(2, channels, height, width, dtype=dtype)
    gradient = make(2, channels, height + 2 * border, width + 2 * border, dtype=dtype, seed=1)
    padded, back = both_ways(features.cuda(), gradient.cuda(), border)
    leaf = features.double().requires_grad_()
    values = F.pad(leaf, [border] * 4, mode="reflect")
    (wanted,) = torch.autograd.grad(values, leaf, gradient.double())
    assert padded.dtype == back.dtype == dtype
    assert torch.equal(padded.cpu().double(), values)
    assert torch.allclose(back.cpu().double(), wanted, rtol=TOLERANCES[dtype], atol=TOLERANCES[dtype])
    for made in (padded, back):
        assert made.is_contiguous(memory_format=torch.channels_last)
    again = both_ways(features.cuda(), gradient.cuda(), border)[1]
    assert torch.equal(back, again)


def test_a_border_as_long_as_a_side_is_refused() -> None:
    with pytest.raises(RuntimeError, match=r"[Pp]adding size should be less"):
        reflect_pad(make(1, 8, 3, 9).cuda(), 3)


def test_a_convolution_s_kernels_never_see_contiguous_maps() -> None:
    """No transposition on the way: the profile names none of torch's paddings."""
    conv = ReflectConv2d(64, 64, 3, padding=1).cuda().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    features = make(1, 64, 40, 40, dtype=torch.float32).cuda().requires_grad_()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        conv(features).square().sum().backward()
    names = [event.key for event in profile.key_averages()]
    assert any("pad_forward" in name for name in names)
    assert any("pad_backward" in name for name in names)
    assert not any("reflection_pad" in name for name in names)


def test_a_cuda_graph_repeats_it() -> None:
    conv = ReflectConv2d(24, 8, 7, padding=3).cuda().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    features = make(1, 24, 33, 41, dtype=torch.float32).cuda().requires_grad_()

    def step() -> Tensor:
        return torch.autograd.grad(conv(features).square().mean(), features)[0]

    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = step()
    with torch.no_grad():
        features.copy_(make(1, 24, 33, 41, dtype=torch.float32, seed=5))
    graph.replay()
    assert torch.allclose(result, step(), rtol=1e-3, atol=1e-6)


def test_compiled_whole_it_is_the_same() -> None:
    torch._dynamo.reset()
    features = make(1, 24, 33, 41).cuda().requires_grad_()
    compiled = torch.compile(lambda x: reflect_pad(x * 2, 3).float().square().mean(), fullgraph=True)
    (found,) = torch.autograd.grad(compiled(features), features)
    (wanted,) = torch.autograd.grad(reflect_pad(features * 2, 3).float().square().mean(), features)
    assert torch.allclose(found, wanted, rtol=2e-2, atol=1e-6)


@pytest.mark.large
def test_the_last_image_beyond_32_bit_indices_is_as_alone() -> None:
    if torch.cuda.mem_get_info()[0] < 32 * 2**30:
        pytest.skip("needs 32 GiB")
    layout = torch.channels_last
    features = torch.empty(9, 64, 2048, 2048, device="cuda", dtype=torch.float16, memory_format=layout).normal_()
    padded = reflect_pad(features, 1)
    assert torch.equal(padded[8:], reflect_pad(features[8:], 1))
    del features
    back = ops._kernels(padded).reflect_pad_gather(padded, 1)  # type: ignore[union-attr]
    assert torch.equal(back[8:], ops._kernels(padded).reflect_pad_gather(padded[8:].clone(), 1))  # type: ignore[union-attr]
