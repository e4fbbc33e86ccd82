"""Folders that are expensive to make: made once for all test processes."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The folder that `make` creates; read-only, because all tests of all pytest-xdist workers get the same one."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # a worker's own folder is in one of the whole run
    path = base / "made_once" / name
    path.parent.mkdir(exist_ok=True)
    with FileLock(path.with_name(f"{name}.lock")):
        if not path.exists():
            unfinished = path.with_name(f"{name}.unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            make(unfinished)
            unfinished.rename(path)
    return path
