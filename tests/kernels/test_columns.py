"""A convolution to a few channels by columns: the kernel in Triton's interpreter and plain torch, against NumPy."""

from types import ModuleType

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ingan_fast.kernels import by_columns, sum_columns

DTYPES = [torch.float32, torch.float16, torch.bfloat16]


def make(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    values = torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(dtype)
    return values.contiguous(memory_format=torch.channels_last) if values.ndim == 4 else values


@pytest.mark.usefixtures("poisoned")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("tanh", [False, True])
@pytest.mark.parametrize(("kernel", "outputs"), [(7, 3), (3, 3), (3, 1), (1, 5)])
def test_sums_are_those_of_numpy(
    interpreted: ModuleType, kernel: int, outputs: int, tanh: bool, dtype: torch.dtype
) -> None:
    channels, size = -(-kernel * outputs // 8) * 8, (11, 29)
    raw, bias = make(2, channels, 13, 32 + kernel, dtype=dtype), make(outputs, dtype=dtype, seed=1)
    values = raw.double().numpy()
    parts = [values[:, j * outputs :][:, :outputs, :11, j : j + 29] for j in range(kernel)]
    expected = sum(parts) + bias.double().numpy()[:, None, None]
    for found in (interpreted.sum_columns(raw, bias, kernel, size, tanh), sum_columns(raw, bias, kernel, size, tanh)):
        assert found.dtype == torch.float32
        assert found.is_contiguous(memory_format=torch.channels_last)
        np.testing.assert_allclose(found, np.tanh(expected) if tanh else expected, rtol=0, atol=3e-6)


@pytest.mark.usefixtures("poisoned")
def test_64_bit_indices_and_other_strides_change_nothing(
    interpreted: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw, bias = make(2, 24, 12, 36), make(3, seed=1)
    before = interpreted.sum_columns(raw, bias, 7, (12, 30), True)
    assert torch.equal(interpreted.sum_columns(raw.contiguous(), bias, 7, (12, 30), True), before)
    monkeypatch.setattr(interpreted, "INDEX_LIMIT", 1)
    assert torch.equal(interpreted.sum_columns(raw, bias, 7, (12, 30), True), before)


@pytest.mark.parametrize("kernel", [3, 7])
def test_both_steps_are_the_convolution(kernel: int) -> None:
    padded, weight, bias = make(2, 5, 20, 24), make(3, 5, kernel, kernel, seed=1), make(3, seed=2)
    expected = F.conv2d(padded, weight, bias)
    columns = by_columns(weight)
    assert columns.shape[0] % 8 == 0
    found = sum_columns(F.conv2d(padded, columns), bias, kernel, tuple(expected.shape[2:]))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("size", [(13, 30), (12, 31), (0, 30)])
def test_what_would_read_outside_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"raw has shape \[1, 24, 12, 36\]"):
        sum_columns(make(1, 24, 12, 36), make(3), 7, size)
    with pytest.raises(ValueError, match=r"raw has shape \[1, 20, 12, 36\]"):
        sum_columns(make(1, 20, 12, 36), make(3), 7, (12, 30))
