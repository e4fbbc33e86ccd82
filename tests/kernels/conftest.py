"""The Triton kernels without a GPU, and the mark of the tests that need one."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

import ingan_fast.kernels

PACKAGE = "ingan_fast.kernels"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


@contextmanager
def without_kernels() -> Iterator[None]:
    """Unloads the kernels' modules, and restores them afterwards."""
    names = [name for name in sys.modules if name.startswith(f"{PACKAGE}.triton_")]
    before = {name: sys.modules.pop(name) for name in names}
    for name in names:
        delattr(ingan_fast.kernels, name.rpartition(".")[2])
    yield
    for name in [name for name in sys.modules if name.startswith(f"{PACKAGE}.triton_")]:
        del sys.modules[name]
        delattr(ingan_fast.kernels, name.rpartition(".")[2])
    for name, module in before.items():
        sys.modules[name] = module
        setattr(ingan_fast.kernels, name.rpartition(".")[2], module)


@pytest.fixture(scope="session")
def quick_interpreter() -> Iterator[None]:
    """The interpreter changes Triton's language again for each function that a kernel calls: a third of its time."""
    language = pytest.importorskip("triton").language
    interpreter = importlib.import_module("triton.runtime.interpreter")
    change = interpreter._patch_lang

    def changed(function: Any) -> Any:
        seen = [each for each in function.__globals__.values() if each is language or each is language.core]
        if any(language.core.is_builtin(each.load) for each in seen):  # not changed yet, or not any more
            return change(function)
        return SimpleNamespace(restore=lambda: None)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(interpreter, "_patch_lang", changed)
        yield


@pytest.fixture(scope="session")
def interpreted(quick_interpreter: None) -> ModuleType:
    """`triton_warp` on CPU tensors with Triton's interpreter; other modules keep the compiled kernels."""
    with pytest.MonkeyPatch.context() as patch, without_kernels():
        # Read when a kernel is decorated.
        patch.setenv("TRITON_INTERPRET", "1")
        kernels = importlib.import_module(f"{PACKAGE}.triton_warp")
    try:
        kernels.homography_warp_gather(torch.zeros(1, 1, 1, 1), torch.eye(3)[None], (1, 1), "zeros")
    except Exception as error:
        if "0-dimensional" in str(error):
            pytest.skip("the interpreter of Triton 3.6 can't loop with NumPy 2.4 or newer")
        raise
    return kernels


@pytest.fixture
def poisoned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fills the results of `torch.empty` with NaN, so that unwritten values show."""
    empty = torch.empty

    def nan(*arguments: object, **options: object) -> torch.Tensor:
        return empty(*arguments, **options).fill_(torch.nan)  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr(torch, "empty", nan)
