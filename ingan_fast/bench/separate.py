"""A call in a process of its own: its peak memory is its own, and a crash ends nothing else."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from ingan_fast.errors import UserError


def separately(function: Callable[..., Any], *arguments: Any) -> Any:
    """What `function(*arguments)` gives in a new process; all of it can be pickled.

    Raises:
        UserError: as the function does.
        RuntimeError: another exception, told in a line, or a crash.
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
        process.terminate()  # where this process is interrupted
        process.join()
    if error is not None:
        raise error
    return result


def _call(sender: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    try:
        outcome: tuple[Any, Exception | None] = (function(*arguments), None)
    except KeyboardInterrupt:
        return  # the process that waits was interrupted, too
    except UserError as error:
        outcome = (None, error)
    except Exception as error:
        text = (str(error).strip() or "no more is known").splitlines()[0]
        outcome = (None, RuntimeError(f"{type(error).__name__}: {text}"))
    sender.send(outcome)
