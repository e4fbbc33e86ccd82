"""The reflected border: its kernels in Triton's interpreter, and the operator of torch. All of it on a CPU."""

import sys
from types import ModuleType
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.library import opcheck

from ingan_fast.kernels import ops, padding, reflect_pad
from ingan_fast.kernels.padding import reflect_pad_backward_op, reflect_pad_op
from ingan_fast.model.convolutions import ReflectConv2d

DTYPES = [torch.float32, torch.float16, torch.bfloat16]
# Height, width and border; tiles are 4 to 16 px, so some are inside, some at a border, some at two of them.
SIZES = [(9, 11, 1), (37, 20, 3), (20, 41, 1), (2, 2, 1), (4, 5, 3), (8, 7, 6), (2, 33, 1)]


def make(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    values = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    return values.to(dtype).contiguous(memory_format=torch.channels_last)


def expected(features: Tensor, gradient: Tensor, border: int) -> tuple[Tensor, Tensor]:
    """Torch's own padding, and its gradient summed in float64."""
    leaf = features.double().requires_grad_()
    padded = F.pad(leaf, [border] * 4, mode="reflect")
    return padded.detach(), torch.autograd.grad(padded, leaf, gradient.double())[0]


@pytest.mark.usefixtures("poisoned")
@pytest.mark.parametrize(("height", "width", "border"), SIZES)
def test_values_and_gradients_are_those_of_torch_s_padding(
    interpreted: ModuleType, height: int, width: int, border: int
) -> None:
    features = make(2, 3, height, width)
    gradient = make(2, 3, height + 2 * border, width + 2 * border, seed=1)
    values, back = expected(features, gradient, border)
    padded, result = interpreted.reflect_pad(features, border), interpreted.reflect_pad_gather(gradient, border)
    assert torch.equal(padded.double(), values)
    assert torch.allclose(result.double(), back, atol=1e-5)
    for made in (padded, result):
        assert made.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.usefixtures("poisoned")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 3, 64, 65])
def test_any_channels_and_dtypes(interpreted: ModuleType, channels: int, dtype: torch.dtype) -> None:
    features, gradient = make(1, channels, 9, 5, dtype=dtype), make(1, channels, 15, 11, dtype=dtype, seed=1)
    values, back = expected(features, gradient, 3)
    padded, result = interpreted.reflect_pad(features, 3), interpreted.reflect_pad_gather(gradient, 3)
    assert padded.dtype == result.dtype == dtype
    assert torch.equal(padded.double(), values)
    # Sums are float32 and rounded once, which the interpreter does by truncation.
    tolerance = {torch.float32: 1e-6, torch.float16: 1e-3, torch.bfloat16: 8e-3}[dtype]
    assert torch.allclose(result.double(), back, rtol=tolerance, atol=1e-6)


@pytest.mark.usefixtures("poisoned")
def test_64_bit_indices_and_other_strides_change_nothing(
    interpreted: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    features, gradient = make(2, 8, 9, 12), make(2, 8, 11, 14, seed=1)
    wanted = interpreted.reflect_pad(features, 1), interpreted.reflect_pad_gather(gradient, 1)
    assert torch.equal(interpreted.reflect_pad(features.contiguous(), 1), wanted[0])
    assert torch.equal(interpreted.reflect_pad_gather(gradient.mT.contiguous().mT, 1), wanted[1])
    monkeypatch.setattr(interpreted, "INDEX_LIMIT", 1)
    assert interpreted.pad_constants(8, interpreted.is_wide(features))["WIDE"]
    assert torch.equal(interpreted.reflect_pad(features, 1), wanted[0])
    assert torch.equal(interpreted.reflect_pad_gather(gradient, 1), wanted[1])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_the_operators_are_registered_as_torch_wants_them(layout: torch.memory_format, dtype: torch.dtype) -> None:
    features = make(2, 3, 7, 5, dtype=dtype).contiguous(memory_format=layout)
    opcheck(reflect_pad_op, (features.requires_grad_(), 3))
    opcheck(reflect_pad_backward_op, (features.detach(), 1))


@pytest.mark.parametrize("border", [1, 3])
def test_the_operator_s_gradient_is_the_derivative(border: int) -> None:
    features = make(1, 2, 5, 4).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: reflect_pad_op(x, border), features)


