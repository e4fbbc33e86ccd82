"""What follows a convolution: the kernel in Triton's interpreter and plain torch, against NumPy in float64."""

from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor

from ingan_fast.kernels import epilogue, epilogues, ops

Floats = npt.NDArray[np.float64]

DTYPES = [torch.float32, torch.float16, torch.bfloat16]
ROUNDING = {torch.float32: 1e-6, torch.float16: 1e-3, torch.bfloat16: 8e-3}  # the interpreter truncates
SLOPE = 0.2
RESIZES = ["none", "pool", "shuffle"]


def make(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    values = torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(dtype)
    return values.contiguous(memory_format=torch.channels_last) if values.ndim == 4 else values


def case(
    height: int, width: int, channels: int = 3, resize: str = "none", frame: int | None = None, **options: Any
) -> dict[str, Any]:
    """Arguments for a result of height × width px without its border; `frame`: border of the added map."""
    shapes = {
        "none": (height, width),
        "pool": (2 * height + 1, 2 * width),
        "shuffle": (height // 2 + 1, width // 2 + 1),
    }
    dtype = options.pop("dtype", torch.float32)
    times = 4 if resize == "shuffle" else 1
    added = None if frame is None else make(2, channels, height + 2 * frame, width + 2 * frame, dtype=dtype, seed=2)
    raw, bias = make(2, times * channels, *shapes[resize], dtype=dtype), make(channels, dtype=dtype, seed=1)
    return {"raw": raw, "bias": bias, "slope": SLOPE, "resize": resize, "added": added, **options}


def numbers(tensor: Tensor) -> Floats:
    return tensor.double().contiguous().numpy()


def shuffled(raw: Floats) -> Floats:
    """Phases of whole pixels next to each other, without the outermost pixels."""
    count, channels, height, width = raw.shape
    result = np.zeros((count, channels // 4, 2 * height, 2 * width))
    for phase in range(4):
        result[..., phase // 2 :: 2, phase % 2 :: 2] = raw[:, phase * channels // 4 : (phase + 1) * channels // 4]
    return result[..., 1:-1, 1:-1]


def pooled(raw: Floats) -> Floats:
    height, width = (side // 2 * 2 for side in raw.shape[2:])
    quarters = [raw[..., row:height:2, column:width:2] for row in (0, 1) for column in (0, 1)]
    return np.max(quarters, axis=0)


def wanted(
    raw: Tensor,
    bias: Tensor,
    slope: float,
    border: int = 0,
    edges: str = "reflect",
    resize: str = "none",
    added: Tensor | None = None,
) -> Floats:
    values = {"none": lambda raw: raw, "pool": pooled, "shuffle": shuffled}[resize](numbers(raw))
    values = values + numbers(bias)[:, None, None]
    values = np.where(values < 0, values * slope, values)
    if added is not None:
        frame = (added.shape[2] - values.shape[2]) // 2
        values = values + numbers(added)[..., frame : frame + values.shape[2], frame : frame + values.shape[3]]
    sides = [(0, 0), (0, 0), (border, border), (border, border)]
    return np.pad(values, sides, mode={"reflect": "reflect", "replicate": "edge"}[edges])  # type: ignore[call-overload, no-any-return]


def launched(kernels: ModuleType, **arguments: Any) -> Tensor:
    """The kernel's result, by the way that CUDA's takes to it."""
    raw, added = arguments["raw"], arguments["added"]
    shown = epilogues._shown(raw, arguments["resize"])
    frame = 0 if added is None else epilogues._frame(added, (2, arguments["bias"].shape[0], *shown), raw.dtype)
    options = {"border": 0, "edges": "reflect", **arguments}
    result: Tensor = kernels.epilogue(**options, shown=shown, frame=frame)
    return result


def check(kernels: ModuleType, tolerance: float = 1e-6, **arguments: Any) -> None:
    expected = wanted(**arguments)
    for found in (launched(kernels, **arguments), epilogue(**arguments)):
        assert found.dtype == arguments["raw"].dtype
        assert found.is_contiguous(memory_format=torch.channels_last)
        np.testing.assert_allclose(numbers(found), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.usefixtures("poisoned")
@pytest.mark.parametrize("resize", RESIZES)
@pytest.mark.parametrize(("border", "edges"), [(0, "reflect"), (1, "reflect"), (3, "reflect"), (2, "replicate")])
@pytest.mark.parametrize(("height", "width"), [(4, 10), (22, 18)])
def test_values_are_those_of_numpy(
    interpreted: ModuleType, height: int, width: int, border: int, edges: str, resize: str
) -> None:
    check(interpreted, **case(height, width, resize=resize, border=border, edges=edges))
    check(interpreted, **case(height, width, resize=resize, border=border, edges=edges, frame=1))


@pytest.mark.usefixtures("poisoned")
@pytest.mark.parametrize(
    ("channels", "dtype"),
    [(1, torch.float32), (3, torch.float16), (64, torch.float32)] + [(65, dtype) for dtype in DTYPES],
)
@pytest.mark.parametrize("resize", RESIZES)
def test_any_channels_and_dtypes(interpreted: ModuleType, resize: str, channels: int, dtype: torch.dtype) -> None:
    check(interpreted, ROUNDING[dtype], **case(6, 8, channels, resize, frame=2, border=1, dtype=dtype))


@pytest.mark.usefixtures("poisoned")
@pytest.mark.parametrize("resize", RESIZES)
def test_64_bit_indices_and_other_strides_change_nothing(
    interpreted: ModuleType, resize: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = case(6, 8, 8, resize, frame=1, border=3)
    before = launched(interpreted, **arguments)
    assert torch.equal(launched(interpreted, **arguments | {"raw": arguments["raw"].contiguous()}), before)
    assert torch.equal(launched(interpreted, **arguments | {"added": arguments["added"].mT.contiguous().mT}), before)
    monkeypatch.setattr(interpreted, "INDEX_LIMIT", 1)
    assert torch.equal(launched(interpreted, **arguments), before)


def test_without_an_activation_a_sum_is_left(interpreted: ModuleType) -> None:
    arguments = case(6, 8, frame=0) | {"slope": 1.0}
    total = arguments["raw"] + arguments["bias"][:, None, None] + arguments["added"]
    torch.testing.assert_close(launched(interpreted, **arguments), total)


def test_contiguous_maps_stay_contiguous() -> None:
    arguments = case(6, 8, border=1)
    found = epilogue(**arguments | {"raw": arguments["raw"].contiguous()})
    assert found.is_contiguous()
    assert torch.equal(found, epilogue(**arguments))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"border": 4}, "border is 4 for a map of 4 x 10 px"),
        ({"resize": "double"}, "resize is 'double'"),
        ({"edges": "zeros"}, "edges 'zeros'"),
        ({"slope": -0.1}, "slope is -0.1"),
        ({"bias": torch.zeros(4)}, r"bias has shape \[4\]"),
        ({"added": torch.zeros(2, 3, 5, 10)}, r"added is torch.float32 of shape \[2, 3, 5, 10\]"),
        ({"added": torch.zeros(2, 3, 4, 10).double()}, "added is torch.float64"),
    ],
)
def test_what_would_read_outside_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        epilogue(**case(4, 10) | change)


def test_integers_are_refused() -> None:
    with pytest.raises(TypeError, match="raw has dtype"):
        epilogue(torch.zeros(1, 3, 4, 4, dtype=torch.int32), torch.zeros(3), SLOPE)


def test_a_map_on_a_cpu_has_no_kernels() -> None:
    assert not ops.has_kernels(torch.zeros(1))
