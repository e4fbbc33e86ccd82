"""Devices are named as torch names them; what is not there is refused, and Apple's GPU gives way to the CPU."""

import logging
from collections.abc import Iterator

import pytest
import torch

from ingan_fast.errors import UserError
from ingan_fast.model import devices
from ingan_fast.model.devices import pick_device
from ingan_fast.model.precision import choose_precision, describe_precision
from ingan_fast.runtime.opening import open_model

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def probed_anew() -> Iterator[None]:
    devices._mps_fails.cache_clear()
    yield
    devices._mps_fails.cache_clear()


def there(monkeypatch: pytest.MonkeyPatch, cuda: int = 0, mps: bool = False) -> None:
    """Stand in for a machine with so many CUDA devices, and an Apple GPU."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"), [(0, False, "cpu"), (0, True, "mps"), (2, False, "cuda"), (1, True, "cuda")]
)
def test_auto_takes_the_fastest_that_is_there(
    monkeypatch: pytest.MonkeyPatch, cuda: int, mps: bool, expected: str
) -> None:
    there(monkeypatch, cuda, mps)
    monkeypatch.setattr(devices, "_try_step", lambda device: None)
    assert pick_device("auto") == torch.device(expected)


def test_one_of_several_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    there(monkeypatch, cuda=2)
    assert pick_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(UserError, match="cuda:0 to cuda:1"):
        pick_device("cuda:2")


@pytest.mark.parametrize(
    ("name", "part"), [("cuda", "no CUDA"), ("cuda:1", "no CUDA"), ("mps", "no Apple GPU"), ("tpu", "cuda:N")]
)
def test_unavailable_devices_are_refused(monkeypatch: pytest.MonkeyPatch, name: str, part: str) -> None:
    there(monkeypatch)
    with pytest.raises(UserError, match=part):
        pick_device(name)


@pytest.mark.parametrize("name", ["auto", "mps"])
def test_an_apple_gpu_that_cannot_train_gives_way_to_the_cpu_in_one_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    def lacking(device: torch.device) -> None:
        assert device == torch.device("mps")
        raise NotImplementedError("The operator 'aten::x' is not implemented for MPS.\nA second line")

    there(monkeypatch, mps=True)
    monkeypatch.setattr(devices, "_try_step", lacking)
    with caplog.at_level(logging.WARNING):
        assert pick_device(name) == CPU
    assert len(caplog.messages) == 1
    assert "'aten::x' is not implemented" in caplog.messages[0]
    assert "\n" not in caplog.messages[0]


def test_the_step_that_is_tried_is_one_that_can_be_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_rng_state()
    devices._try_step(CPU)
    assert torch.equal(torch.get_rng_state(), before)


def test_an_apple_gpu_computes_in_float32() -> None:
    assert choose_precision(torch.device("mps")) == "float32"
    assert describe_precision("float32", torch.device("mps")) == "convolutions in float32, the fastest on this GPU"


@pytest.mark.parametrize("name", ["cuda:x", "cuda:", "gpu", "mps:1"])
def test_the_runtime_refuses_other_names(tmp_path, name: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UserError, match="cuda:N"):
        open_model(tmp_path, name, "auto")
