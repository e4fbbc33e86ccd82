"""The reflected border is timed beside torch's, and only where it is right."""

import pytest
import torch
from torch import Tensor

from ingan_fast.bench import pad
from ingan_fast.bench.pad import OURS, TORCH, PadCase, measure_pad

CPU = torch.device("cpu")
SMALL = [PadCase(8, 9, 12, 3), PadCase(3, 5, 6, 1)]


def test_each_case_has_a_row_of_each_way() -> None:
    rows = measure_pad(CPU, SMALL, repeat=2)
    assert [(row["case"], row["name"]) for row in rows] == [
        ("[1, 8, 9, 12], 3 px", OURS),
        ("[1, 8, 9, 12], 3 px", TORCH),
        ("[1, 3, 5, 6], 1 px", OURS),
        ("[1, 3, 5, 6], 1 px", TORCH),
    ]
    for row, case in zip(rows[::2], SMALL, strict=True):
        padded = (case.height + 2 * case.border) * (case.width + 2 * case.border)
        moved = 2 * case.channels * (case.height * case.width + padded) * 2  # bfloat16, forward and backward
        assert row["bytes_per_second"] == pytest.approx(moved / (row["milliseconds"]["median"] / 1e3))


class Doubled(torch.autograd.Function):
    """Right values, a wrong gradient."""

    @staticmethod
    def forward(ctx: object, features: Tensor) -> Tensor:
        return features.view_as(features)

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        return gradient * 2


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda x, border: pad._torch_pad(x * 1.1, border), "the padded map differs"),
        (lambda x, border: pad._torch_pad(Doubled.apply(x), border), "the gradient is off by"),
    ],
)
def test_what_is_wrong_is_not_timed(wrong: object, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(pad.WAYS, OURS, wrong)  # type: ignore[arg-type]
    ours, theirs = measure_pad(CPU, SMALL[:1], torch.float32, repeat=2)
    assert message in ours["error"]
    assert "milliseconds" not in ours
    assert theirs["name"] == TORCH
    assert theirs["milliseconds"]["median"] > 0
