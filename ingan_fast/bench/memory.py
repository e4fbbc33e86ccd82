"""Memory of the process; does not import torch, which would add to it."""

import contextlib
import platform
import resource
from pathlib import Path

BYTES_OF_RSS = 1 if platform.system() == "Darwin" else 1024  # unit of getrusage's ru_maxrss
STATUS = Path("/proc/self/status")
FORGET_PEAK = "5"  # for clear_refs: resets the peak to the current resident set


def process_peak() -> int:
    """The process's largest resident set in bytes; since `forget_peak`, if supported."""
    peak = _status("VmHWM")  # getrusage includes the parent's peak if a larger process started this one
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * BYTES_OF_RSS if peak is None else peak


def forget_peak() -> int:
    """Reset the peak if the system supports that; returns the resident set in bytes (elsewhere its peak)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text(FORGET_PEAK)
    resident = _status("VmRSS")
    return process_peak() if resident is None else resident


def _status(name: str) -> int | None:
    """A size from Linux's status of this process, in bytes."""
    if not STATUS.is_file():
        return None
    lines = (line.split() for line in STATUS.read_text().splitlines())
    return next((int(line[1]) << 10 for line in lines if line[0] == f"{name}:"), None)
