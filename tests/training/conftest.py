"""Shared by the tests of training."""

import pytest


@pytest.fixture(autouse=True)
def _quick(quick_calibration: None) -> None:
    """All trainings of these tests are calibrated quickly."""
