"""Calls functions in separate processes, to measure their peak memory and to survive a crash."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from ingan_fast.errors import UserError


def one_process() -> ProcessPoolExecutor:
    """A new process for one call after the other; functions, arguments and results must be picklable."""
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))


def separately(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return `function(*arguments)` computed in a new process.

    Raises:
        UserError: raised by the function.
        RuntimeError: another exception of the function, as one line, or a crash.
    """
    with one_process() as process:
        try:
            return process.submit(function, *arguments).result()
        except UserError:
            raise
        except BrokenProcessPool:
            raise RuntimeError("its process crashed; is there enough memory?") from None
        except Exception as error:
            text = (str(error).strip() or "no details").splitlines()[0]
            raise RuntimeError(f"{type(error).__name__}: {text}") from error
