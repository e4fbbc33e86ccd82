"""Where tasks run: on a Ray cluster, or in this process."""

import os
import re
import secrets
import shutil
import socket
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from ingan_fast.batch.work import Answer, Task
from ingan_fast.errors import MachineError, UserError

Work = Callable[[Task], Answer]

WAITING = 2  # tasks per CPU slot that are started or wait in the cluster: enough to keep it busy, little enough to hold
COUNT_EVERY = 2.0  # s between looks at how many slots the cluster has: nodes come and go
RAY = {  # environment variables that Ray reads when it is imported and started
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # otherwise it warns about a change that does not matter here
    "RAY_prestart_worker_first_driver": "0",  # those would lack `_THREADS`: another process takes each one's place
    "RAY_worker_niceness": "0",  # the command's own priority instead of 15
}
_THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_LONGEST_TEMPORARY = 40  # characters; Ray makes Unix sockets there, whose paths may have 107


class WorkerLost(Exception):
    """The process or the machine that worked on a task is gone.

    Attributes:
        node: whether it was the machine.
    """

    def __init__(self, text: str, node: bool = False):
        super().__init__(text)
        self.node = node


class Pool(Protocol):
    """Runs tasks; an answer is an exception where a task's work could not be done."""

    def room(self) -> int:
        """How many more tasks to submit now."""

    def submit(self, work: Work, task: Task, gpus: float = 0.0) -> Any:
        """Start a task on one CPU slot; returns its token."""

    def finished(self, timeout: float) -> list[tuple[Any, Answer | Exception]]:
        """Tokens and answers of tasks that ended since the last call; waits up to `timeout` seconds for the first."""


class InProcess:
    """Runs one task after another in this process: what a cluster is compared with, and for tests."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, Work, Task]] = deque()
        self._count = 0

    def room(self) -> int:
        return 1 - len(self._waiting)

    def submit(self, work: Work, task: Task, gpus: float = 0.0) -> int:
        self._count += 1
        self._waiting.append((self._count, work, task))
        return self._count

    def finished(self, timeout: float) -> list[tuple[Any, Answer | Exception]]:
        if not self._waiting:
            return []
        token, work, task = self._waiting.popleft()
        return [(token, work(task))]


class RayPool:
    """Runs tasks on the Ray cluster that is connected (`connected`).

    Ray's own retries are off: the batch counts how often a picture's worker died, so that a picture that kills its
    workers is not tried for ever (Ray retries without end after its memory monitor killed a worker).
    """

    def __init__(self) -> None:
        import ray

        self._ray = ray
        self._running: dict[Any, None] = {}
        self._functions: dict[Work, Any] = {}
        self._slots, self._counted = 0, -COUNT_EVERY

    def room(self) -> int:
        if time.monotonic() > self._counted + COUNT_EVERY:
            self._slots = int(self._ray.cluster_resources().get("CPU", 0))
            self._counted = time.monotonic()
        return WAITING * max(1, self._slots) - len(self._running)

    def gpus(self) -> float:
        """GPUs of the cluster."""
        return float(self._ray.cluster_resources().get("GPU", 0))

    def submit(self, work: Work, task: Task, gpus: float = 0.0) -> Any:
        if work not in self._functions:  # each `ray.remote` sends the function to the cluster
            self._functions[work] = self._ray.remote(max_retries=0)(work)
        token = self._functions[work].options(num_cpus=1, num_gpus=gpus).remote(task)
        self._running[token] = None
        return token

    def finished(self, timeout: float) -> list[tuple[Any, Answer | Exception]]:
        if not self._running:
            return []
        tokens = list(self._running)
        ready, _ = self._ray.wait(tokens, num_returns=1, timeout=timeout)
        if ready:
            ready, _ = self._ray.wait(tokens, num_returns=len(tokens), timeout=0)
        for token in ready:
            del self._running[token]
        return [(token, self._answer(token)) for token in ready]

    def _answer(self, token: Any) -> Answer | Exception:
        errors = self._ray.exceptions
        try:
            answer: Answer = self._ray.get(token)
        except errors.OutOfMemoryError:
            return WorkerLost("it used too much memory and was ended")
        except errors.WorkerCrashedError:
            return WorkerLost("its process ended unexpectedly, as when memory runs out")
        except (errors.NodeDiedError, errors.ObjectLostError, errors.LocalRayletDiedError):
            return WorkerLost("its node left the cluster", node=True)
        except errors.RayError as error:
            return _foreign(error)
        return answer


@contextmanager
def connected(address: str | None = None, cpus: int | None = None) -> Iterator[RayPool]:
    """Start a cluster on this machine, which ends with the block, or connect to the one at `address`.

    Args:
        address: HOST:PORT, or auto for the one that runs on this machine.
        cpus: CPU slots of a cluster on this machine; default: its cores.

    Raises:
        UserError: there is no cluster at `address`, or Ray is not installed.
        MachineError: Ray can't start.
    """
    options: dict[str, Any] = {
        "address": address or "local",
        "log_to_driver": False,
        "logging_level": "CRITICAL",
        "runtime_env": {"env_vars": _THREADS},
    }
    environment, temporary = dict(RAY), None
    if address is not None:
        _check_reachable(address)
    else:
        # Ray listens on all network interfaces: only who has the token may use the cluster.
        environment |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        options |= {"num_cpus": cpus, "include_dashboard": False}
        options["_temp_dir"] = temporary = temporary_folder()
    try:
        with _environment(environment):
            import ray

            try:
                _start(ray, address, options)
                yield RayPool()
            finally:
                ray.shutdown()
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def temporary_folder() -> str:
    """Make a folder for Ray's sockets, whose paths may not be long: in /tmp if the usual place's name is too long."""
    usual = tempfile.gettempdir()
    short = Path("/tmp")
    too_long = len(usual) + len("/ingan-12345678") > _LONGEST_TEMPORARY
    return tempfile.mkdtemp(prefix="ingan-", dir=short if too_long and short.is_dir() else usual)


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables during the block; those of `RAY` only if the user did not."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update({name: value for name, value in values.items() if before[name] is None or name not in RAY})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _check_reachable(address: str) -> None:
    """Check that something listens at HOST:PORT; Ray itself tries for minutes, and tells the terminal each time."""
    match = re.fullmatch(r"(?:ray://)?(.+):(\d{1,5})", address)
    if match is None:  # auto, or nothing that Ray knows
        return
    try:
        socket.create_connection((match[1], int(match[2])), timeout=10).close()
    except (OSError, OverflowError) as error:
        raise UserError(f"can't connect to --address {address} ({error}); start a cluster: ray start --head") from error


def _start(ray: Any, address: str | None, options: dict[str, Any]) -> None:
    try:
        ray.init(**options)
    except (OSError, ValueError, RuntimeError) as error:  # Ray raises all of these
        text = " ".join(str(error).split())[:200]
        if address is None:
            raise MachineError(f"Ray can't start on this machine ({text}); free memory and disk space") from error
        raise UserError(f"there is no Ray cluster at --address {address} ({text}); start one: ray start --head") from (
            error
        )


def _foreign(error: Exception) -> Exception:
    """An error that is none of the picture's: the node can't run this program."""
    text = " ".join(str(error).split())
    if "ingan_fast" in text and ("ModuleNotFoundError" in text or "ImportError" in text or "AttributeError" in text):
        return UserError("a node of the cluster has no ingan-fast, or another version: install this one on every node")
    return MachineError(f"a node of the cluster failed: {text[:300]}")
