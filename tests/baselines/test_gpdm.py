"""The gradient of the sliced Wasserstein distance."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ingan_fast.baselines.gpdm import _gradient, _slope


def wasserstein(values: np.ndarray, reference: np.ndarray) -> float:
    """By sorting, for sets of one size."""
    return float(np.abs(np.sort(values) - np.sort(reference)).mean())


def test_values_move_towards_the_reference() -> None:
    reference = np.linspace(0, 1, 50, dtype=np.float32)
    np.testing.assert_array_equal(_slope(reference + 3, reference), 1)
    np.testing.assert_array_equal(_slope(reference - 3, reference), -1)
    np.testing.assert_array_equal(_slope(reference, reference), 0)


def test_the_slope_is_that_of_the_sorted_distance() -> None:
    rng = np.random.default_rng(0)
    values, reference = rng.normal(0, 1, 200).astype(np.float32), rng.normal(0.5, 2, 200).astype(np.float32)
    slope = _slope(values, reference)
    before = wasserstein(values, reference)
    measured = [(wasserstein(values + 1e-4 * one, reference) - before) / 1e-4 * 200 for one in np.eye(200)]
    assert (np.abs(slope - measured) < 0.05).mean() > 0.97  # but where two values share a bin


def test_sets_of_other_sizes_are_compared_by_their_distributions() -> None:
    values = np.repeat(np.linspace(0, 1, 40, dtype=np.float32), 3)
    np.testing.assert_array_equal(_slope(values, values[::3]), 0)
    assert _slope(values, values[::3] + 0.1).sum() < -100


def test_a_step_against_the_gradient_brings_projections_nearer() -> None:
    generator = torch.Generator().manual_seed(0)
    output, given = torch.rand(3, 20, 24, generator=generator), torch.rand(3, 20, 24, generator=generator) ** 2
    weights = torch.randn(8, 3, 7, 7, generator=generator)
    weights /= weights.flatten(1).norm(dim=1)[:, None, None, None]

    def distance(image: torch.Tensor) -> float:
        projected = [F.conv2d(picture[None], weights)[0].flatten(1).sort()[0] for picture in (image, given)]
        return float((projected[0] - projected[1]).abs().sum())

    gradient = _gradient(output, given, weights)
    assert gradient.shape == output.shape
    step = 1e-4
    change = distance(output - step * gradient) - distance(output)
    assert change == pytest.approx(-step * float(gradient.square().sum()), rel=0.1)
