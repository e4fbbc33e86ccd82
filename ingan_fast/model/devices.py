"""Selection of the torch device."""

import contextlib
import functools
import logging
import re
from collections.abc import Iterator

import torch

from ingan_fast.errors import UserError

KNOWN = "auto, cpu, cuda, cuda:N (the N-th GPU, from 0) or mps"

logger = logging.getLogger(__name__)


def pick_device(name: str) -> torch.device:
    """The device called `name`; "auto" picks CUDA, else Apple's GPU (MPS), else the CPU.

    If MPS can't compute a training step, falls back to the CPU and logs a warning.

    Raises:
        UserError: the device is not available, or the name is unknown.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if not re.fullmatch(r"cpu|mps|cuda(:\d{1,3})?", name, re.ASCII):
        raise UserError(f"unknown device {name!r}; choose {KNOWN}")
    if name.startswith("cuda"):
        _check_cuda(name)
    if name == "mps":
        if not torch.backends.mps.is_available():
            raise UserError("device mps is not available: torch finds no Apple GPU; use the device cpu or auto")
        reason = _mps_fails()
        if reason is not None:
            logger.warning("using the CPU, because Apple's GPU can't compute this: %s", reason)
            name = "cpu"
    return torch.device(name)


@contextlib.contextmanager
def on_device(device: torch.device) -> Iterator[None]:
    """Make a CUDA device current inside the block: streams, events and graphs use the current device."""
    with torch.cuda.device(device) if device.type == "cuda" else contextlib.nullcontext():
        yield


def _check_cuda(name: str) -> None:
    if not torch.cuda.is_available():
        raise UserError(f"device {name} is not available: torch finds no CUDA device; use the device cpu or auto")
    count, index = torch.cuda.device_count(), int(name.partition(":")[2] or 0)
    if index >= count:
        available = "only cuda:0" if count == 1 else f"cuda:0 to cuda:{count - 1}"
        raise UserError(f"device {name} is not available: torch finds {available}; choose one of these, auto or cpu")


@functools.cache
def _mps_fails() -> str | None:
    """Why MPS can't compute a small training step; None if it can."""
    try:
        _try_step(torch.device("mps"))
    except (RuntimeError, NotImplementedError, TypeError, AssertionError) as error:  # torch uses all of these
        return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
    return None


def _try_step(device: torch.device) -> None:
    """Run one iteration of a small training."""
    import numpy as np

    from ingan_fast.model.sampling import Sampler
    from ingan_fast.model.state import TrainingState
    from ingan_fast.model.step import training_step
    from ingan_fast.settings import SMOKE

    with torch.random.fork_rng(devices=[]):
        picture = np.arange(64 * 64 * 3, dtype=np.uint8).reshape(64, 64, 3)
        sampler = Sampler([picture], SMOKE, 0, device)
        state = TrainingState(SMOKE, 0, device, "float32")
        state.set_schedules()
        training_step(state, sampler.draw(0, 0)).cpu()
