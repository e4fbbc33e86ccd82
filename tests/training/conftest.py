"""Shared by the tests of training."""

import pytest

from trainings import calibrate_quickly


@pytest.fixture(autouse=True)
def quick_calibration(monkeypatch: pytest.MonkeyPatch) -> None:
    calibrate_quickly(monkeypatch)
