"""Upsampling and convolution as one transposed convolution."""

import pytest
import torch
from torch.nn import functional as F

from ingan_fast.model.networks import UpBlock
from ingan_fast.model.upsampling import upsample_convolve


@pytest.mark.parametrize("size", [(1, 1), (2, 5), (7, 4)])
def test_it_equals_upsampling_padding_and_convolving(size: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = (2, 3, *size), (5, 3, 3, 3), (5,)
    inputs = [torch.randn(*shape, generator=generator, dtype=torch.float64).requires_grad_() for shape in shapes]
    features, weight, bias = inputs
    larger = F.interpolate(features, scale_factor=2.0, mode="nearest")
    plain = F.conv2d(F.pad(larger, [1] * 4, mode="reflect"), weight, bias)
    merged = upsample_convolve(features, weight, bias)
    torch.testing.assert_close(merged, plain)
    coefficients = torch.randn(plain.shape, generator=generator, dtype=torch.float64)
    gradients, expected = (torch.autograd.grad((one * coefficients).sum(), inputs) for one in (merged, plain))
    torch.testing.assert_close(gradients, expected)


def test_a_block_gives_in_float32_what_it_gives_in_float64() -> None:  # which upsamples and convolves
    torch.manual_seed(0)
    block = UpBlock(6, 4).eval()
    features = torch.randn(1, 6, 9, 11)
    with torch.no_grad():
        found, exact = block(features), block.double()(features.double())
    torch.testing.assert_close(found.double(), exact, rtol=1e-5, atol=1e-5)
