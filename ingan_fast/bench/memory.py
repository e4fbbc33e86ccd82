"""The memory of a process; torch is not loaded, which would be part of it."""

import contextlib
import platform
import resource
from pathlib import Path

BYTES_OF_RSS = 1 if platform.system() == "Darwin" else 1024  # the unit of getrusage's ru_maxrss
STATUS = Path("/proc/self/status")
FORGET_PEAK = "5"  # for clear_refs: what was the peak is what there is now


def process_peak() -> int:
    """The largest resident set of this process, in bytes; since `forget_peak`, where that worked."""
    peak = _status("VmHWM")  # getrusage tells a parent's peak, too, where a process was started by a larger one
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * BYTES_OF_RSS if peak is None else peak


def forget_peak() -> int:
    """Count the peak anew where the system can do that; returns the resident set (there: else its peak), in bytes."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text(FORGET_PEAK)
    resident = _status("VmRSS")
    return process_peak() if resident is None else resident


def _status(name: str) -> int | None:
    """A size that Linux tells of this process, in bytes."""
    if not STATUS.is_file():
        return None
    lines = (line.split() for line in STATUS.read_text().splitlines())
    return next((int(line[1]) << 10 for line in lines if line[0] == f"{name}:"), None)