class OnCuda:
    """A tensor's shape and dtype as of one on a GPU, for what decides where it is padded."""

    is_cuda = True

    def __init__(self, features: Tensor):
        self.features = features

    def __getattr__(self, name: str) -> Any:
        return getattr(self.features, name)


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Borders that the operator is asked for, which then is torch's own padding."""
    borders: list[int] = []

    def operator(features: OnCuda, border: int) -> Tensor:
        borders.append(border)
        return F.pad(features.features, [border] * 4, mode="reflect")

    monkeypatch.setattr(padding, "reflect_pad_op", operator)
    return borders


def test_a_convolution_on_cuda_pads_by_the_operator(taken: list[int]) -> None:
    conv, features = ReflectConv2d(3, 4, 7, padding=3), make(1, 3, 9, 10)
    result = conv.convolve(OnCuda(features), conv.weight, conv.bias)  # type: ignore[arg-type]
    assert taken == [3]
    assert torch.equal(result, conv(features))  # which the CPU pads as torch does
    assert taken == [3]
    assert ReflectConv2d(3, 4, 1).convolve(features, conv.weight[..., :1, :1], None).shape == (1, 4, 9, 10)


def test_contiguous_maps_are_padded_as_torch_does(taken: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(padding, "_plain", lambda features, border: "plain")
    device = torch.device("cpu")
    contiguous = OnCuda(make(1, 3, 9, 10).contiguous())
    monkeypatch.setattr(contiguous, "device", device, raising=False)
    assert reflect_pad(contiguous, 1) == "plain"  # type: ignore[arg-type, comparison-overlap]
    assert taken == []


class Launches:
    """What stands in for the kernels."""

    DTYPES = tuple(DTYPES)

    def __init__(self) -> None:
        self.borders: list[int] = []

    def reflect_pad(self, features: Tensor, border: int) -> Tensor:
        self.borders.append(border)
        return padding._plain(features, border)


def test_a_border_as_long_as_a_side_is_never_launched(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel would read outside the map."""
    launches = Launches()
    monkeypatch.setattr(ops, "_kernels", lambda tensor: launches)
    on_cuda = padding.pad_on_cuda
    assert on_cuda(make(1, 3, 4, 9), 3).shape == (1, 3, 10, 15)
    with pytest.raises(RuntimeError, match=r"[Pp]adding size should be less"):
        on_cuda(make(1, 3, 3, 9), 3)
    assert launches.borders == [3]


def test_without_triton_a_gpu_pads_as_torch_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setitem(sys.modules, "triton.runtime", None)  # an import of it raises ImportError
    ops._load_kernels.cache_clear()
    features, gradient = make(1, 3, 8, 9), make(1, 3, 10, 11, seed=1)
    try:
        padded, back = padding.pad_on_cuda(features, 1), padding.gather_on_cuda(gradient, 1)
    finally:
        ops._load_kernels.cache_clear()
    values, wanted = expected(features, gradient, 1)
    assert torch.equal(padded.double(), values)
    assert torch.allclose(back.double(), wanted, atol=1e-5)
    for made in (padded, back):
        assert made.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("strict", [True, False])
def test_exporters_see_torch_s_own_padding(strict: bool) -> None:
    program = torch.export.export(ReflectConv2d(3, 4, 3, padding=1), (make(1, 3, 8, 9),), strict=strict)
    code = program.graph_module.code
    assert "pad" in code
    assert "ingan_fast" not in code


def test_a_compiled_padding_of_a_cpu_is_torch_s_own() -> None:
    torch._dynamo.reset()
    conv, features = ReflectConv2d(3, 4, 3, padding=1), make(1, 3, 8, 9)
    graphs: list[torch.fx.GraphModule] = []

    def backend(graph: torch.fx.GraphModule, inputs: list[Tensor]) -> Any:
        graphs.append(graph)
        return graph.forward

    found = torch.compile(conv, backend=backend, fullgraph=True)(features)
    assert torch.equal(found, conv(features))
    assert not any("ingan_fast" in str(node.target) for graph in graphs for node in graph.graph.nodes)


def test_autocast_leaves_the_dtype_alone() -> None:
    features = make(1, 3, 8, 9, dtype=torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        assert reflect_pad(features, 1).dtype == torch.bfloat16
