"""Calls a function in a separate process, to measure its peak memory and to survive a crash."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from ingan_fast.errors import UserError


def separately(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return `function(*arguments)` computed in a new process; everything must be picklable.

    Raises:
        UserError: raised by the function.
        RuntimeError: another exception of the function, as one line, or a crash.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_call, args=(sender, function, arguments))
    process.start()
    sender.close()
    try:
        result, error = receiver.recv()
    except EOFError:
        process.join()
        raise RuntimeError(f"its process crashed (exit code {process.exitcode})") from None
    finally:
        process.terminate()  # in case this process is interrupted
        process.join()
    if error is not None:
        raise error
    return result


def _call(sender: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    try:
        outcome: tuple[Any, Exception | None] = (function(*arguments), None)
    except KeyboardInterrupt:
        return  # the waiting process was interrupted, too
    except UserError as error:
        outcome = (None, error)
    except Exception as error:
        text = (str(error).strip() or "no details").splitlines()[0]
        outcome = (None, RuntimeError(f"{type(error).__name__}: {text}"))
    sender.send(outcome)
