"""What follows a convolution on a CUDA device, against plain torch on a CPU. Skipped where there is none."""

from typing import Any

import pytest
import torch
from torch import Tensor

from ingan_fast.kernels import epilogue, has_kernels, sum_columns

pytestmark = pytest.mark.gpu

TOLERANCES = {torch.float32: 1e-6, torch.float16: 1e-3, torch.bfloat16: 8e-3}


@pytest.fixture(autouse=True)
def only_the_kernels() -> None:
    """A device that falls back on torch would pass every test."""
    assert has_kernels(torch.zeros(1, device="cuda"))


def make(*shape: int, dtype: torch.dtype, seed: int = 0) -> Tensor:
    values = torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(dtype)
    return values.contiguous(memory_format=torch.channels_last) if values.ndim == 4 else values


def on_cuda(arguments: dict[str, Any]) -> dict[str, Any]:
    return {name: value.cuda() if isinstance(value, Tensor) else value for name, value in arguments.items()}


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("channels", [3, 24, 64, 65, 128])
@pytest.mark.parametrize(
    ("resize", "times", "shape"), [("none", 1, (62, 84)), ("pool", 1, (125, 169)), ("shuffle", 4, (32, 43))]
)
def test_values_are_those_of_a_cpu(
    resize: str, times: int, shape: tuple[int, int], channels: int, dtype: torch.dtype
) -> None:
    """All results have 62 x 84 px, and their borders."""
    raw, bias = make(2, times * channels, *shape, dtype=dtype), make(channels, dtype=dtype, seed=1)
    added = make(2, channels, 64, 86, dtype=dtype, seed=2)
    for options in (
        {"border": 3, "added": added},
        {"border": 1, "edges": "replicate"},
        {"added": added[..., 1:-1, 1:-1]},
        {},
    ):
        arguments: dict[str, Any] = {"raw": raw, "bias": bias, "slope": 0.2, "resize": resize, **options}
        found, expected = epilogue(**on_cuda(arguments)), epilogue(**arguments)
        tolerance = TOLERANCES[dtype]
        torch.testing.assert_close(found.cpu(), expected, rtol=tolerance, atol=tolerance)
        assert found.is_contiguous(memory_format=torch.channels_last)
        assert torch.equal(epilogue(**on_cuda(arguments)), found)


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("tanh", [False, True])
@pytest.mark.parametrize(("kernel", "channels"), [(7, 24), (3, 16)])
def test_sums_of_columns_are_those_of_a_cpu(kernel: int, channels: int, tanh: bool, dtype: torch.dtype) -> None:
    raw, bias = make(2, channels, 67, 91, dtype=dtype), make(3, dtype=dtype, seed=1)
    size = 65, 84
    found = sum_columns(raw.cuda(), bias.cuda(), kernel, size, tanh)
    torch.testing.assert_close(found.cpu(), sum_columns(raw, bias, kernel, size, tanh), rtol=0, atol=1e-5)


@pytest.mark.large
def test_the_last_image_beyond_32_bit_indices_is_as_alone() -> None:
    if torch.cuda.mem_get_info()[0] < 32 * 2**30:
        pytest.skip("needs 32 GiB")
    layout = torch.channels_last
    raw = torch.empty(9, 64, 2048, 2048, device="cuda", dtype=torch.float16, memory_format=layout).normal_()
    bias = torch.randn(64, device="cuda", dtype=torch.float16)
    assert torch.equal(epilogue(raw, bias, 0.2, border=1)[8:], epilogue(raw[8:], bias, 0.2, border=1))
    assert torch.equal(epilogue(raw, bias, 0.2, resize="pool")[8:], epilogue(raw[8:], bias, 0.2, resize="pool"))
