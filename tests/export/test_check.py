"""An exported file is kept only where its results are numbers, and close to the generator's."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from ingan_fast.errors import UserError
from ingan_fast.export import check as checking
from ingan_fast.runtime.backends.tensorrt import ALLOWED

SHAPE = (1, 3, 8, 8)
Result = Callable[[np.ndarray], np.ndarray]


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> Callable[..., checking.Check]:
    """Checks a file whose results are made by a function of the expected ones, 0 everywhere."""

    def checked(result: Result, precision: str = "fp32", fixed: bool = False, rounding: float = 0.0) -> checking.Check:
        def generated() -> torch.Tensor:
            return torch.full(SHAPE, rounding if torch.is_autocast_enabled("cpu") else 0.0)

        case = ("a size", {"image": torch.zeros(SHAPE)}, generated)
        monkeypatch.setattr(checking, "_cases", lambda *_: iter([case]))
        monkeypatch.setattr(checking, "_open", lambda *_: ("a runtime", lambda inputs: result(inputs["image"].copy())))
        exported: Any = SimpleNamespace(fixed=fixed)
        trained: Any = None
        return checking.check(Path("model.onnx"), exported, trained, precision, torch.device("cpu"))

    return checked


def all_off_by(levels: float, unit: float) -> Result:
    return lambda expected: expected + np.float32(levels / unit)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_single_value_that_is_no_number_is_refused(check: Callable[..., checking.Check], value: float) -> None:
    def result(expected: np.ndarray) -> np.ndarray:
        expected[0, 1, 2, 3] = value
        return expected

    with pytest.raises(UserError, match="inf grey levels off"):
        check(result)


@pytest.mark.parametrize(("fixed", "unit"), [(False, 127.5), (True, 255)])
@pytest.mark.parametrize("precision", ALLOWED)
def test_the_limit_is_in_grey_levels_and_the_precisions(
    check: Callable[..., checking.Check], precision: str, fixed: bool, unit: float
) -> None:
    close = check(all_off_by(0.9 * ALLOWED[precision], unit), precision, fixed)
    assert close.error == pytest.approx(0.9 * ALLOWED[precision], rel=1e-3)
    with pytest.raises(UserError, match="no file was kept"):
        check(all_off_by(1.1 * ALLOWED[precision], unit), precision, fixed)


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_a_reduced_precision_may_be_off_by_what_rounding_does_to_the_generator(
    check: Callable[..., checking.Check], precision: str
) -> None:
    rounding, limit = 3 / 127.5, 3 * checking.ROUNDING
    assert check(all_off_by(0.9 * limit, 127.5), precision, rounding=rounding).mean == pytest.approx(0.9 * limit)
    with pytest.raises(UserError, match="no file was kept"):
        check(all_off_by(1.1 * limit, 127.5), precision, rounding=rounding)
    with pytest.raises(UserError, match="no file was kept"):
        check(all_off_by(0.9 * limit, 127.5), "fp32", rounding=rounding)
    with pytest.raises(UserError, match="inf grey levels off"):
        check(lambda expected: expected + np.float32(np.nan), precision, rounding=rounding)


def test_the_part_that_is_compared_has_content() -> None:
    source = torch.ones(1, 3, 300, 400)
    source[..., 200:, 300:] = -1
    torch.testing.assert_close(checking._part(source), source[..., -checking.SIDE :, -checking.SIDE :])
    small = torch.rand(1, 3, 20, 30)
    assert checking._part(small).shape == small.shape


def test_the_limits_are_small() -> None:
    assert ALLOWED["fp32"] <= 1
    assert max(ALLOWED.values()) <= 16
